"""What goes wrong in runs of PATHspider's plugins: the job comes out all the same, and it is said why.

Usage: spiders_failing.py TEST      (the program is $SPIDERLING; exit status 77: not possible here)
"""
import pathlib
import time

from spiders import BAD, OK, QUICK, THIRD_PARTY, ask, by, jobs_of, measure, network, states, use
from network import DISCARD, TIMEOUT, Lab  # its folder is on the path by now


def what_a_plugin_raises():
    """The job comes out, once, and says why; the others are as ever; the run's end is the usual one."""
    use(BAD)
    lab = Lab()
    good = jobs_of(lab, 2)
    jobs = good + [{"dip": lab.targets("clean", 4, 5)[-1], "dp": 80, "domain": "bad.test"}]
    for how, reason in (("pre:raise", "pre_connect"), ("pre:exit", "pre_connect"), ("connect:raise", "KeyError: 'of connect'"),
                        ("connect:exit", "SystemExit"), ("connect:interrupt", "KeyboardInterrupt"), ("connect:recurse", "RecursionError"),
                        ("connect:none", "returned nothing"), ("connect:state", "spdr_state of 99"), ("post:raise", "KeyError: 'of post'"),
                        ("post:exit", "SystemExit")):
        results, said = measure(jobs, "trouble", "--how", how)
        found = by("dip", results)
        assert len(found) == 5, (how, said)
        for job in good:
            assert found[job["dip"]]["conditions"] == ["trouble.connectivity.works"], (how, found[job["dip"]])
        bad = found[jobs[-1]["dip"]]
        assert DISCARD in states(bad) and "pathspider.skipped" in bad["conditions"], (how, bad)
        assert any(reason in flow.get("spdr_reason", "") for flow in bad["flow_results"]), (how, bad)
        assert "failures of the measurement itself" in said, (how, said)
        assert "a plugin failed" in said, (how, said)


def what_cannot_be_concluded():
    use(BAD)
    lab = Lab()
    for how in ("combine:raise", "combine:exit", "combine:recurse"):
        results, said = measure([{**job, "domain": "bad.test"} for job in jobs_of(lab, 1)], "trouble", "--how", how)
        assert len(results) == 2 and all(one["conditions"] == ["pathspider.skipped"] for one in results), (how, results)
        assert "combine_flows()" in said, said


def a_record_that_json_cannot_say():
    use(BAD)
    lab = Lab()
    jobs = [{**job, "domain": "bad.test"} for job in jobs_of(lab, 2)]
    results, said = measure(jobs, "trouble", "--how", "connect:json")
    for result in results:
        flow = result["flow_results"][1]
        assert flow["kept"] == 1 and "raw" not in flow and "nan" not in flow and flow["spdr_state"] == OK, flow
    assert len(results) == 4 and said.count("'raw' of a connection's record is left out") == 1, said


def a_connection_that_never_returns():
    """It is named, its job times out, the others are not kept waiting, and the program ends."""
    use(BAD)
    lab = Lab()
    jobs = jobs_of(lab, 10) + [{"dip": dip, "dp": 80, "domain": "bad.test"} for dip in lab.targets("clean", 4, 13)[-3:]]
    results, said = measure(jobs, "--timeout", "1", "trouble", "--how", "connect:hang")
    found = by("dip", results)
    assert len(found) == 23
    for job in jobs:
        expected = [OK, TIMEOUT] if job["domain"] == "bad.test" else [OK, OK]
        assert states(found[job["dip"]]) == expected, found[job["dip"]]
    assert said.count("a function of a plugin does not return") == 3 and "trouble: connect() towards" in said, said


def functions_that_compute_for_ever():
    """They are interrupted: a connection's, which only its own job waits for, and one that holds up all others."""
    use(BAD)
    lab = Lab()
    jobs = jobs_of(lab, 2) + [{"dip": lab.targets("clean", 4, 5)[-1], "dp": 80, "domain": "bad.test"}]
    with network.Measure(*QUICK, "--output-flows", "--timeout", "1", "trouble", "--how", "connect:spin") as running:
        running.tell(jobs)
        running.wait_for_results(5)
        stat = pathlib.Path(f"/proc/{running.process.pid}/stat")

        def is_idle():
            before = sum(map(int, stat.read_text().rpartition(")")[2].split()[11:13]))
            time.sleep(0.2)
            return sum(map(int, stat.read_text().rpartition(")")[2].split()[11:13])) - before < 10  # of 20 hundredths

        network.wait_for(is_idle, "the thread that computes to end")
        running.close()
        found = by("dip", running.finish())
    assert states(found[jobs[-1]["dip"]]) == [OK, TIMEOUT] and all(states(found[job["dip"]]) == [OK, OK] for job in jobs[:-1]), found
    results, said = measure(jobs[-1:], "trouble", "--how", "combine:spin")
    assert len(results) == 1 and results[0]["conditions"] == ["pathspider.skipped"], results
    assert "a function of a plugin held up everything" in said and "trouble: combine_flows()" in said, said


def what_cannot_begin():
    use(BAD)
    Lab()
    for words, reason in ((("trouble", "--how", "init:raise"), "KeyError: 'of init'"), (("trouble", "--how", "init:exit"), "SystemExit"),
                          (("trouble",), "required: --how")):
        status, said, wrong = ask("measure", "-i", network.INTERFACE, *words)
        assert status == 2 and not said and reason in wrong, (words, status, said, wrong)


def a_host_that_cannot_be_configured():
    """No connection is made in a configuration that is not there; the run ends, and says why."""
    use(BAD)
    lab = Lab()
    for how in ("second:raise", "second:exit"):
        results, said = measure(jobs_of(lab), "configuring", "--how", how, status=1)
        assert len(results) == 6, said
        for result in results:
            assert states(result) == [OK, network.SKIPPED], result
            assert "could not configure the host" in result["flow_results"][1]["spdr_reason"], result
        assert "could not configure the host" in said.splitlines()[-1], said


def no_plugin_no_interpreter():
    """What is native costs nothing of Python, also beside plugins in Python."""
    lab = Lab()
    for folders in ((), (THIRD_PARTY,)):
        use(*folders)
        with network.Measure(*QUICK, "ecn", "--connect", "tcp") as running:
            running.tell(jobs_of(lab, 1))
            running.wait_for_results(1)
            maps = pathlib.Path(f"/proc/{running.process.pid}/maps").read_text()
            assert "libpython" not in maps, folders
            running.close()
            running.finish()


if __name__ == "__main__":
    network.main(globals())
