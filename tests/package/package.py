"""The installed package, as its users have it: where it lies, what is in it, what can be built with it.

Usage: package.py TEST BUILD_TREE      (exit status 77: skipped, the reason is said)

`install` makes BUILD_TREE/package-test/prefix, which the other tests use; it is moved there after it was installed.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import header_examples

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(sys.argv[2]).resolve()
PLACE = BUILD / "package-test"
PREFIX = PLACE / "prefix"
LINKS = {"pspdr", "pathspider", "nd-sniff", "nd-hub", "nd-print", "nd-hubstatus", "nd-hubdetails"}
PYTHON_PACKAGES = "lib/python3/dist-packages"
TRACE = SOURCE / "examples/first.pcap"


def skip(reason):
    print(f"SKIPPED: {reason}")
    sys.exit(77)


def run(*words, cwd=None, status=0, **environment):
    """Its standard output; with another exit status than expected the test fails and shows all that it said."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False, cwd=cwd,
                          env={**os.environ, **environment})
    if done.returncode != status:
        raise SystemExit(f"{' '.join(map(str, words))}\nexit status {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def compiler():
    """As a user has it; with ccache, so that a test that changes nothing compiles nothing."""
    return [*([ccache] if (ccache := shutil.which("ccache")) else []), "c++"]


def fresh(name):
    folder = PLACE / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def files_in(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir() or path.is_symlink()}


def install():
    """Three components that have nothing in common, and no path of the build in any."""
    shutil.rmtree(PLACE, ignore_errors=True)
    parts = {}
    for component in ("runtime", "dev", "python"):
        run("cmake", "--install", BUILD, "--prefix", PLACE / component, "--component", component)
        parts[component] = files_in(PLACE / component)
    runtime, dev, python = parts["runtime"], parts["dev"], parts["python"]
    assert not runtime & dev and not python & (runtime | dev), parts
    assert {"lib/spiderling/libspiderling-python.so", f"{PYTHON_PACKAGES}/spiderling/testing/__init__.py"} <= python, python
    assert {f"bin/{name}" for name in LINKS | {"spiderling"}} <= runtime, runtime
    assert "lib/systemd/system/spiderling-hub.service" in runtime, runtime
    assert (PLACE / "runtime/lib/spiderling/plugins").is_dir()
    assert not any(name.startswith(("include/", "lib/cmake/", "lib/pkgconfig/")) for name in runtime), runtime
    assert {"lib/pkgconfig/spiderling.pc", "lib/cmake/spiderling/spiderlingConfig.cmake", "lib/libspiderling-testing.so"} <= dev
    run("cmake", "--install", BUILD, "--prefix", PLACE / "first")
    assert files_in(PLACE / "first") == runtime | dev | python
    (PLACE / "first").rename(PREFIX)
    for name in files_in(PREFIX):
        content = (PREFIX / name).read_bytes()
        for path in (f"{SOURCE}/", f"{BUILD}/"):
            # The units name the prefix that they were installed to: that is their purpose.
            assert path.encode() not in content or name.endswith(".service"), f"{name} has {path} in it"
    unit = (PREFIX / "lib/systemd/system/spiderling-hub.service").read_text()
    assert f"ExecStart={PLACE}/first/bin/spiderling hub" in unit, unit
    assert run(PREFIX / "bin/spiderling", "--version").startswith("spiderling ")
    assert '"tcp_connected":' in run(PREFIX / "bin/pspdr", "observe", "-i", TRACE, "tcp")


def headers():
    """Each public header compiles alone and before all others, with all its examples, warnings being errors."""
    assert files_in(PREFIX / "include") == files_in(SOURCE / "include")
    folder = fresh("headers")
    # No Boost of its own, no other library of the system: what the package declares is in the compiler's own folders.
    command = [*compiler(), "-std=c++20", "-Wall", "-Wextra", "-Werror", "-Wno-unused-variable", "-Wno-unused-function",
               "-fsyntax-only" if not shutil.which("ccache") else "-c", "-I", str(PREFIX / "include")]

    def check(pair):
        header, source = pair
        path = folder / (header.replace("/", "_") + ".cpp")
        path.write_text(source, encoding="utf-8")
        done = subprocess.run([*command, path.name, *([] if "-fsyntax-only" in command else ["-o", path.name + ".o"])],
                              cwd=folder, capture_output=True, text=True, check=False)
        return f"{header}:\n{done.stderr}" if done.returncode else ""

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        problems = [text for text in pool.map(check, header_examples.programs(PREFIX / "include")) if text]
    assert not problems, "\n".join(problems)


CMAKE_PROJECT = """cmake_minimum_required(VERSION 3.25)
project(mine LANGUAGES CXX)
find_package(spiderling 0.1 REQUIRED)
enable_testing()
spiderling_add_plugin(my_chefs my_chefs.cpp)
spiderling_add_plugin_test(my_chefs_test my_chefs my_chefs_test.cpp)
"""
TEST_OF_CHEFS = """#include <spiderling/testing.h>
using namespace spiderling::testing;
int main() {
  const ChefRun run = run_chef("DnsLookups", {"10.0.0.1:4000 > 10.0.0.2:53 udp dns=query:example.org"});
  const auto found = MeasurementTest("ecn").run({{"plain", answers()}});  // one of those that ship
  return run.of_packets().at(0).at("lookup").at("hostname") == "example.org" && found.at("plain").has("ecn.negotiation.succeeded")
             ? 0 : 1;
}
"""
LOOKUP = '"payload":{"lookup":{"hostname":"www.example.org","when":1600000000.0}}'


def sources(name):
    folder = fresh(name)
    shutil.copy(PREFIX / "share/doc/spiderling/examples/my_chefs.cpp", folder)
    (folder / "my_chefs_test.cpp").write_text(TEST_OF_CHEFS)
    (folder / "CMakeLists.txt").write_text(CMAKE_PROJECT)
    return folder


def guides_are_where_the_readme_links_to():
    folder = PREFIX / "share/doc/spiderling"
    linked = set(re.findall(r"\]\((docs/[^)#]+|plugins/[^)#]+)\)", (folder / "README.md").read_text()))
    assert "docs/writing-a-chef.md" in linked
    missing = [path for path in linked if not (folder / path).is_file()]
    assert not missing, missing


def is_loaded(module, prefix=PREFIX):
    assert LOOKUP in run(prefix / "bin/nd-sniff", "-i", TRACE, "--output", "-", "--chef-module", module)


def configure(folder, prefix=PREFIX):
    options = ["-G", "Ninja"] if shutil.which("ninja") else []
    if shutil.which("ccache"):
        options.append("-DCMAKE_CXX_COMPILER_LAUNCHER=ccache")
    run("cmake", "-S", folder, "-B", folder / "build", f"-DCMAKE_PREFIX_PATH={prefix}", "-DCMAKE_CXX_FLAGS=-O1", *options)


def cmake():
    """find_package() and the two functions: a plugin and its test, which knows the program of this installation."""
    folder = sources("cmake")
    configure(folder)
    run("cmake", "--build", folder / "build")
    said = run("ctest", "--test-dir", folder / "build", "--verbose")
    assert f"SPIDERLING={PREFIX}/bin/spiderling" in said, said
    assert "100% tests passed, 0 tests failed out of 1" in said, said
    is_loaded(folder / "build/libmy_chefs.so")


def pkg_config():
    """The same by hand."""
    folder = sources("pkg_config")
    environment = {"PKG_CONFIG_PATH": str(PREFIX / "lib/pkgconfig")}
    flags = run("pkg-config", "--cflags", "spiderling", **environment).split()
    run(*compiler(), "-O1", *flags, "-c", "my_chefs.cpp", "-o", "my_chefs.o", cwd=folder)
    run("c++", "-shared", "my_chefs.o", "-o", "libmy_chefs.so", "-lboost_json", cwd=folder)
    is_loaded(folder / "libmy_chefs.so")
    run(*compiler(), "-O1", *flags, "-c", "my_chefs_test.cpp", "-o", "test.o", cwd=folder)
    libraries = run("pkg-config", "--libs", "spiderling-testing", **environment).split()
    run("c++", "test.o", "my_chefs.o", "-o", "chefs_test", *libraries, cwd=folder)
    run(folder / "chefs_test")
    plugins = pathlib.Path(run("pkg-config", "--variable=plugindir", "spiderling", **environment).strip()).resolve()
    assert plugins == PREFIX / "lib/spiderling/plugins", plugins


EATER = """#include <spiderling/eater.h>
int main() { return spiderling::Eater({.name = "mine", .hub = "localhost:1"}).run().problem.empty() ? 1 : 0; }
"""


def eater():
    """A program that eats dumplings, by CMake and by hand; docs/writing-an-eater.md runs one."""
    folder = fresh("eater")
    (folder / "eater.cpp").write_text(EATER)
    (folder / "CMakeLists.txt").write_text("cmake_minimum_required(VERSION 3.25)\nproject(mine LANGUAGES CXX)\n"
                                           "find_package(spiderling 0.1 REQUIRED)\nadd_executable(eater eater.cpp)\n"
                                           "target_link_libraries(eater PRIVATE spiderling::eater)\n")
    configure(folder)
    run("cmake", "--build", folder / "build")
    run(folder / "build/eater")
    flags = run("pkg-config", "--cflags", "--libs", "spiderling-eater", PKG_CONFIG_PATH=str(PREFIX / "lib/pkgconfig")).split()
    run(*compiler(), "-O1", "eater.cpp", "-o", "eater", *flags, cwd=folder)
    run(folder / "eater")


def hidden():
    """The libraries show what the headers declare, and nothing of the engine behind them."""
    for library in ("testing", "eater"):
        shown = run("nm", "-DC", "--defined-only", PREFIX / f"lib/libspiderling-{library}.so")
        for name in ("Kitchen::", "Observer::", "Engine::", "Registry::", "boost::asio", "sqlite3", "spiderling_plugin_list"):
            assert name not in shown, name


def debs():
    """cpack makes three packages; laid out in an empty root they depend on each other as they should, and work."""
    for program in ("dpkg-deb", "dpkg-shlibdeps"):
        if not shutil.which(program):
            skip(f"needs {program}")
    folder, root = fresh("debs"), fresh("root")
    run("cpack", "-G", "DEB", "--config", BUILD / "CPackConfig.cmake", "-B", folder)
    packages = {path.name.split("_")[0]: path for path in folder.glob("*.deb")}
    assert set(packages) == {"spiderling", "spiderling-dev", "spiderling-python"}, packages
    for package in packages.values():
        run("dpkg-deb", "-x", package, root)
    depends = {name: run("dpkg-deb", "-f", path, "Depends") for name, path in packages.items()}
    version = run("dpkg-deb", "-f", packages["spiderling"], "Version").strip()
    assert run("dpkg-deb", "-f", packages["spiderling"], "Maintainer").strip() == "The contributors of spiderling"
    assert "libc6" in depends["spiderling"] and "libboost-json1.81.0" in depends["spiderling"], depends
    assert "-dev" not in depends["spiderling"] and "libpython" not in depends["spiderling"], depends
    assert "libpython3.11" in depends["spiderling-python"], depends
    for needed in (f"spiderling (= {version})", "libboost-json1.81-dev", "libexpected-dev", "g++"):
        assert needed in depends["spiderling-dev"], depends
    assert files_in(root / "usr") == files_in(PREFIX)
    assert "ExecStart=/usr/bin/spiderling hub" in (root / "usr/lib/systemd/system/spiderling-hub.service").read_text()
    assert '"tcp_connected":' in run(root / "usr/bin/spiderling", "observe", "-i", TRACE, "tcp")
    project = sources("from_debs")
    configure(project, root / "usr")
    run("cmake", "--build", project / "build", "--target", "my_chefs")
    is_loaded(project / "build/libmy_chefs.so", root / "usr")


def new_plugin(kind, name, snake):
    """`spiderling new`: it builds, its tests pass, it is loaded, and nothing that is there is overwritten."""
    folder = fresh(f"new_{kind}") / snake
    program = PREFIX / "bin/spiderling"
    said = run(program, "new", kind, name, "--dir", folder)
    assert f"-DCMAKE_PREFIX_PATH={PREFIX}" in said, said
    run(program, "new", kind, name, "--dir", folder, status=2)
    configure(folder)
    run("cmake", "--build", folder / "build")
    said = run("ctest", "--test-dir", folder / "build", "--verbose", "--output-on-failure")
    assert "0 tests failed" in said and f"{snake}_test" in said, said
    if "SKIPPED" in said.upper():
        print(f"a test of the new {kind} was skipped: it needs root and the lab's packages")
    listed = run(program, "plugins", "--plugin-dir", folder / "build")
    assert f"{folder}/build/lib{snake}.so" in listed, listed
    shown = run(program, "plugins", "show", name, "--plugin-dir", folder / "build")
    assert (folder / "README.md").read_text().splitlines()[2] in shown, shown
    return folder / "build"


def new_chef():
    module = new_plugin("chef", "MyChef", "my_chef") / "libmy_chef.so"
    is_loaded(module)


def new_chain():
    build = new_plugin("chain", "my_chain", "my_chain")
    record = run(PREFIX / "bin/spiderling", "observe", "--plugin-dir", build, "-i", TRACE, "basic", "my_chain")
    assert '"my_chain_ttl_fwd":64' in record, record


def new_measurement():
    build = new_plugin("measurement", "my_measurement", "my_measurement")
    told = run(PREFIX / "bin/spiderling", "measure", "my_measurement", "--help", SPIDERLING_PLUGIN_PATH=str(build))
    assert "--codepoint" in told, told
    job = '{"dip":"198.51.100.1"}\n'
    done = subprocess.run([PREFIX / "bin/spiderling", "measure", "--dry-run", "--plugin-dir", build, "--blocklist", "none",
                           "my_measurement"], input=job, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def new_in_python():
    """`spiderling new ... --python`: there is nothing to build, and its test passes with the kit of this installation."""
    folder = fresh("new_in_python")
    program = PREFIX / "bin/spiderling"
    path = f"{PREFIX}/bin:{os.environ['PATH']}"
    for kind, name, shows in (("chef", "my_chef", LOOKUP), ("chain", "my_chain", '"my_chain_ttl_fwd":64'),
                              ("measurement", "my_measurement", None)):
        said = run(program, "new", kind, name, "--python", cwd=folder)
        first, second = said.split("Next:\n")[1].splitlines()
        assert f"PYTHONPATH={PREFIX}/{PYTHON_PACKAGES} /usr/bin/python3 {name}/{name}_test.py" == first.strip(), said
        run("/bin/sh", "-c", first, cwd=folder, PATH=path)
        if shows:
            shown = run("/bin/sh", "-c", second.replace("TRACE.pcap", str(TRACE)), cwd=folder, PATH=path)
            assert shows in shown, shown
    told = run(program, "measure", "my_measurement", "--help", cwd=folder / "my_measurement")
    assert "Bytes of the first segment" in told, told


def new_names():
    """Names that are none, or taken, make nothing."""
    folder = fresh("names")
    for kind, name, why in (("chain", "tcp", "there is a chain 'tcp' already"), ("chef", "ARPChef", "there is a chef 'ARPChef' already"),
                            ("measurement", "ecn", "already"), ("chain", "../x", "no name for a plugin"),
                            ("chain", "test", "means something else"), ("spider", "x", "chef, chain or measurement")):
        done = subprocess.run([PREFIX / "bin/spiderling", "new", kind, name], cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 2 and (why in done.stderr or "not in" in done.stderr), (kind, name, done.stderr)
    assert not list(folder.iterdir())


TESTS = {test.__name__: test for test in (install, headers, cmake, pkg_config, eater, hidden, debs, new_chef, new_chain,
                                         new_measurement, new_in_python, new_names, guides_are_where_the_readme_links_to)}

if __name__ == "__main__":
    TESTS[sys.argv[1]]()
