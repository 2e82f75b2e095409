"""What the command line says of itself, and the one line of the README.

Usage: command.py TEST      (the program is $SPIDERLING; exit status 77: not possible here)
"""
import os
import subprocess

import network
from network import SPIDERLING, lab, sandbox


def ask(*words, name=SPIDERLING):
    done = subprocess.run([name, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=network.DEADLINE, check=False)
    return done.returncode, done.stdout, done.stderr


def help_is_given():
    for name in ("pspdr", "pathspider"):
        os.symlink(SPIDERLING, f"/run/{name}")
    for name in (SPIDERLING, "/run/pspdr", "/run/pathspider"):
        status, said, wrong = ask("measure", "--help", name=name)
        assert status == 0 and not wrong, (status, wrong)
        for word in ("--interface", "--workers", "--input", "--csv-input", "--output", "--output-flows", "--interleave", "--configure",
                     "--hub", "Explicit Congestion Notification", "CAP_NET_RAW", "CAP_NET_ADMIN", "Exit status: 0"):
            assert word in said, word
        status, said, wrong = ask("measure", "ecn", "--help", name=name)
        assert status == 0 and not wrong and "--connect" in said and "--fallback" in said and "--timeout" in said, (status, said, wrong)
    assert ask("ecn", "--help", name="/run/pathspider")[0] == 0
    assert "measure" in ask("--help")[1]


def mistakes_are_named():
    for words, reason in (
            (("measure", "ecm"), "there is no 'ecm'; did you mean 'ecn'"),
            (("measure", "-i", "lo", "ecm", "--connect", "tcp"), "there is no 'ecm'; did you mean 'ecn'"),
            (("measure", "zigzag"), "there is no 'zigzag'; there are "),
            (("measure", "zigzag"), "ecn"),
            (("measure",), "required"),
            (("measure", "--no-such-option", "ecn"), "--no-such-option"),
            (("measure", "ecn", "--no-such-option"), "--no-such-option"),
            (("measure", "ecn", "--connect", "carrier-pigeon"), "carrier-pigeon"),
            (("measure", "-w", "0", "ecn"), "0"),
            (("measure", "-w", "many", "ecn"), "many"),
            (("measure", "--timeout", "-1", "ecn"), "-1"),
            (("measure", "ecn", "--timeout", "nan"), "nan"),
            (("measure", "--linger", "0", "ecn"), "0"),
            (("measure", "--interleave", "sideways", "ecn"), "sideways"),
            (("measure", "--configure", "everything", "ecn"), "everything"),
            (("measure", "--hub", "localhost", "--output", "x", "ecn"), "--output")):
        status, said, wrong = ask(*words)
        assert status == 2 and not said and reason in wrong and len(wrong.splitlines()) == 1, (words, status, said, wrong)
        assert wrong.startswith("spiderling measure: "), wrong


def the_one_line():
    """Of the README: the lab comes up, ecn is measured, the truth is printed beside it, the lab is gone."""
    before = sandbox.machine()
    said = lab("check", "ecn")
    rows = {line.split()[0]: line.split()[1:] for line in said.splitlines() if line.startswith("ecn.")}
    for condition in ("connectivity.works", "connectivity.broken", "connectivity.offline", "negotiation.succeeded", "negotiation.reflected",
                      "negotiation.failed", "ipmark.ect0.seen", "ipmark.ce.seen"):
        right, false_positives, false_negatives, _ = rows[f"ecn.{condition}"]
        assert int(right) > 0 and false_positives == false_negatives == ".", (condition, rows)
    assert said.splitlines()[-1].startswith("all right: ecn in scenario 'ecn': "), said
    sandbox.assert_as_before(before)


if __name__ == "__main__":
    network.main(globals())
