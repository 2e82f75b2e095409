"""Combiners of the plugins that ship, in an ordinary python3: the same as `measure` concludes from the same flows.

Usage: combiners.py TEST      (the program is $SPIDERLING)
"""
import argparse
import importlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.environ["SPIDERLING_PYTHON"])

import flows  # noqa: E402

SPIDERLING = os.environ["SPIDERLING"]
SHIPPED = {"ecn": "ECN", "tfo": "TFO", "dscp": "DSCP", "mss": "MSS", "tcpopt": "TCPOpt", "udpzero": "UDPZero", "evilbit": "EvilBit",
           "h2": "H2"}
JOBS = 700


def plugin(name):
    return getattr(importlib.import_module("pathspider.plugins." + name), SHIPPED[name])


def spider(name, words=()):
    """An object of the class, with options as its own parser reads them."""
    parser = argparse.ArgumentParser()
    plugin(name).register_args(parser.add_subparsers())
    args = parser.parse_args([name, *words])
    return args.spider(1, "int:lo", args)


def replayed(results, packets, measurement, words):
    """The results, as the program draws them from these packets."""
    again = results + ".again"
    done = subprocess.run([SPIDERLING, "replay", results, packets, "--output", again, "--show", "0", "--linger", "2",
                           "--measurement", measurement, "--connect", plugin(measurement).connect_supported[0], *words],
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1 and f"{JOBS} results" in done.stdout + done.stderr, done
    return [json.loads(line) for line in pathlib.Path(again).read_text().splitlines()]


def compare(folder, name, words=(), wanted=None):
    """Conditions that were drawn, each of them by both."""
    combiner = spider(name, words)
    drawn = set()
    for result in replayed(*flows.make(folder, name, JOBS, seed=1, wanted=wanted), name, words):
        native = [one for one in result["conditions"] if not one.startswith("pathspider.missed_flows:")]
        ours = combiner.combine_flows(result["flow_results"])
        assert ours == native, (name, native, ours, result)
        drawn.update(ours)
    return drawn


def is_meant(meaning, condition):
    """Does the name of a meaning, in which capitals stand for a value, mean this condition?"""
    return re.fullmatch(re.sub(r"[A-Z]+", "[a-z0-9]+", re.escape(meaning)), condition)


def they_conclude_what_the_native_ones_do(folder):
    for name in SHIPPED:
        drawn = compare(folder, name)
        never = [one for one in plugin(name).condition_meanings if not any(is_meant(one, condition) for condition in drawn)]
        assert not never, f"{name}: flows were to bring all conditions about, but {never} were never drawn"
        assert "pathspider.skipped" in drawn


def their_options_are_the_measurements(folder):
    assert "ecn.fallback.seen" in compare(folder, "ecn", ["--fallback"])
    drawn = compare(folder, "dscp", ["--codepoint", "46", "--codepoint", "8"], wanted=[{"dscp": 0}, {"dscp": 46}, {"dscp": 8}])
    assert {"dscp.46.connectivity.works", "dscp.8.connectivity.broken"} <= drawn, drawn
    compare(folder, "h2", ["--prior-knowledge"])
    assert plugin("dscp")(args=argparse.Namespace(codepoint=8)).combine_flows([timed_out(), timed_out()]) == [
        "pathspider.not_observed", "dscp.8.connectivity.offline"]
    for wrong in (64, -1, "x", ["8"], 2 ** 70):
        try:
            plugin("dscp")(args=argparse.Namespace(codepoint=wrong))
        except ValueError as problem:
            assert str(problem).startswith("codepoint: "), problem
        else:
            raise AssertionError(f"{wrong!r} was taken for a codepoint")


def timed_out():
    return {"observed": False, "spdr_state": 2}


def they_are_as_pathspider_had_them(_):
    import pathspider.base as base
    from pathspider.chains.basic import BasicChain
    from pathspider.chains.tcp import TCPChain
    from pathspider.plugins.mss import MSS
    from pathspider.single import SingleSpider

    assert issubclass(MSS, SingleSpider) and issubclass(MSS, base.PluggableSpider)
    assert MSS.name == "mss" and MSS.chains[:2] == [BasicChain, TCPChain] and MSS.connect_supported[0] == "tcp"
    flow = {"observed": True, "spdr_state": base.Conn.OK, "tcp_synflags_rev": 0x12, "mss_value_fwd": 1460, "mss_value_rev": None}
    assert MSS().combine_flows([flow]) == ["mss.connectivity.online", "mss.option.local.value:1460", "mss.option.received.absent"]
    assert MSS().combine_flows([{**flow, "mss_value_rev": 536}])[-1] == "mss.option.received.deflated"
    assert flow["mss_value_rev"] is None and MSS().combine_connectivity(True, False) == "mss.connectivity.broken"
    assert MSS.combine_flows(MSS(), ({**flow, "spdr_state": base.CONN_SKIPPED},)) == ["pathspider.skipped"]


def what_is_wrong_with_flows_is_said(_):
    good = {"observed": True, "spdr_state": 0}
    combiner = spider("ecn")
    for wrong, problem, says in (
            ([good], ValueError, "ecn concludes from 2 flows, not from 1"),
            ([good] * 3, ValueError, "not from 3"),
            ([good] * 300, ValueError, "no more than 256"),
            ([], ValueError, "not from 0"),
            (7, TypeError, "a list"),
            ([good, "flow"], TypeError, "a dict"),
            ([good, {"spdr_state": 0}], KeyError, "observed"),
            ([good, {"observed": True}], KeyError, "spdr_state"),
            ([good, {**good, "spdr_state": 5}], ValueError, "there is no state 5"),
            ([good, {**good, "spdr_state": "ok"}], TypeError, "spdr_state"),
            ([good, {**good, "tcp_synflags_fwd": "S"}], TypeError, "tcp_synflags_fwd of a flow: it is a str"),
            ([good, {**good, "tcp_synflags_fwd": 256}], OverflowError, "tcp_synflags_fwd"),
            ([good, {**good, "tcp_synflags_fwd": -1}], OverflowError, "tcp_synflags_fwd"),
            ([good, {**good, "pkt_fwd": 2 ** 64}], OverflowError, "pkt_fwd"),
            ([good, {**good, "sip": "nowhere"}], ValueError, "sip of a flow: it is no address: nowhere"),
    ):
        try:
            combiner.combine_flows(wrong)
        except problem as raised:
            assert says in str(raised), (wrong, raised)
        else:
            raise AssertionError(f"{wrong} was taken")
    # What a connector added may be anything; what JSON cannot say is no condition's business.
    odd = {**good, 7: 8, "socket": object(), "loop": [], "half": "\ud800", "nan": float("nan")}
    odd["loop"].append(odd["loop"])
    assert "ecn.connectivity.works" in combiner.combine_flows([odd, odd])


def they_make_no_connections(folder):
    for name in SHIPPED:
        for part in ("connect", "forge", "configurations"):
            try:
                getattr(spider(name), part)({"dip": "192.0.2.1"}, 0)
            except NotImplementedError as problem:
                assert f"spiderling measure {name}" in str(problem), problem
            else:
                raise AssertionError(f"{part} of {name}")
    modules = pathlib.Path(folder) / "pathspider" / "plugins"
    modules.mkdir(parents=True)
    (modules / "myecn.py").write_text("from pathspider.plugins.ecn import ECN\nclass MyECN(ECN):\n    name = 'myecn'\n")
    (modules / "tfo.py").write_text("OURS = True\n")
    # Of two modules of one name a user's comes first, wherever on the path it is.
    for order in ((folder, os.environ["SPIDERLING_PYTHON"]), (os.environ["SPIDERLING_PYTHON"], folder)):
        environment = {**os.environ, "PYTHONPATH": ":".join(order), "PYTHONDONTWRITEBYTECODE": "1"}
        ask = "import pathspider.plugins.tfo as tfo, pathspider.plugins.mss as mss; assert tfo.OURS and mss.MSS"
        subprocess.run(["/usr/bin/python3", "-c", ask], env=environment, timeout=60, check=True)
        help_ = subprocess.run([SPIDERLING, "measure", "--help"], env=environment, capture_output=True, text=True, timeout=60, check=True)
        assert re.search(r"pathspider\.plugins\.myecn: .*MyECN derives from a plugin that ships", help_.stdout + help_.stderr), help_
        assert "plugins.mss" not in help_.stdout + help_.stderr


def the_program_does_not_take_them_for_plugins_in_python(_):
    listed = subprocess.run([SPIDERLING, "plugins"], env={**os.environ, "PYTHONPATH": os.environ["SPIDERLING_PYTHON"]},
                            capture_output=True, text=True, timeout=60, check=True)
    assert "pathspider/plugins" not in listed.stdout + listed.stderr and "ecn" in listed.stdout, listed


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        globals()[sys.argv[1]](temporary)
