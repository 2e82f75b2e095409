"""kill -9 at any moment: rules, routes and settings are as they were, byte for byte.

Usage: left_as_found.py TEST      (the program is $SPIDERLING; exit status 77: not possible here)
"""
import os
import pathlib
import random
import threading
import time

import network
from network import Lab, Measure, by, measure, run, sandbox, sysctl, wait_for

ROUNDS = 10
LONGEST = 0.6  # seconds until it is killed; a round's work takes longer
OF_THE_USER = """
table inet firewall {
  set ports {
    type inet_service
    elements = { 22, 80 }
  }
  chain in {
    type filter hook input priority filter; policy accept
    tcp dport @ports meta mark set 0x1
  }
}
table ip mangle {
  chain OUTPUT {
    type route hook output priority mangle; policy accept
    ip daddr 192.0.2.7 ip dscp set cs1
  }
}
"""
COMMANDS = ("nft list ruleset", "ip rule", "ip -6 rule", "ip route show table all", "ip -6 route show table all", "ip address", "ip link")
COUNTERS = ("nf_conntrack_count", "/inode", "dentry", "stat_refresh")


def settings():
    values = {}
    for file in pathlib.Path("/proc/sys/net").rglob("*"):
        try:
            values[str(file)] = file.read_text()
        except (OSError, UnicodeDecodeError):
            continue
    return {name: value for name, value in values.items() if not any(word in name for word in COUNTERS)}


def picture():
    return {command: run(*command.split()) for command in COMMANDS} | settings()


def expect_same(before):
    after = picture()
    for name, value in before.items():
        assert after[name] == value, f"{name}\nbefore: {value}\nafter:  {after[name]}"
    assert after.keys() == before.keys()


def host_of_a_user():
    """Someone else's rules and routes, in the prober's network; how all is there."""
    run("nft", "-f", "-", text=OF_THE_USER)
    for command in ("ip rule add fwmark 0x1/0xff lookup 100 pref 1000", "ip route add 10.200.0.0/16 dev lab0 table 100",
                    "ip -6 rule add from fd77::/64 lookup 100 pref 1000", "ip route add 10.201.0.0/16 dev lab0 metric 5"):
        run(*command.split())
    sysctl("net.ipv4.tcp_ecn", 0)  # neither A nor B has it so
    sysctl("net.ipv4.tcp_ecn_fallback", 1)
    sysctl("net.ipv4.tcp_fastopen", 2)  # for servers only
    sysctl("net.ipv4.tcp_fastopen_blackhole_timeout_sec", 3600)
    sysctl("net.ipv4.tcp_sack", 0)
    return picture()


def programs():
    """`spiderling measure` and what it started: its guardian has its command line, nft its own."""
    found = []
    for process in sandbox.others():
        try:
            words = pathlib.Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if (b"measure" in words[1:2] or words[0].endswith(b"nft")) and network.is_running(process):
            found.append(process)
    return found


def journals():
    return list(pathlib.Path("/run/spiderling").glob("*.journal"))


def journals_with_changes():
    """One that is killed between its journal's head, two lines, and its guardian's start has changed nothing yet."""
    return [path for path in journals() if len(path.read_text().splitlines()) > 2]


def killed(configure, plugin="ecn"):
    place = Lab('[[host]]\nbox = "silent"\ncount = 10\n[[host]]\nbox = "clean"\ncount = 2000\n')
    before = host_of_a_user()
    seed = int.from_bytes(os.urandom(4), "big")
    print(f"seed {seed}")
    chance = random.Random(seed)
    silent = [{"dip": job["dip"]} for job in place.jobs if job["lab_host"] == "silent"]
    jobs = silent + [{"dip": job["dip"]} for job in place.jobs if job["lab_host"] == "clean"]
    changed = put_back = 0
    for round_ in range(ROUNDS):
        timeout = "3600" if round_ == 0 else "0.3"  # once surely in the middle of it: the first are silent
        with Measure("--linger", "0.1", "--timeout", timeout, "-w", "100", "--configure", configure, plugin) as running:
            feeder = threading.Thread(target=lambda: [running.tell(jobs) for _ in range(5)])
            feeder.start()
            if round_ == 0:
                wait_for(lambda: picture() != before, "something to be changed")
            else:
                time.sleep(chance.uniform(0, LONGEST))
            changed += picture() != before
            running.process.kill()
            running.wait()
            feeder.join(network.DEADLINE)
            wait_for(lambda: not programs(), "the guardian to end")
            for line in running.lines[:-1]:  # the last may be cut
                network.check_result(line)
            put_back += "put back" in running.stderr
        expect_same(before)
        assert not journals_with_changes(), journals()
    print(f"killed {ROUNDS} times, {changed} times with changes to be undone, {put_back} times said what was put back")
    assert changed > 0 and put_back > 0
    one = place.targets("clean", 4)
    found = by("dip", measure([{"dip": one}], "--linger", "0.1", "--timeout", "20", "--configure", configure, plugin)[0])
    assert any(name.endswith(".connectivity.works") for name in found[one]["conditions"]), "and it can be used again"
    expect_same(before)
    assert not journals(), "what nobody needs any more is cleared away by the next one"


def killed_while_sockets_are_marked():
    killed("socket")


def killed_while_the_host_is_configured():
    killed("host")


def killed_while_fast_open_is_measured():
    killed("socket", "tfo")


def killed_while_options_are_taken_out():
    killed("socket", "tcpopt")


def killed_while_packets_are_forged():
    killed("socket", "evilbit")


def orderly_ends():
    """Done, refused, failed while running: the same."""
    place = Lab()
    before = host_of_a_user()
    jobs = [{"dip": address} for address in place.targets("clean", 4, 20)]
    for configure in ("socket", "host"):
        how = "--linger", "0.1", "--configure", configure, "ecn"
        with Measure(*how) as running:
            running.tell(jobs)
            running.wait_for_results(20)
            if configure == "socket":
                assert picture() != before
            running.close()
            running.finish()
        expect_same(before)
        measure(jobs, "--output", "/no/such/folder/x", *how, status=2)
        expect_same(before)
        measure(jobs, "--output", "/dev/full", *how, status=1)
        expect_same(before)
    assert not journals() and not programs()


if __name__ == "__main__":
    network.main(globals())
