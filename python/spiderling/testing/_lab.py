"""A measurement over `spiderling lab`: real servers behind boxes of known faults, in namespaces of this machine."""
import dataclasses
import os

import _spiderling


@dataclasses.dataclass
class LabVerdict:
    """What the lab has found."""
    skipped: str  #: why there is no verdict: no root, or a package that is missing. Empty: there is one
    all_right: bool
    report: str  #: for a person: conditions, with what was wrong by host


def check_in_lab(scenario_file, *more):
    """Runs `spiderling lab check SCENARIO`: the network up, the measurement that the scenario names run over it, each result
    held against what the scenario says is true, the network gone. Of the machine's own network nothing is changed. Needs
    root.

        verdict = check_in_lab("lab.toml")
        if verdict.skipped: ...
        assert verdict.all_right, verdict.report

    The program is $SPIDERLING, else `spiderling` of the PATH; it finds the measurement (pathspider/plugins/NAME.py) in the
    folder of the scenario, in the current one and on PYTHONPATH. `more`: options for `lab check`. Raises RuntimeError if the
    program cannot be run at all.
    """
    before = os.environ.get("PYTHONPATH")
    folder = os.path.dirname(os.path.abspath(scenario_file))
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [folder, before]))
    try:
        return LabVerdict(*_spiderling.check_in_lab(os.fspath(scenario_file), more))
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before
