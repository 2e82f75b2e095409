"""Runs one scenario: a text file that says what is typed, on which trace, and what must come out.

    # A sentence that says what this shows.
    $ spiderling observe -i trace.pcap basic tcp
    exit 0
    --- trace [FILE]         see trace_text.py; written to trace.pcap, or to FILE
    --- records              the flow records on standard output, by pkt_first; only the named fields are compared:
    sip=10.0.0.1 sp=40000 tcp_synflags_fwd=2 tcp_synflags_rev=null pkt_last=@0.2
    --- fields               the names of all the fields of each record, in their order
    --- stdout               each line a regular expression, which lines of the output match in this order
    --- stderr               each line a regular expression that a line matches; `not REGEX`: that no line matches;
                             `lines N`: there are so many lines

`$` lines are run by bash, one after the other as long as they succeed, in an empty folder with spiderling and its
other names on the PATH and $ROOT the project; `unprivileged COMMAND` runs one without any of root's rights. @S is S
seconds after the start of the trace. Where records are expected, the scenario also runs with --shards 4, which must give the same set of records.

Usage: run.py SCENARIO      (the program is $SPIDERLING)
"""
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

import trace_text

TIME_LIMIT = 120
# What no run may say, whatever it is expected to do.
NEVER = re.compile(r"Sanitizer|runtime error:|terminate called|Assertion|core dumped")


class Scenario:
    def __init__(self, path):
        self.commands, self.exit, self.traces, self.sections = [], 0, {}, {}
        section = None
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("--- "):
                word, _, name = line[4:].strip().partition(" ")
                section = []
                if word == "trace":
                    self.traces[name or "trace.pcap"] = section
                elif word in ("records", "fields", "stdout", "stderr"):
                    self.sections[word] = section
                else:
                    raise SystemExit(f"{path}: no section '{word}'")
            elif section is not None:
                section.append(line)
            elif line.startswith("$ "):
                self.commands.append(line[2:])
            elif line.startswith("exit "):
                self.exit = int(line[5:])
            elif line.strip() and not line.startswith("#"):
                raise SystemExit(f"{path}: what is '{line}'?")

    def lines(self, section):
        return [line for line in self.sections.get(section, []) if line.strip() and not line.startswith("#")]

    def run(self, program, extra=""):
        """Exit status, standard output and standard error of the commands. `extra` goes behind each `observe`."""
        with tempfile.TemporaryDirectory(prefix="scenario-") as name:
            folder = pathlib.Path(name)
            for file, lines in self.traces.items():
                (folder / file).write_bytes(trace_text.capture_of("\n".join(lines)))
            script = " && \\\n".join(re.sub(r"\bobserve(?= )", f"observe {extra}", line) for line in self.commands)
            with tempfile.TemporaryDirectory(prefix="scenario-bin-") as commands:
                fill_commands(pathlib.Path(commands), program)
                done = subprocess.run(["bash", "-c", f"set -o pipefail\n{script}\n"], cwd=folder, capture_output=True,
                                      stdin=subprocess.DEVNULL, timeout=TIME_LIMIT, check=False,
                                      env={**os.environ, "PATH": f"{commands}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8",
                                           "ROOT": str(pathlib.Path(__file__).resolve().parents[2])})
        return done.returncode, done.stdout.decode(), done.stderr.decode()


def fill_commands(folder, program):
    for name in ("spiderling", "pspdr", "pathspider", "nd-sniff"):
        (folder / name).symlink_to(program)
    unprivileged = folder / "unprivileged"
    drop = "setpriv --bounding-set=-all --inh-caps=-all " if os.geteuid() == 0 else ""
    unprivileged.write_text(f'#!/bin/sh\nexec {drop}"$@"\n')
    unprivileged.chmod(0o755)


def expected_value(text):
    if text.startswith("@"):
        return trace_text.START + float(text[1:])
    try:
        return json.loads(text)
    except ValueError:
        return text


def same(expected, actual):
    """Floats to the microsecond; true is not 1."""
    if isinstance(expected, float) and isinstance(actual, (int, float)) and not isinstance(actual, bool):
        return abs(expected - actual) < 1e-6
    return type(expected) is type(actual) and expected == actual


def parse_records(stdout):
    records = []
    for line in stdout.splitlines():
        try:
            records.append(json.loads(line))
        except ValueError:
            yield f"not a record on standard output: {line[:200]}"
    yield sorted(records, key=lambda record: record.get("pkt_first", 0))


def check_records(lines, stdout):
    *problems, records = parse_records(stdout)
    yield from problems
    if len(records) != len(lines):
        yield f"expected {len(lines)} records, there are {len(records)}"
    for number, (line, record) in enumerate(zip(lines, records), 1):
        for token in shlex.split(line):
            name, _, text = token.partition("=")
            expected = expected_value(text)
            if name not in record:
                yield f"record {number}: no field {name}"
            elif not same(expected, record[name]):
                yield f"record {number}: {name} is {json.dumps(record[name])}, expected {text}"


def check_fields(lines, stdout):
    expected = " ".join(lines).split()
    *_, records = parse_records(stdout)
    for record in records:
        if list(record) != expected:
            yield f"fields are {' '.join(record)}, expected {' '.join(expected)}"


def check_stdout(lines, stdout):
    rest = iter(stdout.splitlines())
    for pattern in lines:
        if not any(re.search(pattern, line) for line in rest):
            yield f"standard output has no line (behind those found before) that matches: {pattern}"


def check_stderr(lines, stderr):
    said = stderr.splitlines()
    for pattern in lines:
        if pattern.startswith("lines "):
            if len(said) != int(pattern[6:]):
                yield f"standard error has {len(said)} lines, expected {pattern[6:]}"
        elif pattern.startswith("not "):
            if any(re.search(pattern[4:], line) for line in said):
                yield f"standard error has a line that matches: {pattern[4:]}"
        elif not any(re.search(pattern, line) for line in said):
            yield f"standard error has no line that matches: {pattern}"


def check(scenario, status, stdout, stderr):
    if status != scenario.exit:
        yield f"exit status {status}, expected {scenario.exit}"
    if NEVER.search(stderr):
        yield "the program broke down"
    if "records" in scenario.sections:
        yield from check_records(scenario.lines("records"), stdout)
    if "fields" in scenario.sections:
        yield from check_fields(scenario.lines("fields"), stdout)
    yield from check_stdout(scenario.lines("stdout"), stdout)
    yield from check_stderr(scenario.lines("stderr"), stderr)


def report(title, problems, stdout, stderr):
    print(title)
    for problem in problems:
        print("  " + problem)
    print("standard output:", stdout[:4000], "standard error:", stderr[:4000], sep="\n")


def main():
    path, program = pathlib.Path(sys.argv[1]), pathlib.Path(os.environ["SPIDERLING"]).resolve()
    scenario = Scenario(path)
    status, stdout, stderr = scenario.run(program)
    problems = list(check(scenario, status, stdout, stderr))
    if problems:
        report(f"{path.name}: not as expected", problems, stdout, stderr)
        return 1
    if "records" in scenario.sections and not any("--shards" in line for line in scenario.commands):
        status, sharded, stderr = scenario.run(program, "--shards 4")
        if status != scenario.exit or NEVER.search(stderr) or sorted(sharded.splitlines()) != sorted(stdout.splitlines()):
            problem = f"--shards 4: exit status {status}; with one shard the records were:\n{stdout[:4000]}"
            report(f"{path.name}: four shards differ from one", [problem], sharded, stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
