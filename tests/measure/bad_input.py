"""Lists of jobs as people have them: each job comes out once, each line that is none is named and counted.

Usage: bad_input.py TEST      (the program is $SPIDERLING; exit status 77: not possible here)
"""
import json
import os
import pathlib
import subprocess

import network
from network import OK, SKIPPED, SPIDERLING, Lab, by, measure, run, states, sysctl

QUICK = "--linger", "0.1", "--timeout", "20"  # nothing here is to time out
WORKS = "ecn.connectivity.works"


def lines_that_are_no_jobs():
    lab = Lab()
    good4, good6 = lab.targets("clean", 4), lab.targets("clean", 6)
    long_line = b'{"dip":"10.1.0.9","note":"' + b"x" * (10 << 20) + b'"}'
    lines = [
        b"\xef\xbb\xbf" + json.dumps({"dip": good4}).encode() + b"\r",  # 1: as Windows writes it
        b'{"dip":"10.1.0.9","dp":0}',
        b"",
        b'{"dip":"10.1.0.9","dp":65536}',
        b'{"dip":"10.1.0.999"}',  # 5
        b'{"dip":"www.example.org"}',
        b'{"dip":"10.1.0.9"',
        b'{"dip":"10.1.0.9","note":"\xff\xfe"}',
        long_line,
        b'["10.1.0.9"]',  # 10
        b'{"rank":3}',
        b"   \t",
        b'{"dip":"10.1.0.9","dip":"10.1.0.8"}',
        b'{"dip":"10.1.0.9","domain":"a name.test"}',
        json.dumps({"dip": good6}).encode(),  # 15, without an end
    ]
    reasons = {2: "no port", 4: "no port", 5: "neither an IPv4 nor an IPv6 address", 6: "neither an IPv4 nor an IPv6 address", 7: "",
               8: "UTF-8", 9: "longer than 1 MiB", 10: "object", 11: "neither dip, an address, nor domain", 13: ""}
    results, said = measure(b"\n".join(lines), *QUICK, "--output-flows", "ecn", "--connect", "tcp")
    found = by("dip", results)
    assert set(found) == {good4, good6}, found
    assert [found[good]["flow_results"][0]["jobId"] for good in (good4, good6)] == [1, 15], "lines are counted as an editor does"
    for number, reason in reasons.items():
        told = [line for line in said.splitlines() if line.startswith(f"spiderling measure: line {number}: ")]
        assert len(told) == 1 and reason in told[0] and len(told[0]) < 300, (number, told)
    assert "line 14: " not in said and "further bad lines are only counted" in said, said
    last = said.splitlines()[-1]
    assert "2 jobs, 2 results" in last, last
    assert "11 bad lines (" in last, last
    for kind in ("2 bad port", "2 bad address", "1 not JSON", "1 not UTF-8", "1 too long", "1 not an object", "1 without target",
                 "1 member twice", "1 bad domain"):
        assert kind in last, (kind, last)


def jobs_that_cannot_be_connected():
    """They come out once, and say why."""
    lab = Lab()
    good = lab.targets("clean", 4)
    jobs = [{"domain": "no.address.test", "rank": 1}, {"dip": None, "domain": "null.test", "rank": 2}, {"dip": "0.0.0.0", "rank": 3},
            {"dip": "::", "rank": 4}, {"dip": f"::ffff:{good}", "rank": 5}, {"dip": "255.255.255.255", "rank": 6},
            {"dip": good, "rank": 7}]
    results, said = measure(jobs, *QUICK, "--output-flows", "ecn", "--connect", "tcp")
    found = by("rank", results)
    assert sorted(found) == [1, 2, 3, 4, 5, 6, 7], found
    for rank in range(1, 7):
        assert found[rank]["conditions"] == ["pathspider.skipped"], found[rank]
        assert states(found[rank]) == [SKIPPED, SKIPPED], found[rank]
        assert all(flow["spdr_reason"] and not flow["observed"] for flow in found[rank]["flow_results"]), found[rank]
    for rank, reason in ((1, "names no address"), (2, "names no address"), (3, "unspecified"), (5, "write it as IPv4")):
        assert all(reason in flow["spdr_reason"] for flow in found[rank]["flow_results"]), found[rank]
    assert WORKS in found[7]["conditions"], found[7]
    assert "7 jobs, 7 results" in said and "12 skipped" in said, said


def lists_without_a_job():
    Lab()
    for text in (b"", b"\n\n  \n", b"\xef\xbb\xbf"):
        results, said = measure(text, *QUICK, "ecn")
        assert not results and "0 jobs, 0 results" in said.splitlines()[-1] and "bad lines" not in said, said
    results, said = measure(b"dip,dp\n", *QUICK, "ecn")
    assert not results and "line 1: " in said and "1 bad lines (1 not an object)" in said, said
    with open(os.devnull, "rb") as nothing, network.Measure(*QUICK, "ecn", stdin=nothing) as running:
        assert not running.finish()


def columns():
    lab = Lab()
    four, six = lab.targets("clean", 4, 3), lab.targets("clean", 6)
    text = "\n".join([
        "7,only.a-name.test",
        f"{four[0]},80,three.test",
        f"{four[1]},80,four.test,12",
        f'"{six}","80","quoted.test",13',
        f"{four[2]},,no-port.test",
        f"{four[2]},http,bad.test",
        "10.1.0.999,80,bad.test",
        "one column",
        f"{four[2]},80,bad.test,14,more",
        f'"{four[2]},80,bad.test',
    ]) + "\n"
    results, said = measure(text.encode(), *QUICK, "--csv-input", "ecn", "--connect", "tcp")
    found = by("domain", results)
    assert set(found) == {"only.a-name.test", "three.test", "four.test", "quoted.test", "no-port.test"}, found
    assert found["only.a-name.test"]["conditions"] == ["pathspider.skipped"] and found["only.a-name.test"]["rank"] == 7
    assert found["three.test"]["dp"] == 80 and "rank" not in found["three.test"], "ports are numbers"
    assert found["four.test"]["rank"] == 12 and found["quoted.test"]["dip"] == six and found["quoted.test"]["rank"] == 13
    for name in ("three.test", "four.test", "quoted.test", "no-port.test"):
        assert WORKS in found[name]["conditions"], found[name]
    for number in range(6, 11):
        assert f"line {number}: " in said, said
    assert "5 jobs, 5 results" in said and "5 bad lines (3 wrong columns, 1 bad address, 1 bad port)" in said, said


def first_pathspiders_form():
    """`pathspider ecn <jobs`: of columns, as its lists were, or of objects."""
    lab = Lab()
    target = lab.targets("clean", 4)
    pathspider = "/run/pathspider"
    os.symlink(SPIDERLING, pathspider)
    for text in (f"{target},80,a.test,3\n".encode(), json.dumps({"dip": target, "dp": 80, "domain": "a.test", "rank": 3}).encode() + b"\n"):
        results, said = measure(text, *QUICK, "--connect", "tcp", name=pathspider, command=["ecn"])
        assert len(results) == 1 and results[0]["rank"] == 3 and results[0]["dp"] == 80, results
        assert WORKS in results[0]["conditions"], results
        assert "pathspider ecn: 1 jobs, 1 results" in said, said
    os.symlink(SPIDERLING, "/run/pspdr")
    results, _ = measure([{"dip": target}], *QUICK, "ecn", name="/run/pspdr")
    assert WORKS in results[0]["conditions"], results


def no_address_of_a_family():
    lab = Lab()
    four, six = lab.targets("clean", 4), lab.targets("clean", 6)
    jobs = [{"dip": four}, {"dip": six}]
    run("ip", "-6", "address", "flush", "dev", "lab0")

    def check(reason):
        for configure in ("socket", "host"):
            found = by("dip", measure(jobs, *QUICK, "--output-flows", "--configure", configure, "ecn")[0])
            assert states(found[four]) == [OK, OK] and WORKS in found[four]["conditions"], found[four]
            assert states(found[six]) == [SKIPPED, SKIPPED] and found[six]["conditions"] == ["pathspider.skipped"], found[six]
            for flow in found[six]["flow_results"]:
                assert reason in flow["spdr_reason"], flow

    check("no address of this host")  # there is a default route, but nothing to send from
    run("ip", "-6", "route", "delete", "default")
    check("no route to")
    sysctl("net.ipv6.conf.all.disable_ipv6", 1)
    check("IPv6")


def lists_that_cannot_be_read():
    """What there was of results is left alone when nothing can be measured."""
    Lab()
    kept = pathlib.Path("/run/results")
    kept.write_text("of yesterday\n")
    for words, reason in ((("--input", "/no/such/list"), "/no/such/list: no such file"), (("--input", "/run"), "/run"),
                          (("--hub", "no port:x"), "no port:x")):
        out = () if "--hub" in words else ("--output", str(kept))
        results, said = measure([], *words, *out, *QUICK, "ecn", status=2)
        assert not results and reason in said and len(said.splitlines()) == 1, said
    measure([], "--output", str(kept), "--timeout", "-1", "ecn", status=2)
    measure([], "--output", str(kept), "ecn", interface="eth77", status=2)
    assert kept.read_text() == "of yesterday\n"
    said = measure([], "--output", "/no/such/folder/results", "ecn", status=2)[1]
    assert "/no/such/folder/results: No such file" in said, said


def without_privileges():
    """The exit status says that nothing was done; the message which right is missing, and what works without."""
    Lab()
    nobody = ["env", "HOME=/nonexistent", "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]  # not a home of root

    def refused(*options):
        done = subprocess.run([*nobody, *options, SPIDERLING, "measure", "-i", "lab0", "ecn"], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=network.DEADLINE, check=False)
        assert done.returncode == 2 and not done.stdout, done
        assert done.stderr.startswith("spiderling measure: cannot measure ecn: CAP_"), done.stderr
        return done.stderr.splitlines()

    raw, admin = refused()
    assert "CAP_NET_RAW is missing" in raw and "without it" in raw and "still" in raw, raw
    assert "CAP_NET_ADMIN is missing" in admin and "without it" in admin and "still" in admin and "sudo" in admin, admin
    only, = refused("--inh-caps", "+net_raw", "--ambient-caps", "+net_raw")
    assert "CAP_NET_ADMIN is missing" in only and "NET_RAW" not in only, only
    only, = refused("--inh-caps", "+net_admin", "--ambient-caps", "+net_admin")
    assert "CAP_NET_RAW is missing" in only and "NET_ADMIN" not in only, only


if __name__ == "__main__":
    network.main(globals())
