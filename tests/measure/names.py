"""`measure dnsresolv` as its users run it, against the lab's resolver, which has an IPv4 and an IPv6 address for every name.

Usage: names.py TEST      (the program is $SPIDERLING; exit status 77: not possible here)
"""
import json
import os
import pathlib
import re
import signal
import subprocess
import threading

import network
from network import SPIDERLING, Lab, Measure, run

ADDRESSES = "192.0.2.1", "2001:db8::1"
HOSTS = '[[host]]\nbox = "clean"\ncount = 4\n[[host]]\nbox = "silent"\ncount = 1\n'
NOBODY = "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"


def resolver(lab, version=4, host="clean"):
    address = lab.targets(host, version)
    return "--resolver", f"[{address}]:53" if version == 6 else address


def counted(measure, what):
    found = re.search(rf"(\d+) {re.escape(what)}", measure.stderr)
    return int(found[1]) if found else 0


def ended(measure, status):
    """As Measure.finish(), but what came out are jobs, not results."""
    got = measure.wait()
    assert got == status, f"status {got}: {measure.stderr}"


def resolved(*words, jobs, status=0, **how):
    """The jobs that come out, and the program."""
    with Measure(*words, interface=None, **how) as measure:
        feeder = threading.Thread(target=lambda: (measure.tell(jobs), measure.close()))
        feeder.start()
        ended(measure, status)
        feeder.join(network.DEADLINE)
    return [json.loads(line) for line in measure.lines], measure


def each_name_becomes_its_addresses():
    """Without a privilege, whatever the interface is said to be; nothing that a job carried is lost."""
    lab = Lab(HOSTS)
    names = [f"www{i}.example" for i in range(3000)]
    csv = "".join(f"{i},{name}\n" for i, name in enumerate(names, 1)).encode()
    for version in (4, 6):
        jobs, measure = resolved("-i", "eth0", "--csv-input", "dnsresolv", *resolver(lab, version), jobs=csv, prefix=NOBODY)
        wanted = {(rank, name, dip) for rank, name in enumerate(names, 1) for dip in ADDRESSES}
        found = {(job["rank"], job["domain"], job["dip"]) for job in jobs}
        assert found == wanted, (sorted(found ^ wanted)[:10], measure.stderr)
        assert len(jobs) == len(wanted), measure.stderr
        assert "3000 jobs in, 6000 out; 3000 resolved;" in measure.stderr, measure.stderr


def the_quickstart():
    """As it stands in PATHspider's: pspdr, an interface, a list of ranks and domains; the system's resolver."""
    lab = Lab(HOSTS)
    pathlib.Path("/run/resolv.conf").write_text(f"nameserver {lab.targets('clean', 4)}\n")
    run("mount", "--bind", "/run/resolv.conf", "/etc/resolv.conf")
    os.symlink(SPIDERLING, "/run/pspdr")
    pathlib.Path("/run/list.csv").write_text("1,example.org\n2,example.com\n")
    with open("/run/list.csv", "rb") as jobs:
        done = subprocess.run(["/run/pspdr", "measure", "-i", "eth0", "--csv-input", "dnsresolv"], stdin=jobs, capture_output=True,
                              text=True, timeout=network.DEADLINE, check=False)
    assert done.returncode == 0, done.stderr
    found = sorted((job["rank"], job["domain"], job["dip"]) for job in map(json.loads, done.stdout.splitlines()))
    assert done.stdout, done.stderr
    assert found == sorted((rank, name, dip) for rank, name in ((1, "example.org"), (2, "example.com")) for dip in ADDRESSES), found


def what_a_job_carries_stays():
    lab = Lab(HOSTS)
    given = [{"domain": "a.example", "dp": 8443, "note": {"dip": "x"}, "list": [1, None]}, {"dip": "203.0.113.9", "domain": "b.example"},
             {"dip": "203.0.113.9", "dp": 80}, {"domain": "198.51.100.7", "rank": 3}]
    jobs, measure = resolved("--blocklist", "none", "dnsresolv", *resolver(lab), jobs=given)
    wanted = [{**given[0], "dip": dip} for dip in ADDRESSES] + [{**given[1], "dip": dip} for dip in ADDRESSES]
    wanted += [given[2], {**given[3], "dip": "198.51.100.7"}]
    key = lambda job: json.dumps(job, sort_keys=True)  # noqa: E731
    assert sorted(jobs, key=key) == sorted(wanted, key=key), jobs
    assert counted(measure, "jobs in,") == 4 and counted(measure, "out") == 6, measure.stderr


def what_comes_to_nothing_is_told():
    lab = Lab(HOSTS)
    given = [{"domain": "m\u00fcnchen.example"}, {"domain": "a..b", "rank": 7}, {"domain": "good.example"}]
    jobs, measure = resolved("dnsresolv", *resolver(lab), "--unresolved", "/run/rest", jobs=given)
    assert len(jobs) == 2 and counted(measure, "no host name") == 2, measure.stderr
    rest = [json.loads(line) for line in pathlib.Path("/run/rest").read_text().splitlines()]
    assert sorted(rest, key=lambda job: job["domain"]) == [{**given[1], "unresolved": "no host name"}, {**given[0], "unresolved": "no host name"}], rest
    jobs, measure = resolved("dnsresolv", *resolver(lab, host="silent"), "--timeout", "0.3", jobs=[{"domain": "good.example"}])
    assert jobs == [] and counted(measure, "no answer in time") == 1, measure.stderr
    jobs, measure = resolved("dnsresolv", "--resolver", "127.0.0.1:1", "--timeout", "0.3", jobs=[{"domain": "good.example"}])
    assert jobs == [] and counted(measure, "refused") + counted(measure, "no answer in time") == 1, measure.stderr
    # One of two that is silent costs time, and no name.
    jobs, measure = resolved("dnsresolv", *resolver(lab, host="silent"), *resolver(lab), "--timeout", "3", jobs=given[2:] * 20)
    assert len(jobs) == 40, measure.stderr


def mistakes_are_named():
    for words, reason in ((("dnsresolv", "--resolver", "dns.example"), "is no address of a resolver"),
                          (("dnsresolv", "--tries", "0"), "0"), (("--hub", "localhost:1", "dnsresolv"), "--hub has no meaning"), (("--journal", "/run/j", "dnsresolv"), "--journal is for runs that are observed"),
                          (("--contact", "a@(b", "h2"), "brackets"), (("--contact", "a@line\nbreak", "h2"), "printable"),
                          (("--contact", "nobody", "h2"), "mail address")):
        with Measure(*words, interface=None) as measure:
            measure.close()
            ended(measure, 2)
        assert reason in measure.stderr and not measure.lines, (words, measure.stderr)


def one_signal():
    """What was taken is finished, and nothing is lost in between."""
    lab = Lab(HOSTS)
    with Measure("-w", "2", "dnsresolv", *resolver(lab), interface=None) as measure:
        measure.tell([{"domain": f"n{i}.example"} for i in range(100)])
        measure.wait_for_results(200)  # and now it waits for more
        measure.process.send_signal(signal.SIGINT)
        ended(measure, 0)
    assert len(measure.lines) == 200 and counted(measure, "jobs in,") == 100, measure.stderr


def two_signals():
    """What is still asked for is given up, and said."""
    lab = Lab(HOSTS)
    with Measure("dnsresolv", *resolver(lab, host="silent"), "--timeout", "60", interface=None) as measure:
        measure.tell([{"domain": f"n{i}.example"} for i in range(100)] + [{"domain": "192.0.2.1"}])
        measure.wait_for_results(1)  # the last: it needs nobody to be asked, and so all others were taken
        measure.process.send_signal(signal.SIGINT)
        measure.wait_for_message("100 jobs in flight")
        measure.process.send_signal(signal.SIGINT)
        ended(measure, 1)
    assert len(measure.lines) == 1 and counted(measure, "jobs given up") == 100, measure.stderr


if __name__ == "__main__":
    network.main(globals())
