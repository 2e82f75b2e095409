"""Chefs and measurements in shared objects: by the name of their module, from the plugin folders, with options of their own.

Usage: kinds.py TEST     (the program is $SPIDERLING; exit status 77: there is no compiler)
"""
import json
import re
import sys
import tomllib

from loading import ROOT, Place

CHEF = """#include <spiderling/chef.h>
using namespace spiderling;
class Seen : public Chef {
 public:
  Payload packet_handler(const Packet&) override { return {{"seen", ++seen_}}; }
 private:
  int seen_ = 0;
};
SPIDERLING_CHEF(Seen)
"""


def chefs_by_module_name():
    place = Place()
    place.build("libmy_chefs.so", CHEF)
    place.build("here.so", CHEF.replace("Seen", "SeenHere"), folder=place.path)
    folder = ["--plugin-dir", str(place.plugins)]
    sniff = ["sniff", "-i", str(place.trace), "--output", "-"]
    lines = place.run(*sniff, "-m", "my_chefs", *folder).stdout.splitlines()
    assert [json.loads(line)["payload"] for line in lines] == [{"seen": 1}, {"seen": 2}, {"seen": 3}], lines
    assert "SeenHere" in place.run(*sniff, "-m", "here", "--count", "1").stdout  # of the current folder
    listed = place.run("sniff", "--chef-list", "-m", "my_chefs", "-m", "nowhere", *folder).stdout
    assert "my_chefs\n  Seen\n" in listed and "nowhere\n  error importing module: No module named 'nowhere'" in listed, listed
    assert "Seen" in place.run(*sniff, "--plugin", str(place.plugins / "libmy_chefs.so"), "--count", "1").stdout


def chefs_of_the_plugin_folders():
    """If no module is named, all that there are."""
    place = Place()
    mine = place.build("libmy_chefs.so", CHEF)
    place.chain("syns.so", "syns", "syn_count")
    place.build("twin.so", CHEF.replace("Seen", "ARPChef"))
    usual = place.path / ".local/lib/spiderling/plugins"
    usual.mkdir(parents=True)
    place.build("libmore.so", CHEF.replace("Seen", "SeenAtHome"), folder=usual)
    run = place.run("sniff", "-i", str(place.trace), "--output", "-", "--plugin-dir", str(place.plugins))
    chefs = {json.loads(line)["metadata"]["chef"] for line in run.stdout.splitlines()}
    assert {"Seen", "SeenAtHome", "PacketCountChef"} <= chefs, chefs
    assert "there is a chef 'ARPChef' already, built in" in run.stderr, run.stderr
    run = place.run("sniff", "-i", str(place.trace), "--output", "-", "--plugin-dir", str(place.plugins), "--chef", "Seen")
    assert {json.loads(line)["metadata"]["chef"] for line in run.stdout.splitlines()} == {"Seen"}
    listed = place.run("sniff", "--chef-list", "--plugin-dir", str(place.plugins)).stdout
    assert f"\n{mine}\n  Seen\n" in listed and "netdumplings.dumplingchefs\n  ARPChef\n" in listed, listed
    # Whoever names a module gets that one.
    assert "Seen" not in place.run("sniff", "--chef-list", "-m", "netdumplings.dumplingchefs").stdout


MEASUREMENT = """#include <spiderling/measurement.h>
using namespace spiderling;
class Window : public SingleMeasurement {
 public:
  static constexpr const char* name = "mywindow";
  static constexpr const char* description = "Is the target there?";
  static constexpr const char* version = "0.3";
  static constexpr std::array chains{"basic", "syns"};
  static constexpr std::array connect_supported{ConnectMode::tcp};
  static constexpr std::array condition_meanings{ConditionMeaning{"mywindow.syns:N", "so many SYNs were seen"}};
  Window() { if (std::getenv("MAKE_IT_FAIL") != nullptr) throw std::runtime_error("not today"); }
  void options(OptionList& list) override { list.number("its-option", option_, 1, 9, "A number of its own"); }
  void combine(const MergedFlows& flows, Conditions& conditions) const override {
    conditions.connectivity("mywindow", flows[0].ok());
    if (flows[0].trusted()) conditions.add("mywindow.syns", flows[0][syns_].value);
  }
 private:
  std::int64_t option_ = 1;
  FlowField<std::uint64_t> syns_{flow_fields_, "syn_count"};
};
SPIDERLING_MEASUREMENT(Window)
"""


def a_measurement_with_options():
    place = Place()
    place.chain("syns.so", "syns", "syn_count")
    place.build("window.so", MEASUREMENT)
    folder = {"SPIDERLING_PLUGIN_PATH": str(place.plugins)}
    helped = place.run("measure", "mywindow", "--help", **folder).stdout
    assert "--its-option" in helped and "A number of its own" in helped, helped
    assert "Usage: spiderling measure mywindow [OPTIONS]" in helped, helped
    assert "mywindow" in place.run("measure", "--help", **folder).stdout
    said = place.run("measure", "--dry-run", "mywindow", "--its-option", "12", status=2, **folder).stderr
    assert "its-option" in said, said
    job = '{"dip": "192.0.2.1"}\n'
    run = place.run("measure", "--dry-run", "--blocklist", "none", "mywindow", "--its-option", "3", stdin=job, **folder)
    assert "1" in run.stderr + run.stdout
    schema = place.run("measure", "--schema", "mywindow", **folder).stdout
    json.loads(schema)
    page = place.run("plugins", "show", "mywindow", **folder).stdout
    assert "`mywindow.syns:N`" in page and "`--its-option`" in page and "`syns`" in page, page
    # One that cannot be made harms no other.
    run = place.run("measure", "--dry-run", "--blocklist", "none", "ecn", stdin=job, MAKE_IT_FAIL="1", **folder)
    assert "measurement mywindow cannot be made: not today" in run.stderr, run.stderr


def built_in_conditions_are_those_of_the_lab():
    """Every condition that a scenario of the lab expects is one that its measurement declares."""
    place = Place()
    page = place.run("plugins", "reference", "--kind", "measurement").stdout
    declared = [re.sub(r"[A-Z]+", "[^.:]+", re.escape(name)) for name in re.findall(r"^\| `([A-Za-z0-9_.:]+)` \|", page, re.M)]
    assert len(declared) > 50, declared

    def conditions(value):
        if isinstance(value, dict):
            for key, inner in value.items():
                yield from conditions(key)
                yield from conditions(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from conditions(inner)
        elif isinstance(value, str) and re.fullmatch(r"[a-z0-9_]+(\.[a-z0-9_]+)*\.[a-z0-9_]+(:[0-9]+)?", value):
            yield value

    named = set()
    for path in sorted((ROOT / "src/lab/scenarios").glob("*.toml")):
        named |= {c for c in conditions(tomllib.loads(path.read_text())) if re.search(r"\.(connectivity|negotiation|ipmark|cookie|syndata|"
                  r"replymark|option|unsolicited|mark|upgrade|fallback|not_observed|skipped)(\.|:|$)", c)}
    assert len(named) > 30, named
    unknown = {name for name in named if not any(re.fullmatch(pattern, name) for pattern in declared)}
    assert not unknown, unknown


if __name__ == "__main__":
    globals()[sys.argv[1]]()
