"""Turns what ctest and GoogleTest left in a folder into lines `passed N`, `failed NAME`, `skipped NAME: REASON`.

A GoogleTest program counts by its test cases, anything else as one test.
"""
import pathlib
import sys
import xml.etree.ElementTree as xml


def gtest_cases(folder):
    """Program name -> list of (case, state, message)."""
    programs = {}
    for path in sorted(folder.glob("*.xml")):
        cases = programs.setdefault(path.stem, [])
        for case in xml.parse(path).getroot().iter("testcase"):
            name = f"{case.get('classname')}.{case.get('name')}"
            skip = case.find("skipped")
            if case.find("failure") is not None:
                cases.append((name, "failed", ""))
            elif skip is not None:
                cases.append((name, "skipped", skip.get("message", "")))
            elif case.get("status") == "run":
                cases.append((name, "passed", ""))
    return programs


def one_line(text):
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " ".join(line for line in lines if ".cpp:" not in line) or "no reason given"


def skip_reason(test):
    """The line that a test printed about why it was skipped."""
    output = test.findtext("system-out") or ""
    said = [line for line in output.splitlines() if line.startswith("SKIPPED")]
    return said[-1].removeprefix("SKIPPED").lstrip(": ") if said else one_line(output)


def results(folder):
    report = folder / "ctest.junit"
    if not report.exists():
        return
    programs = gtest_cases(folder)
    for test in xml.parse(report).getroot().iter("testcase"):
        name, ok = test.get("name"), test.get("status") == "run"
        skipped = test.find("skipped") is not None
        cases = programs.get(name, [])
        if skipped:
            yield ("skipped", f"{name}: {skip_reason(test)}")
        elif not cases:
            yield ("passed", name) if ok else ("failed", name)
        else:
            for case, state, message in cases:
                yield (state, f"{name} {case}: {one_line(message)}" if state == "skipped" else f"{name} {case}")
            # The program itself: a leak found at its end, a crash, a time-out.
            if not ok and all(state != "failed" for _, state, _ in cases):
                yield ("failed", name)


def main():
    passed = 0
    for state, text in results(pathlib.Path(sys.argv[1])):
        if state == "passed":
            passed += 1
        else:
            print(state, text)
    if passed:
        print("passed", passed)


main()
