"""Plugins of PATHspider that are wrong in every way: what is wrong is said, and other jobs go on.

Usage: spiders_bad.py TEST      (the program is $SPIDERLING; exit status 77: not possible here)
"""
import json
import os
import pathlib
import time

from spiders import BAD, OK, THIRD_PARTY, ask, by, jobs_of, measure, need, network, states, use
from network import DISCARD, Lab  # its folder is on the path by now


def with_one_bad_job(lab):
    good = jobs_of(lab, 1)
    return good, good + [{"dip": lab.targets("clean", 4, 5)[-1], "dp": 80, "domain": "bad.test"}]


def results_of(lab, plugin, how, *words, **more):
    """(the bad job's result, what was said); the others are as they must be."""
    good, jobs = with_one_bad_job(lab)
    results, said = measure(jobs, *words, plugin, "--how", how, **more)
    found = by("dip", results)
    assert len(found) == len(jobs), (how, said)
    for job in good:
        assert found[job["dip"]]["conditions"] == [f"{plugin}.connectivity.works"], (how, found[job["dip"]], said)
    return found[jobs[-1]["dip"]], said


def records_that_are_none():
    """What connect() returns is no record: the connection is discarded, and the reason says what it was."""
    use(BAD)
    lab = Lab()
    for what, reason in (("none", "returned nothing"), ("text", "returned str"), ("number", "returned int"), ("list", "returned list"),
                         ("bytes", "returned bytes"), ("pairs", "returned list"), ("class", "returned type"), ("sp", "sp 'many'"), ("negative", "sp -1"),
                         ("nostate", "spdr_state 'fine'"), ("state", "spdr_state of 99")):
        result, said = results_of(lab, "trouble", f"connect:{what}")
        assert DISCARD in states(result) and "pathspider.skipped" in result["conditions"], (what, result)
        assert any(reason in flow.get("spdr_reason", "") for flow in result["flow_results"]), (what, result)
        assert "a plugin failed plugin=trouble" in said, (what, said)


def records_with_odd_members():
    """Those that cannot be said are left out."""
    use(BAD)
    lab = Lab()
    for what in ("keys", "sip", "deep"):
        result, said = results_of(lab, "trouble", f"connect:{what}")
        assert states(result) == [OK, OK], (what, result, said)
        assert "deep" not in result["flow_results"][1] and len(json.dumps(result)) < 10000, result
    assert "'deep' of a connection's record is left out" in said, said


def conditions_that_are_none():
    use(BAD)
    lab = Lab()
    for what in ("type", "number", "text", "bytes", "true", "flows", "endless"):
        result, said = results_of(lab, "trouble", f"combine:{what}")
        assert result["conditions"] == ["pathspider.skipped"] and states(result) == [OK, OK], (what, result)
        assert "combine_flows() is to return a list of strings" in said, (what, said)
    for what, conditions in (("tuple", ["a.b.c"]), ("dictionary", ["a.b.c"]), ("half", ["?"]), ("class", ["a.b.c"])):
        result, said = results_of(lab, "trouble", f"combine:{what}")
        assert result["conditions"] == conditions, (what, result, said)
    for what in ("blank", "line", "long"):
        results_of(lab, "trouble", f"combine:{what}")


def packets_that_are_none():
    use(BAD)
    lab = Lab()
    good = [{**job, "dp": 53} for job in jobs_of(lab, 2) if ":" not in job["dip"]]
    assert all(one["conditions"] == ["forging.connectivity.online"] for one in measure(good, "forging")[0])
    for what, reason in (("none", "forge() returned nothing"), ("text", "forge() returned str"), ("short", "begins with no IP header"),
                         ("raise", "KeyError: 'of forge'"), ("exit", "SystemExit")):
        jobs = [{**job, "domain": "bad.test"} for job in good]
        results, said = measure(jobs, "forging", "--how", f"forge:{what}")
        assert len(results) == 2 and "where=forge()" in said, (what, said)
        for result in results:
            assert states(result) == [DISCARD] and reason in result["flow_results"][0]["spdr_reason"], (what, result)


def threads_left_behind():
    """They hold up neither the run nor the program's end for long; one that ends by itself ends."""
    use(BAD)
    lab = Lab()
    began = time.monotonic()
    result, said = results_of(lab, "trouble", "connect:thread")
    assert states(result) == [OK, OK] and time.monotonic() - began < 60 and "left behind" in said, (result, said)


def without_scapy():
    """A plugin that needs it is listed with the reason; the others run."""
    pathlib.Path("/run/none/scapy").mkdir(parents=True)
    pathlib.Path("/run/none/scapy/__init__.py").write_text("raise ImportError('scapy is not here')\n")
    use("/run/none", THIRD_PARTY)
    lab = Lab()
    status, said, wrong = ask("measure", "-i", "lo", "wicked")
    assert status == 2 and not said and "scapy is not here" in wrong and "wicked" in wrong, (status, said, wrong)
    assert len(measure(jobs_of(lab, 1), "talkers")[0]) == 2


def with_another_scapy():
    """One whose packets cannot be made into bytes: those packets are not sent, and it says why."""
    need("scapy")
    pathlib.Path("/run/other/scapy").mkdir(parents=True)
    pathlib.Path("/run/other/scapy/__init__.py").write_text("")
    pathlib.Path("/run/other/scapy/all.py").write_text('''
class Packet:
    def __init__(self, **fields):
        self.fields = fields
    def __truediv__(self, other):
        return self
    def __rtruediv__(self, other):
        return self
    def __bytes__(self):
        raise AttributeError("'Packet' object has no attribute 'build'")
RandShort = lambda: 2000
IP = IPv6 = TCP = UDP = DNS = DNSQR = Raw = Ether = Packet
''')
    use("/run/other", THIRD_PARTY)
    lab = Lab()
    jobs = [job for job in jobs_of(lab, 2) if ":" not in job["dip"]]
    results, said = measure(jobs, "wicked", "--connect", "tcpsyn")
    assert len(results) == 2 and "has no attribute 'build'" in said, said
    for result in results:
        assert states(result) == [DISCARD, DISCARD] and "build" in result["flow_results"][0]["spdr_reason"], result


def a_package_that_would_hide_ours():
    """As a copy of PATHspider has it: an __init__.py that knows of no other place. Its plugins are there, its base is ours."""
    folder = pathlib.Path("/run/copy/pathspider")
    (folder / "plugins").mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "base.py").write_text("import plt\n")
    (folder / "plugins/__init__.py").write_text("")
    (folder / "plugins/talkers.py").write_text((THIRD_PARTY / "pathspider/plugins/talkers.py").read_text())
    use("/run/copy")
    lab = Lab()
    results, said = measure(jobs_of(lab, 1), "talkers")
    assert len(results) == 2 and all("talkers.own.connectivity.works" in one["conditions"] for one in results), said


def a_virtual_environment_of_another_python():
    """Nothing in Python is run, and it says why; what is native runs."""
    use(THIRD_PARTY)
    lab = Lab()
    folder = pathlib.Path("/run/venv")
    folder.mkdir()
    (folder / "pyvenv.cfg").write_text("home = /opt/python/bin\nversion = 3.13.1\n")
    os.environ["VIRTUAL_ENV"] = str(folder)
    status, said, wrong = ask("measure", "-i", network.INTERFACE, "talkers")
    assert status == 2 and "is one of Python 3.13.1, and plugins run in Python 3.11" in wrong, (status, said, wrong)
    assert len(measure(jobs_of(lab, 1), "ecn", "--connect", "tcp")[0]) == 2


if __name__ == "__main__":
    network.main(globals())
