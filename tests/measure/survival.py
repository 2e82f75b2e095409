"""Runs that are killed, interrupted, or run out of disk or network: every job of the list comes out once, and right.

Usage: survival.py TEST      (the program is $SPIDERLING; exit status 77: not possible here)
$SPIDERLING_CRASH_ROUNDS is how often the run is ended before its time (10), $SPIDERLING_CRASH_SEED by which dice.
"""
import json
import os
import pathlib
import random
import re
import resource
import signal
import subprocess

import network
from network import DEADLINE, Lab, Measure, lab, run, wait_for

QUICK = {"--linger": "0.1", "--timeout": "20", "-w": "40"}  # nothing is to time out
HOSTS = """
[[host]]
box = "clean"
count = 1000
[[host]]
box = "ecn-refused"
count = 200
[[host]]
box = "rst"
count = 100
"""
TRUTH = {
    "clean": ["ecn.connectivity.works", "ecn.negotiation.succeeded"],
    "ecn-refused": ["ecn.connectivity.works", "ecn.negotiation.failed"],
    "rst": ["ecn.connectivity.offline"],
}
RESULTS, JOURNAL, LIST = (pathlib.Path("/run") / name for name in ("results.ndjson", "run.journal", "list.ndjson"))


def flat(words):
    return [word for pair in words.items() for word in pair]


class Campaign:
    """A lab, a list of its targets, and runs over that list with a journal."""

    def __init__(self, times=1, results=RESULTS, journal=JOURNAL, words=None, hosts=HOSTS):
        self.place = Lab(hosts)
        self.jobs = [{"rank": rank, **job} for rank, job in enumerate(self.place.jobs * times)]
        self.results, self.journal = results, journal
        LIST.write_text(network.as_lines(self.jobs))
        self.words = {**QUICK, **(words or {})}

    def start(self, *flags, journal=True, words=None):
        files = {"--input": str(LIST), "--output": str(self.results), **({"--journal": str(self.journal)} if journal else {})}
        return Measure(*flat({**files, **self.words, **(words or {})}), *flags, "ecn")

    def size(self):
        return self.results.stat().st_size if self.results.exists() else 0

    def wait_for_more(self, running, count):
        """Until there are about so many results more, or the run has ended."""
        enough = self.size() + 300 * count
        wait_for(lambda: self.size() >= enough or running.process.poll() is not None, f"{count} results more")

    def check_whole_lines(self):
        text = self.results.read_text()
        assert not text or text.endswith("\n"), f"half a line: {text[-100:]!r}"
        return [network.check_result(line) for line in text.splitlines(keepends=True)]

    def check_all_once(self):
        """Against the list and against the truth."""
        found = network.by("rank", self.check_whole_lines())
        assert set(found) == set(range(len(self.jobs))), f"{len(found)} of {len(self.jobs)} jobs came out"
        for job in self.jobs:
            result = found[job["rank"]]
            assert all(result[name] == value for name, value in job.items()), (job, result)
            truth = TRUTH[job["lab_host"]]
            assert result["conditions"][:len(truth)] == truth, (job, result)

    def resume(self, status=0):
        with self.start("--resume") as running:
            running.finish(status)
            return running.stderr


def limit_files(process, size):
    resource.prlimit(process, resource.RLIMIT_FSIZE, (size, size))


def crash_and_resume():
    rounds = int(os.environ.get("SPIDERLING_CRASH_ROUNDS", "10"))
    seed = int(os.environ.get("SPIDERLING_CRASH_SEED", "1"))
    dice = random.Random(seed)
    campaign = Campaign()
    ended_early = finished = 0
    while ended_early < rounds:
        for path in (RESULTS, JOURNAL):
            path.unlink(missing_ok=True)
        while True:
            with campaign.start("--resume", words={"-w": str(dice.choice((5, 40, 300)))}) as running:
                how = dice.choice(("kill", "kill", "interrupt", "interrupt twice", "disk"))
                if ended_early < rounds:
                    if how == "disk":
                        limit_files(running.process.pid, campaign.size() + dice.randrange(1, 200_000))
                    campaign.wait_for_more(running, dice.randrange(0, 900))
                    if how == "kill":
                        running.process.kill()
                    elif how != "disk":
                        running.process.send_signal(signal.SIGINT)
                        if how == "interrupt twice":
                            running.process.send_signal(signal.SIGINT)
                # What a killed one leaves behind may still be at work when the next begins.
                status = running.process.wait(DEADLINE) if how == "kill" else running.wait()
                said = running.stderr
            if how != "kill":
                campaign.check_whole_lines()
            if "not all of the list" in said or status != 0:
                ended_early += 1
                assert how != "disk" or status in (0, 1, 2), said
                continue
            break
        campaign.check_all_once()
        finished += 1
        assert "nothing left to do" in campaign.resume()
        campaign.check_all_once()
    print(f"ended early {ended_early} times over {finished} campaigns, by the dice of seed {seed}")


def tiny_disk(kilobytes):
    path = pathlib.Path("/run/tiny")
    path.mkdir(exist_ok=True)
    run("mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(path))
    return path


def a_full_disk_for(results, journal, kilobytes):
    tiny = tiny_disk(kilobytes)
    campaign = Campaign(results=tiny / RESULTS.name if results else RESULTS, journal=tiny / JOURNAL.name if journal else JOURNAL)
    if not results:
        (tiny / "filler").write_bytes(bytes((kilobytes - 4) * 1024))
    with campaign.start() as running:
        running.finish(1)
        said = [line for line in running.stderr.splitlines() if "No space left on device" in line]
    metadata = pathlib.Path(f"{campaign.results}.meta.json")
    # Cutting half a line off the results may or may not make room for the metadata's last words.
    about_results = [line for line in said if f"{metadata} cannot be written" not in line]
    assert len(about_results) == 1 and "--resume" in about_results[0] and "cannot write" in about_results[0], said
    assert len(said) - len(about_results) <= 1, said
    assert json.loads(metadata.read_text())["runs"][-1]["state"] == ("running" if len(said) == 2 else "failed"), metadata.read_text()
    assert len(campaign.check_whole_lines()) < len(campaign.jobs)
    run("mount", "-o", "remount,size=100m", str(tiny))
    campaign.resume()
    campaign.check_all_once()
    assert json.loads(metadata.read_text())["runs"][-1]["state"] == "done", metadata.read_text()


def a_disk_full_of_results():
    a_full_disk_for(results=True, journal=False, kilobytes=200)


def a_disk_full_of_both():
    a_full_disk_for(results=True, journal=True, kilobytes=240)


def a_disk_too_full_for_the_journal():
    a_full_disk_for(results=False, journal=True, kilobytes=12)


def what_is_refused():
    """In one line each, and nothing is changed."""
    campaign = Campaign()
    with campaign.start(words={"-w": "1"}) as running:  # not done before it is interrupted
        campaign.wait_for_more(running, 100)
        with campaign.start("--resume") as second:
            second.finish(2)
            assert "used by another process" in second.stderr, second.stderr
        running.process.send_signal(signal.SIGINT)
        running.finish(0)
        assert "the same command with --resume goes on" in running.stderr, running.stderr
    before = RESULTS.read_bytes(), JOURNAL.read_bytes()

    def refused(reason, *flags, resume=True, words=None):
        with campaign.start(*(["--resume"] if resume else []), *flags, words=words) as again:
            again.finish(2)
            assert reason in again.stderr and len(again.stderr.splitlines()) == 1, again.stderr
        assert before == (RESULTS.read_bytes(), JOURNAL.read_bytes()), reason

    refused("go on with --resume", resume=False)
    refused("--linger was 0.1, is 0.2", words={"--linger": "0.2"})
    refused("--output-flows was not given", "--output-flows")
    whole = LIST.read_text()
    for text, reason in ((whole.replace('"rank": 7,', '"rank": 777,', 1), "line 8 of the job list"),
                         (whole.replace("\n", "\n\n", 5), "of the job list"), ("".join(whole.splitlines(True)[:3]), "the job list has ended")):
        LIST.write_text(text)
        # What is wrong with a list is seen when it is read: nothing of it is asked.
        said = campaign.resume(status=1)
        assert reason in said, said
        assert RESULTS.read_bytes() == before[0]
    LIST.write_text(whole)
    before = RESULTS.read_bytes(), JOURNAL.read_bytes()
    kept = before[0]
    for text, reason in ((b"", "was emptied"), (kept[:-2], "bytes, and"), (kept[:-3] + b"x}\n", "was replaced or changed")):
        RESULTS.write_bytes(text)
        with campaign.start("--resume") as again:
            again.finish(2)
            assert reason in again.stderr, again.stderr
        assert RESULTS.read_bytes() == text
    RESULTS.write_bytes(kept)
    campaign.resume()
    campaign.check_all_once()
    with Measure("--journal", "/run/other", "ecn") as piped:
        piped.finish(2)
        assert "use --output FILE" in piped.stderr, piped.stderr


def standard_output_is_a_file():
    """Appended to (>>), it is as good as --output; what was in it before stays."""
    campaign = Campaign()
    RESULTS.write_text('{"of": "yesterday"}\n')
    for resume in ([], ["--resume"]):
        with open(RESULTS, "ab") as appended, open(LIST, "rb") as listed, \
                Measure("--journal", str(JOURNAL), *flat(campaign.words), *resume, "ecn", stdin=listed, stdout=appended) as running:
            if not resume:
                campaign.wait_for_more(running, 200)
                running.process.kill()
                running.process.wait(DEADLINE)
            else:
                running.finish(0)
    first, rest = RESULTS.read_text().split("\n", 1)
    assert first == '{"of": "yesterday"}'
    RESULTS.write_text(rest)
    campaign.check_all_once()


# --- the network goes away

def bring_back():
    run("ip", "link", "set", "lab0", "up")
    run("ip", "addr", "replace", "fd53:7069:6465::2/64", "dev", "lab0", "nodad")
    run("ip", "route", "replace", "default", "via", "100.64.0.1", "dev", "lab0")
    run("ip", "-6", "route", "replace", "default", "via", "fd53:7069:6465::1", "dev", "lab0")


def away_and_back(go, come, why, words=None):
    """In mid-run; every job has the result that it has without that."""
    campaign = Campaign(times=3)
    with campaign.start(journal=False, words=words) as running:
        campaign.wait_for_more(running, 500)
        go()
        running.wait_for_message("paused: ")
        assert re.search(f"paused: {why}", running.stderr), running.stderr
        assert running.process.poll() is None
        come()
        running.finish(0)
        assert "going on" in running.stderr, running.stderr
        assert re.search(rf"{len(campaign.jobs)} jobs, {len(campaign.jobs)} results", running.stderr), running.stderr
    campaign.check_all_once()


def the_interface_is_down_for_a_while():
    away_and_back(lambda: run("ip", "link", "set", "lab0", "down"), bring_back, "lab0 is down")


def the_route_is_gone_for_a_while():
    away_and_back(lambda: run("ip", "route", "del", "default"), bring_back, "the IPv4 default route through lab0 is gone")


def the_route_of_ipv6_is_gone_for_a_while():
    away_and_back(lambda: run("ip", "-6", "route", "del", "default"), bring_back, "the IPv6 default route through lab0 is gone")


def nobody_behind_the_gateway_for_a_while():
    """Only a probe can tell: the interface is up, the route is there, and nothing comes back."""
    def in_router(*words):
        lab("exec", "mine", "--in", "router", "--", *words)

    def go():
        in_router("nft", "add", "table", "inet", "away")
        for hook in ("input", "forward"):
            in_router("nft", "add", "chain", "inet", "away", hook, f"{{ type filter hook {hook} priority -500; policy drop; }}")

    away_and_back(go, lambda: in_router("nft", "delete", "table", "inet", "away"), "100.64.0.1 does not answer", 
                  words={"--probe": "gateway", "--timeout": "4"})


def interrupted_while_paused():
    campaign = Campaign(times=3, words={"--timeout": "6"})  # those in flight are waited for
    with campaign.start() as running:
        campaign.wait_for_more(running, 500)
        run("ip", "link", "set", "lab0", "down")
        running.wait_for_message("paused: lab0 is down")
        running.process.send_signal(signal.SIGINT)
        status = running.wait()
        assert status in (0, 1), running.stderr
    assert len(campaign.check_whole_lines()) < len(campaign.jobs)
    bring_back()
    campaign.resume()
    campaign.check_all_once()


if __name__ == "__main__":
    network.main(globals())
