"""Chefs of a third party: a shared object, built with nothing but include/, loaded by its path.

Usage: chef_module.py      (the program is $SPIDERLING; exit status 77: there is no compiler)
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from kitchen import Kitchen, skip, trace_of

ROOT = pathlib.Path(__file__).resolve().parents[2]
TRACE = """0 10.0.0.1:4000 > 10.0.0.2:53 udp dns=query:www.example.org
1 10.0.0.1:4000 > 10.0.0.2:80 tcp S
1 10.0.0.2:80 > 10.0.0.1:4000 tcp SA
"""
FAILING = """#include <spiderling/chef.h>
#include <limits>
#include <stdexcept>
namespace mine {
class Fails : public spiderling::Chef {
 public:
  spiderling::Payload packet_handler(const spiderling::Packet&) override { throw std::runtime_error("no luck"); }
};
class SaysNan : public spiderling::Chef {
 public:
  spiderling::Payload packet_handler(const spiderling::Packet&) override { return std::numeric_limits<double>::quiet_NaN(); }
};
class Base : public spiderling::Chef {
 public:
  static constexpr bool assignable_to_kitchen = false;
};
}
SPIDERLING_CHEF(mine::Fails)
SPIDERLING_CHEF(mine::SaysNan)
SPIDERLING_CHEF(mine::Base)
"""
OLD = """#include <spiderling/plugin.h>
namespace {
const spiderling::Plugin plugin{999, spiderling::PluginKind::chef, "Old", __FILE__, nullptr};
[[gnu::used, gnu::section("spiderling_plugins")]] const spiderling::Plugin* const entry = &plugin;
}
"""


def build(folder, name, source):
    path = pathlib.Path(folder) / name
    source_file = path.with_suffix(".cpp")
    source_file.write_text(source)
    done = subprocess.run(["c++", "-std=c++20", "-O1", "-shared", "-fPIC", "-I", str(ROOT / "include"), str(source_file), "-o",
                           str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return str(path)


def listing(*modules):
    command = [os.environ["SPIDERLING"], "sniff", "--chef-list"]
    for module in modules:
        command += ["-m", module]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def example_runs(folder):
    module = build(folder, "libmy_chefs.so", (ROOT / "examples/my_chefs.cpp").read_text())
    assert f"{module}\n  Connections\n  DnsLookups\n" in listing(module, "netdumplings.dumplingchefs")
    with Kitchen("-m", module, "--output", "-", trace=trace_of(TRACE)) as kitchen:
        status, _ = kitchen.finish()
        assert status == 0, kitchen.stderr()
        dumplings = [(d["metadata"]["chef"], d["metadata"]["driver"], d["payload"]) for d in kitchen.dumplings()]
    assert dumplings == [
        ("Connections", "interval", {"connections": 0, "seconds": 5.0}),
        ("DnsLookups", "packet", {"lookup": {"hostname": "www.example.org", "when": 1600000000.0}}),
        ("Connections", "interval", {"connections": 1, "seconds": 5.0})], dumplings


def both_modules(folder):
    module = str(pathlib.Path(folder) / "libmy_chefs.so")
    with Kitchen("-m", module, "-m", "netdumplings.dumplingchefs", "-c", "DnsLookups", "-c", "DNSLookupChef", "--output", "-",
                 trace=trace_of(TRACE)) as kitchen:
        status, _ = kitchen.finish()
        assert status == 0, kitchen.stderr()
        assert {d["metadata"]["chef"] for d in kitchen.dumplings()} == {"DnsLookups", "DNSLookupChef"}


def failures_are_said_once(folder):
    module = build(folder, "libfailing.so", FAILING)
    with Kitchen("-m", module, "-m", "netdumplings.dumplingchefs", "--output", "-", trace=trace_of(TRACE)) as kitchen:
        status, closing = kitchen.finish()
        said = kitchen.stderr()
        assert status == 0, said
        assert closing["failures"] == 3 and closing["unwritable"] == 3, closing
        assert said.count('"chef":"Fails"') == said.count("no luck") == said.count('"chef":"SaysNan"') == 1, said
        assert "unassignable" in said and "Base" in said, said
        assert any("lookup" in d["payload"] for d in kitchen.dumplings())


def refused(module, *words):
    assert f"{module}\n  error importing module: " in listing(module)
    with Kitchen("-m", module, "--output", "-", trace=trace_of(TRACE)) as kitchen:
        assert kitchen.process.wait(60) == 2
        for word in words:
            assert word in kitchen.stderr(), kitchen.stderr()


def main():
    if shutil.which("c++") is None:
        skip("needs a C++ compiler")
    with tempfile.TemporaryDirectory(prefix="chefs-") as folder:
        example_runs(folder)
        both_modules(folder)
        failures_are_said_once(folder)
        refused(build(folder, "libold.so", OLD), "plugin interface 999")
        refused(build(folder, "libempty.so", ""), "no plugin of this program")
        text = pathlib.Path(folder) / "text.so"
        text.write_text("no shared object")
        refused(str(text), "text.so")
    return 0


sys.exit(main())
