"""A test kit for plugins in Python: packets in a line, chefs, chains and measurements over them, a network that
is made up, and the lab.

    from spiderling.testing import run_chain, run_chef

    record = run_chain(MyChain, "10.0.0.1:4000 > 10.0.0.2:80 tcp S")
    assert record["my_syns"] == 1

Plain functions that return what came out, for any test framework or none. What cannot be asked for (no such chain, a
packet that is none) raises ValueError or RuntimeError with one line for a person. It is the kit of <spiderling/testing.h>:
the engine that runs plugins in measurements and kitchens runs them here.
"""
from spiderling.testing._chains import completes, run_chain, run_chains, run_functions
from spiderling.testing._chefs import ChefRun, Dumpling, run_chef
from spiderling.testing._lab import LabVerdict, check_in_lab
from spiderling.testing._measurements import MeasurementTest, TargetResult, Told
from spiderling.testing._network import (FAST_OPEN, MSS, SACK_PERMITTED, TIMESTAMPS, WINDOW_SCALE, FakeTarget, answers, drops,
                                         refuses, silent, strips)
from spiderling.testing._packets import Packets, packet

__all__ = ["FAST_OPEN", "MSS", "SACK_PERMITTED", "TIMESTAMPS", "WINDOW_SCALE", "ChefRun", "Dumpling", "FakeTarget", "LabVerdict",
           "MeasurementTest", "Packets", "TargetResult", "Told", "answers", "check_in_lab", "completes", "drops", "packet",
           "refuses", "run_chain", "run_chains", "run_chef", "run_functions", "silent", "strips"]
