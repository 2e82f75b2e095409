"""Plugins in shared objects: where they are found, and what is said of those that cannot be loaded.

Usage: loading.py TEST     (the program is $SPIDERLING; exit status 77: there is no compiler)
"""
import json
import os
import pathlib
import pwd
import re
import shutil
import struct
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE.parent / "scenarios"))
import trace_text  # noqa: E402

SPIDERLING = os.environ["SPIDERLING"]
SKIPPED = 77
TRACE = """0 10.0.0.1:4000 > 10.0.0.2:80 tcp S
1 10.0.0.2:80 > 10.0.0.1:4000 tcp SA
1 10.0.0.1:4000 > 10.0.0.2:53 udp dns=query:www.example.org
"""
CHAIN = """#include <spiderling/chain.h>
using namespace spiderling;
struct Mine {
  static constexpr const char* name = NAME;
  static constexpr const char* description = "Packets with a SYN";
  static constexpr const char* version = "2.1";
  struct State { std::uint32_t syns = 0; };
  static void fields(FieldList& list, const State& s) { list.add(FIELD, s.syns, "SYNs, both ways"); }
  static void tcp(State& s, const TcpHeader& tcp, const FlowPacket&) { if (tcp.has(tcp_flag::syn)) ++s.syns; }
};
SPIDERLING_CHAIN(Mine)
"""


class Place:
    """A folder of its own, with a folder of plugins in it, and nobody else's."""

    def __init__(self):
        if shutil.which("c++") is None:
            print("SKIPPED: needs a C++ compiler")
            sys.exit(SKIPPED)
        self.root = tempfile.TemporaryDirectory(prefix="plugins-")
        self.path = pathlib.Path(self.root.name)
        self.plugins = self.path / "plugins"
        self.plugins.mkdir(mode=0o755)
        self.trace = self.path / "trace.pcap"
        self.trace.write_bytes(trace_text.capture_of(TRACE))

    def build(self, name, source, *flags, folder=None):
        target = (folder or self.plugins) / name
        target.parent.mkdir(exist_ok=True)
        text = self.path / (name + ".cpp")
        text.write_text(source)
        done = subprocess.run(["c++", "-std=c++20", "-O0", "-shared", "-fPIC", "-I", str(ROOT / "include"), *flags, str(text),
                               "-o", str(target)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        target.chmod(0o644)
        return target

    def chain(self, file, name, field, *flags, folder=None):
        return self.build(file, CHAIN, f'-DNAME="{name}"', f'-DFIELD="{field}"', *flags, folder=folder)

    def run(self, *words, status=0, stdin="", **environment):
        variables = {"PATH": os.environ["PATH"], "HOME": str(self.path), "LC_ALL": "C.UTF-8", **environment}
        # What a sanitizer was told holds for these runs too.
        variables |= {key: value for key, value in os.environ.items() if key.endswith("SAN_OPTIONS")}
        done = subprocess.run([SPIDERLING, *words], capture_output=True, text=True, check=False, env=variables, input=stdin,
                              timeout=120, cwd=self.path)
        assert done.returncode == status, (words, done.returncode, done.stdout, done.stderr)
        return done

    def records(self, *words, **environment):
        return [json.loads(line) for line in self.run("observe", "-i", str(self.trace), *words, **environment).stdout.splitlines()]


def a_chain_from_a_folder():
    place = Place()
    place.chain("libsyns.so", "syns", "syn_count")
    found = place.records("--plugin-dir", str(place.plugins), "basic", "syns")
    assert [record["syn_count"] for record in found if record["proto"] == 6] == [2], found
    assert all("sip" in record for record in found)
    assert place.records("syns", SPIDERLING_PLUGIN_PATH=f"/no/such/folder:{place.plugins}")[0]["syn_count"] == 2
    listed = place.run("observe", "--list-chains", SPIDERLING_PLUGIN_PATH=str(place.plugins)).stdout
    assert "syns     Packets with a SYN" in listed and "basic" in listed, listed
    told = place.run("observe", "--describe", "syns", SPIDERLING_PLUGIN_PATH=str(place.plugins)).stdout
    assert "syn_count" in told and "SYNs, both ways" in told, told
    schema = json.loads(place.run("observe", "--schema", "syns", f"--plugin-dir={place.plugins}").stdout)
    assert schema["properties"]["syn_count"]["type"] == "integer", schema
    said = place.run("observe", "-i", str(place.trace), "syns", status=2).stderr
    assert "there is no chain 'syns'" in said, said
    assert "--plugin-dir wants a value" in place.run("observe", "--plugin-dir", status=2).stderr


def folders_in_order():
    place = Place()
    place.chain("one.so", "twin", "from_the_first")
    place.chain("one.so", "twin", "from_the_second", folder=place.path / "second")
    user = place.path / ".local/lib/spiderling/plugins"
    user.mkdir(parents=True)
    place.chain("two.so", "users_own", "of_the_user", folder=user)
    words = ["--plugin-dir", str(place.plugins), "twin", "users_own"]
    run = place.run("observe", "-i", str(place.trace), *words, SPIDERLING_PLUGIN_PATH=str(place.path / "second"))
    assert "from_the_first" in run.stdout and "of_the_user" in run.stdout, run.stdout
    assert f"there is a chain 'twin' already, from {place.plugins}/one.so" in run.stderr, run.stderr
    # The same folder twice, and by another way, is one.
    (place.path / "link").symlink_to(place.plugins)
    run = place.run("observe", "-i", str(place.trace), "--plugin-dir", str(place.plugins), "--plugin-dir", str(place.path / "link"), "twin")
    assert "passed over" not in run.stderr, run.stderr


def a_named_file():
    place = Place()
    good = place.chain("good.so", "good", "good_count")
    assert place.records("--plugin", str(good), "good")[0]["good_count"] == 2
    bad = place.path / "bad.so"
    bad.write_text("text")
    said = place.run("observe", "--plugin", str(bad), "basic", status=2).stderr
    assert f"{bad}: this is no shared object" in said and len(said.splitlines()) == 1, said
    copy = place.chain("copy.so", "good", "good_count")
    said = place.run("observe", "--plugin", str(good), "--plugin", str(copy), "good", status=2).stderr
    assert "there is a chain 'good' already" in said, said


def refusals(place, *words, **environment):
    """File name -> why, as `spiderling plugins --json` tells."""
    lines = [json.loads(line)
             for line in place.run("plugins", "--json", "--plugin-dir", str(place.plugins), *words, **environment).stdout.splitlines()]
    return {pathlib.Path(line["file"]).name: line["refused"] for line in lines if "refused" in line}, lines


def what_is_refused():
    place = Place()
    good = place.chain("good.so", "good", "good_count")
    (place.plugins / "text.so").write_text("no shared object\n")
    (place.plugins / "empty.so").write_bytes(b"")
    (place.plugins / "folder.so").mkdir()
    (place.plugins / "dangling.so").symlink_to("nowhere")
    elf = bytearray(good.read_bytes())
    machine = struct.unpack_from("<H", elf, 18)[0]
    struct.pack_into("<H", elf, 18, 243 if machine != 243 else 62)
    (place.plugins / "riscv.so").write_bytes(elf)
    (place.plugins / "cut.so").write_bytes(good.read_bytes()[:2000])
    place.build("none.so", "int nothing;")
    place.build("missing.so", CHAIN + "void nobody_has_this(int);\nstruct U { U() { nobody_has_this(1); } } u;\n", '-DNAME="missing"',
                '-DFIELD="a"')
    place.build("old.so", "#include <spiderling/plugin.h>\nnamespace { const spiderling::Plugin p{1, spiderling::PluginKind::chain, "
                '"old", __FILE__, nullptr, nullptr, nullptr};\n[[gnu::used, gnu::section("spiderling_plugins")]] const '
                "spiderling::Plugin* const e = &p; }\n")
    place.build("boost.so", "#include <spiderling/plugin.h>\nnamespace { const spiderling::Plugin p{spiderling::plugin_api_version, "
                'spiderling::PluginKind::chain, "b", __FILE__, nullptr, "libstdc++ with cxx11 ABI 0, Boost 1_74", ""};\n'
                '[[gnu::used, gnu::section("spiderling_plugins")]] const spiderling::Plugin* const e = &p; }\n')
    place.chain("ecn.so", "ecn", "my_ecn")
    place.chain("space.so", "no word", "a")
    place.chain("field.so", "field", "pkt_first")
    why, lines = refusals(place)
    expected = {
        "text.so": "this is no shared object", "empty.so": "this is no shared object", "folder.so": "this is no file",
        "dangling.so": "No such file", "riscv.so": "built for RISC-V, this program is for", "cut.so": "cut.so",
        "none.so": "there is no plugin in it", "missing.so": "undefined symbol: nobody_has_this(int); this program has no such function",
        "old.so": "built for plugin interface 1, this program has", "boost.so": "built with libstdc++ with cxx11 ABI 0, Boost 1_74, this",
        "ecn.so": "there is a chain 'ecn' already, built in: give this one another name", "space.so": "'no word' is no name of a chain",
        "field.so": "pkt_first",
    }
    assert set(why) == set(expected), (set(why) ^ set(expected), why)
    for file, words in expected.items():
        assert words in why[file], (file, why[file])
        assert str(place.plugins / file) in why[file] and "\n" not in why[file], why[file]
    assert any(line.get("name") == "good" and line["version"] == "2.1" for line in lines), lines
    # The rest is loaded all the same, and each is said in one line.
    run = place.run("observe", "-i", str(place.trace), "--plugin-dir", str(place.plugins), "good")
    assert "good_count" in run.stdout
    assert run.stderr.count("plugin passed over: ") == len(expected), run.stderr


def what_ends_a_program_while_loaded():
    place = Place()
    place.chain("good.so", "good", "good_count")
    start = "#include <cstdlib>\n#include <stdexcept>\n" + CHAIN + "struct Start { Start() { %s; } } start;\n"
    flags = ['-DNAME="n"', '-DFIELD="f"']
    place.build("aborts.so", start % "std::abort()", *flags)
    place.build("exits.so", start % "std::exit(0)", *flags)
    place.build("exits_so_too.so", start % "std::_Exit(99)", *flags)  # what a child says that has told why
    place.build("crashes.so", start % "*(volatile int*)nullptr = 1", *flags)
    place.build("throws.so", start % 'throw std::runtime_error("no luck")', *flags)
    why, lines = refusals(place)
    assert set(why) == {"aborts.so", "exits.so", "exits_so_too.so", "crashes.so", "throws.so"}, why
    for file in ("aborts.so", "exits.so", "exits_so_too.so", "crashes.so"):
        assert "it ended the program while it was loaded" in why[file], why
    assert "it threw while it was loaded: no luck" in why["throws.so"], why
    assert any(line.get("name") == "good" for line in lines), lines


def one_that_hangs():
    place = Place()
    place.chain("good.so", "good", "good_count")
    place.build("hangs.so", CHAIN + "struct Start { Start() { for (volatile int i = 0;;) i = 1; } } start;\n", '-DNAME="n"', '-DFIELD="f"')
    why, lines = refusals(place)
    assert "it had not finished loading after 10 s" in why["hangs.so"], why
    assert any(line.get("name") == "good" for line in lines), lines


def folders_that_were_named():
    place = Place()
    said = place.run("observe", "-i", str(place.trace), "--plugin-dir", "nowhere", "basic", status=2)
    assert "nowhere: cannot be read as a folder of plugins: No such file" in said.stderr and not said.stdout, said
    said = place.run("sniff", "-i", str(place.trace), "--output", "-", "--plugin-dir", "nowhere", "-m", "mine", status=2)
    assert "nowhere: cannot be read as a folder of plugins" in said.stderr, said
    # The folder of the sources, say, in place of that of the build.
    run = place.run("observe", "-i", str(place.trace), "--plugin-dir", str(place.plugins), "basic")
    assert f"{place.plugins}: there is no shared object (.so) in this folder" in run.stderr and run.stdout, run
    # Those that are always looked at need not be there.
    run = place.run("observe", "-i", str(place.trace), "basic", SPIDERLING_PLUGIN_PATH=f"nowhere:{place.plugins}")
    assert "passed over" not in run.stderr, run


def with_sudo_those_of_its_caller_too():
    place = Place()
    games = pwd.getpwnam("games")
    folder = f"  {games.pw_dir}/.local/lib/spiderling/plugins\n"
    assert (folder in place.run("plugins", "--help", SUDO_UID=str(games.pw_uid)).stdout) == (os.geteuid() == 0)
    for nobody in ("", "x", f"{games.pw_uid}x", "4294967295", "99999999999"):
        assert folder not in place.run("plugins", "--help", SUDO_UID=nobody).stdout, nobody


def who_may_write():
    place = Place()
    place.chain("good.so", "good", "good_count")
    place.chain("open.so", "open", "open_count").chmod(0o666)
    why, _ = refusals(place)
    assert "anybody may write to it: chmod o-w" in why.pop("open.so") and not why, why
    (place.plugins / "open.so").unlink()
    good = place.plugins / "good.so"
    good.chmod(0o664)  # of root's own group, or of the user's who runs this
    if os.geteuid() == 0:
        assert not refusals(place)[0]
        sync = pwd.getpwnam("sync")  # the first group of whom is that of others too
        os.chown(good, sync.pw_uid, sync.pw_gid)
        assert "it belongs to user" in refusals(place)[0]["good.so"]
        assert "its group may write to it: chmod g-w" in refusals(place, SUDO_UID=str(sync.pw_uid))[0]["good.so"]
        good.chmod(0o644)
        assert not refusals(place, SUDO_UID=str(sync.pw_uid))[0]
        os.chown(good, 0, 0)
    good.chmod(0o644)
    place.plugins.chmod(0o777)
    why, lines = refusals(place)
    assert "anybody may write to it" in why.pop("plugins") and not why, why
    assert not any(line.get("name") == "good" for line in lines)
    # One that is named is loaded: that was somebody's own decision.
    assert place.records("--plugin", str(place.plugins / "good.so"), "good")[0]["good_count"] == 2


def the_list():
    place = Place()
    place.chain("good.so", "good", "good_count")
    (place.plugins / "text.so").write_text("text")
    text = place.run("plugins", "--plugin-dir", str(place.plugins)).stdout
    assert re.search(rf"^chain +good +2\.1 +{place.plugins}/good\.so$", text, re.M), text
    assert re.search(r"^chain +ecn +- +built in$", text, re.M) and re.search(r"^measurement +ecn +1\.0\.0 +built in$", text, re.M), text
    assert re.search(r"^chef +ARPChef ", text, re.M) and "Passed over:\n  " in text and "text.so: this is no" in text, text
    only = place.run("plugins", "--kind", "chef", "--json").stdout
    assert {json.loads(line)["kind"] for line in only.splitlines()} == {"chef"}


def show_and_reference():
    place = Place()
    place.build("good.so", CHAIN + 'SPIDERLING_README(chain, "good", R"(# good: it counts\nIn a `raw` string.)")\n', '-DNAME="good"',
                '-DFIELD="good_count"')
    place.chain("plain.so", "plain", "plain_count")
    (place.plugins / "plain.md").write_text("# plain, beside its file\n")
    folder = ["--plugin-dir", str(place.plugins)]
    text = place.run("plugins", "show", "good", *folder).stdout
    assert "# good: it counts\nIn a `raw` string.\n" in text and "| `good_count` | int | SYNs, both ways |" in text, text
    assert f"It is in {place.plugins}/good.so." in text, text
    assert "# plain, beside its file\n" in place.run("plugins", "show", "plain", *folder).stdout
    both = place.run("plugins", "show", "ecn").stdout  # a chain and a measurement
    assert "## Conditions" in both and "ecn_ect0_syn_fwd" in both, both
    assert "## Conditions" not in place.run("plugins", "show", "ecn", "--kind", "chain").stdout
    said = place.run("plugins", "show", "god", *folder, status=2).stderr
    assert "did you mean 'good'" in said, said
    page = place.run("plugins", "reference", *folder).stdout
    assert "## chain good\n" in page and "| `good_count` | int |" in page and "| `ecn.connectivity.works` |" in page, page
    assert "| `--codepoint` |" in page, page
    committed = (ROOT / "docs/reference.md").read_text()
    assert committed == place.run("plugins", "reference").stdout, "docs/reference.md: spiderling plugins reference > docs/reference.md"


if __name__ == "__main__":
    globals()[sys.argv[1]]()
