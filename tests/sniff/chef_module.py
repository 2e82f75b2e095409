"""Chefs of a third party: a shared object, built with nothing but include/, loaded by its path.

Usage: chef_module.py      (the program is $SPIDERLING; exit status 77: there is no compiler)
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from kitchen import Kitchen, skip, trace_of, wait_for

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


# Waits in its first packet until the test says so.
BLOCKING = """#include <spiderling/chef.h>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <thread>
class Blocks : public spiderling::Chef {
 public:
  spiderling::Payload packet_handler(const spiderling::Packet&) override {
    for (int i = 0; i < 6000 && !std::filesystem::exists(std::getenv("GO_ON")); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return {};
  }
};
SPIDERLING_CHEF(Blocks)
"""


def build(folder, name, source):
    path = pathlib.Path(folder) / name
    source_file = path.with_suffix(".cpp")
    source_file.write_text(source)
    done = subprocess.run(["c++", "-std=c++20", "-O1", "-shared", "-fPIC", "-I", str(ROOT / "include"), str(source_file), "-o",
                           str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return str(path)


def logged(kitchen, event):
    """What a kitchen has said of such events so far."""
    lines = [line for line in kitchen.stderr().splitlines() if line.startswith("{") and line.endswith("}")]
    return [line for line in map(json.loads, lines) if line["event"] == event]


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
        for chef, event in (("Fails", "a chef failed; this is said once, and counted"),
                            ("SaysNan", "a chef's payload is no dumpling; this is said once, and counted")):
            assert [line["chef"] for line in logged(kitchen, event)] == [chef], said
        reported = {(line["chef"], line["handler"]): line for line in logged(kitchen, "what a handler did")}
        assert list(reported) == [("Fails", "packet_handler")], said  # the others are well
        assert reported["Fails", "packet_handler"]["calls"] == reported["Fails", "packet_handler"]["failures"] == 3, said
        assert "unassignable" in said and "Base" in said, said
        assert any("lookup" in d["payload"] for d in kitchen.dumplings())


def set_aside(folder):
    """After so many failures in a row a chef gets nothing more, and the others go on; without a chef the run is over."""
    module = str(pathlib.Path(folder) / "libfailing.so")
    trace = trace_of("repeat 50 0 10.0.0.1:4000 > 10.0.0.2:53 udp dns=query:h{i}.example\n")
    with Kitchen("-m", module, "-m", "netdumplings.dumplingchefs", "--max-failures", "5", "--output", "-", trace=trace) as kitchen:
        status, closing = kitchen.finish()
        assert status == 0, kitchen.stderr()
        assert closing["failures"] == 5 and closing["set_aside"] == 1 and closing["packets"] == 50, closing
        aside, = logged(kitchen, "a chef is set aside, since it failed again and again: it gets nothing more")
        assert (aside["chef"], aside["handler"], aside["failures_in_a_row"], aside["problem"]) == (
            "Fails", "packet_handler", 5, "no luck"), aside
        assert len([d for d in kitchen.dumplings() if "lookup" in d["payload"]]) == 50
    with Kitchen("-m", module, "-c", "Fails", "--max-failures", "5", "--output", "-", trace=trace) as kitchen:
        status, closing = kitchen.finish()
        assert status == 1 and closing["set_aside"] == 1, kitchen.stderr()
        assert "every chef failed again and again and was set aside" in kitchen.stderr(), kitchen.stderr()
    with Kitchen("-m", module, "-c", "Fails", "--max-failures", "0", "--output", "-", trace=trace) as kitchen:
        status, closing = kitchen.finish()
        assert status == 0 and closing["failures"] == 50 and closing["set_aside"] == 0, kitchen.stderr()


def one_that_blocks_is_named(folder):
    """While it blocks, and when it has ended: here, when it has been named."""
    go_on = pathlib.Path(folder) / "go_on"
    module = build(folder, "libblocking.so", BLOCKING)
    os.environ["GO_ON"] = str(go_on)
    with Kitchen("-m", module, "--output", "-", trace=trace_of(TRACE)) as kitchen:
        wait_for(lambda: logged(kitchen, "a handler blocks"), "the handler to be named")
        assert kitchen.process.poll() is None
        go_on.touch()
        status, _ = kitchen.finish()
        assert status == 0, kitchen.stderr()
        blocks, = logged(kitchen, "a handler blocks")
        ended, = logged(kitchen, "a handler that blocked has ended")
        assert blocks["handler"] == ended["handler"] == "packet_handler of chef Blocks", kitchen.stderr()
        assert 1 <= blocks["seconds"] <= ended["seconds"], kitchen.stderr()
        report, = logged(kitchen, "what a handler did")
        assert report["blocked"] == 1 and report["calls"] == 3 and report["longest_s"] >= 1, report


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
        set_aside(folder)
        one_that_blocks_is_named(folder)
        refused(build(folder, "libold.so", OLD), "plugin interface 999")
        refused(build(folder, "libempty.so", ""), "there is no plugin in it")
        text = pathlib.Path(folder) / "text.so"
        text.write_text("no shared object")
        refused(str(text), "text.so")
    return 0


sys.exit(main())
