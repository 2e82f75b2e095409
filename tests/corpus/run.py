"""Observes every trace of the reference corpus and compares each field of each record with what the reference says.

The corpus is no part of this project. It is looked for in $SPIDERLING_CORPUS, then in ../shared/corpus beside the
checkout: NAME.pcap, and expected/NAME.SET.ndjson with the records of the chains of a SET, sorted by pkt_first. A
trace without an expected file has no IP flow. Floats are compared to the microsecond.

Usage: run.py ROOT      (the program is $SPIDERLING; exit status 77: there is no corpus)
"""
import json
import os
import pathlib
import subprocess
import sys

SETS = {
    "headers": "basic tcp ecn dscp mss tfo tcpopt udp evil",
    "icmp": "basic icmp",
    "dns": "basic dns",
}


def observe(program, trace, chains, *options):
    command = [program, "observe", "-i", str(trace), *options, *chains.split()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"exit status {done.returncode}: {done.stderr.strip()}")
    records = [json.loads(line) for line in done.stdout.splitlines()]
    return sorted(records, key=lambda record: record["pkt_first"])


def same(expected, actual):
    if isinstance(expected, float) or isinstance(actual, float):
        numbers = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in (expected, actual))
        return numbers and abs(expected - actual) < 1e-6
    return type(expected) is type(actual) and expected == actual


def differences(expected, actual):
    if len(expected) != len(actual):
        yield f"expected {len(expected)} records, there are {len(actual)}"
    for number, (want, got) in enumerate(zip(expected, actual), 1):
        for name in [*want, *(name for name in got if name not in want)]:
            if name not in got or name not in want:
                yield f"record {number}: field {name} is only in the {'expected' if name in want else 'actual'} record"
            elif not same(want[name], got[name]):
                yield f"record {number}: {name} is {json.dumps(got[name])}, expected {json.dumps(want[name])}"


def check(program, trace, name, chains, *options):
    expected_file = trace.parent / "expected" / f"{trace.stem}.{name}.ndjson"
    expected = []
    if expected_file.exists():
        expected = [json.loads(line) for line in expected_file.read_text().splitlines() if line]
    try:
        return list(differences(expected, observe(program, trace, chains, *options)))
    except (RuntimeError, ValueError, KeyError, subprocess.TimeoutExpired) as problem:
        return [str(problem)]


def main():
    root, program = pathlib.Path(sys.argv[1]), os.environ["SPIDERLING"]
    corpus = pathlib.Path(os.environ.get("SPIDERLING_CORPUS") or root / ".." / "shared" / "corpus")
    traces = sorted(corpus.glob("*.pcap"))
    if not traces:
        print(f"SKIPPED: no reference traces in {corpus}; set SPIDERLING_CORPUS to compare with them")
        return 77
    failed = 0
    for trace in traces:
        for name, chains in SETS.items():
            for options in ((), ("--shards", "3")):
                problems = check(program, trace, name, chains, *options)
                failed += bool(problems)
                for problem in problems:
                    print(f"{trace.name}, {name} {' '.join(options)}: {problem}")
    print(f"{len(traces)} traces, {len(SETS)} sets of chains, one and three shards: {failed} differ")
    return 1 if failed else 0


sys.exit(main())
