"""Functions of plugins that nothing can interrupt: the run names them and ends all the same, each result written once.

Usage: spiders_stuck.py TEST      (the program is $SPIDERLING; exit status 77: not possible here)
"""
import json
import pathlib
import signal
import time

from spiders import BAD, OK, QUICK, by, jobs_of, measure, network, states, use
from network import TIMEOUT, Lab  # its folder is on the path by now

LONGEST = 90  # seconds for any end


def bad_jobs(lab, count, at=10):
    return [{"dip": dip, "dp": 80, "domain": "bad.test"} for dip in lab.targets("clean", 4, at + count)[at:]]


def run_to_its_end(jobs, *words, when=None, closes=True):
    """(results, what it said); it takes no longer than it may. `when`: what it says when it is interrupted."""
    with network.Measure(*QUICK, "--output-flows", *words) as running:
        running.tell(jobs)
        if closes:
            running.close()
        if when:
            running.wait_for_message(when)
            running.process.send_signal(signal.SIGINT)
        began = time.monotonic()
        results = running.finish()
        assert time.monotonic() - began < LONGEST, running.stderr
        return results, running.stderr


def combining_waits_for_ever():
    """Of those jobs nothing is concluded, the others are as ever."""
    use(BAD)
    lab = Lab()
    good, bad = jobs_of(lab, 2), bad_jobs(lab, 3)
    results, said = run_to_its_end(good + bad, "trouble", "--how", "combine:hang")
    found = by("dip", results)
    assert len(found) == 7, said
    for job in good:
        assert found[job["dip"]]["conditions"] == ["trouble.connectivity.works"], found[job["dip"]]
    for job in bad:
        assert found[job["dip"]]["conditions"] == ["pathspider.skipped"] and states(found[job["dip"]]) == [OK, OK], found[job["dip"]]
    assert said.count("which=\"trouble: combine_flows()\"") == 3 and "held up everything" in said, said


def combining_waits_while_the_run_is_to_end():
    use(BAD)
    lab = Lab()
    jobs = bad_jobs(lab, 3)
    for signals, statuses in ((1, (0,)), (2, (0, 1))):
        with network.Measure(*QUICK, "trouble", "--how", "combine:hang") as running:
            running.tell(jobs)
            running.wait_for_message("combine of measurement trouble")  # the watchdog's
            for _ in range(signals):
                running.process.send_signal(signal.SIGINT)
                time.sleep(0.1)  # two at once are one
            began = time.monotonic()
            assert running.wait() in statuses, running.stderr
            assert time.monotonic() - began < LONGEST and "trouble: combine_flows()" in running.stderr, running.stderr
            assert len(by("dip", running.results())) <= 3, running.stderr


def forging_waits_for_ever():
    use(BAD)
    lab = Lab()
    good = [{**job, "dp": 53} for job in jobs_of(lab, 2) if ":" not in job["dip"]]
    results, said = run_to_its_end(good + [{**job, "dp": 53} for job in bad_jobs(lab, 2)], "--timeout", "1", "forging", "--how", "forge:hang")
    found = by("dip", results)
    assert len(found) == 4, said
    for job in good:
        assert states(found[job["dip"]]) == [OK], (found[job["dip"]], said)
    assert "which=\"forging: forge()\"" in said, said
    assert sum("forge() does not return" in one["flow_results"][0].get("spdr_reason", "") for one in results) == 2, results


def connecting_waits_for_ever():
    """The end of the jobs, --max-duration, a signal."""
    use(BAD)
    lab = Lab()
    bad = bad_jobs(lab, 4)
    for words, when, closes in (((), None, True), (("--max-duration", "1"), None, False), ((), "trouble: connect() towards", False)):
        results, said = run_to_its_end(bad, "--timeout", "1", *words, "trouble", "--how", "connect:hang", when=when, closes=closes)
        assert len(by("dip", results)) == 4 and all(states(one) == [OK, TIMEOUT] for one in results), (results, said)
        assert said.count("trouble: connect() towards") == 4, said


def a_chain_that_waits_for_ever():
    """Nothing is observed any more: the run is given up, with what was finished written."""
    use(BAD)
    lab = Lab()
    good = jobs_of(lab, 3)
    with network.Measure(*QUICK, "--timeout", "1", "watching") as running:
        running.tell(good)
        running.wait_for_results(6)
        running.tell([{**job, "dp": 81} for job in bad_jobs(lab, 1)])
        running.close()
        began = time.monotonic()
        assert running.wait() == 1 and time.monotonic() - began < LONGEST, running.stderr
        found = by("dip", running.results())
        assert set(found) == {job["dip"] for job in good}, running.stderr
        assert all(one["conditions"] == ["watching.connectivity.online"] for one in found.values()), found
        assert "chain Sleeping" in running.stderr and "the observer, held up by a chain, has not come back" in running.stderr, running.stderr


def code_that_never_lets_go_of_python():
    """No Python can run any more: the run is given up, and says so. What was finished is written, once."""
    use(BAD)
    lab = Lab()
    good, bad = jobs_of(lab, 5), bad_jobs(lab, 1)
    with network.Measure(*QUICK, "--timeout", "1", "trouble", "--how", "connect:c") as running:
        running.tell(good)
        running.wait_for_results(10)
        running.tell(bad)
        expect_given_up(running)
        assert len(by("dip", running.results())) == 10 and "in flight; 10 results" in running.stderr, running.stderr


def code_that_never_lets_go_leaves_a_journal():
    """What was finished is written, and the next run has the rest."""
    use(BAD)
    lab = Lab()
    good, bad = jobs_of(lab, 5), bad_jobs(lab, 1)
    jobs, written = pathlib.Path("/run/jobs"), pathlib.Path("/run/results")
    jobs.write_text(network.as_lines(good + bad))
    words = ("--timeout", "1", "--journal", "/run/journal", "--resume", "--input", str(jobs), "--output", str(written), "trouble", "--how", "combine:c")
    with network.Measure(*QUICK, *words) as running:
        expect_given_up(running)
        before = by("dip", map(json.loads, written.read_text().splitlines()))
        assert f"in flight; {len(before)} results" in running.stderr and bad[0]["dip"] not in before, running.stderr
    pathlib.Path("/run/calm").touch()
    _, said = measure((), *words, flows=False)
    assert len(by("dip", map(json.loads, written.read_text().splitlines()))) == 11, said


def expect_given_up(running):
    began = time.monotonic()
    status = running.wait()
    assert status == 1 and time.monotonic() - began < LONGEST, running.stderr
    assert "of measurement trouble" in running.stderr and "cannot be interrupted: the run is given up" in running.stderr, running.stderr


if __name__ == "__main__":
    network.main(globals())
