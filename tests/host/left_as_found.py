"""A host is left as it was found, however the program ends.

Usage: left_as_found.py TEST      (the program is $HOST_DRIVER; exit status 77: not possible here)
"""
import contextlib
import os
import pathlib
import random
import signal
import subprocess
import tempfile
import time

import two_hosts
from two_hosts import PEER, PEER6, Driver, ip, run, sysctl, wait_for

ROUNDS = 20
SETTINGS = ("net.ipv4.tcp_ecn", "net.ipv4.tcp_ecn_fallback", "net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding")
OTHERS_RULES = """
table inet firewall {
  set ports {
    type inet_service
    elements = { 22, 80 }
  }
  chain in {
    type filter hook input priority filter; policy accept
    tcp dport @ports meta mark set 0x1
    ct state established accept
  }
}
table ip nat {
  chain post {
    type nat hook postrouting priority srcnat
    oifname "out0" masquerade
  }
}
table ip filter {
  chain OUTPUT {
    type filter hook output priority filter; policy accept
    ip daddr 10.1.2.3 drop
  }
}
"""


def host_of_a_user():
    """Rules, routes and settings of someone else's."""
    two_hosts.namespace.veth("out0", "out1")
    ip("address add 10.77.0.1/24 dev out0")
    sysctl("net.ipv6.conf.out0.disable_ipv6", 0)
    ip("-6 address add fd77::1/64 dev out0 nodad")
    ip(f"route add default via {PEER}")
    ip(f"-6 route add default via {PEER6}")
    ip("rule add fwmark 0x1/0xff lookup 100 pref 1000")
    ip("route add 10.9.0.0/16 dev out0 table 100")
    ip("-6 rule add from fd77::/64 lookup 100 pref 1000")
    run("nft", "-f", "-", text=OTHERS_RULES)
    sysctl("net.ipv4.ip_forward", 1)
    # fe80::/64 and the like come when the kernel has made sure that nobody else has the address.
    wait_for(lambda: "tentative" not in run("ip", "-6", "address"), "addresses to be ours")
    return picture()


def picture():
    commands = ("nft list ruleset", "ip rule", "ip -6 rule", "ip route show table all", "ip -6 route show table all")
    seen = {command: run(*command.split()) for command in commands}
    return seen | {name: sysctl(name) for name in SETTINGS}


def expect_same(before):
    after = picture()
    for name, value in before.items():
        assert after[name] == value, f"{name}\nbefore: {value}\nafter:  {after[name]}"


@contextlib.contextmanager
def journal_folder():
    with tempfile.TemporaryDirectory(prefix="host-left-") as folder:
        yield pathlib.Path(folder) / "journal"


def journals(folder):
    return [path.name for path in folder.iterdir()]


def is_running(process):
    try:
        stat = pathlib.Path(f"/proc/{process}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def wait_until_gone(process):
    wait_for(lambda: not is_running(process), "the guardian to end")


CONFIGURE = "sysctl net.ipv4.tcp_ecn=1 net.ipv4.tcp_ecn_fallback=0 net.ipv6.conf.all.forwarding=1"


def orderly_end():
    before = host_of_a_user()
    with journal_folder() as folder, Driver(folder) as driver:
        guardian = driver.ok("guardian")
        driver.ok("marks off on on-with-fallback")
        driver.ok(CONFIGURE)
        assert sysctl("net.ipv4.tcp_ecn") == "1" and sysctl("net.ipv6.conf.all.forwarding") == "1"
        assert picture() != before
        driver.ok("end")
        driver.ok("remove")
        expect_same(before)
        driver.ok("marks on")
        driver.ok(CONFIGURE)
        driver.quit()
        expect_same(before)
        assert not is_running(guardian) and not journals(folder)


def busy(driver):
    """Gives it more to do than it will come to do."""
    for _ in range(50):
        driver.tell("marks off on")
        driver.tell(CONFIGURE)
        driver.tell("remove")
        driver.tell("end")


def killed_at_random():
    before = host_of_a_user()
    chance = random.Random(4)
    changed = 0
    with journal_folder() as folder:
        for round_ in range(ROUNDS):
            with Driver(folder, quiet=True) as driver:
                guardian = driver.ok("guardian")
                busy(driver)
                time.sleep(chance.uniform(0, 0.15))  # a random point of what it does
                driver.process.kill()
                driver.process.wait()
                wait_until_gone(guardian)
                changed += "put back" in driver.process.stderr.read()
            expect_same(before)
            assert not journals(folder), (round_, journals(folder))
    print(f"killed {ROUNDS} times, {changed} times with changes to be undone")
    assert changed > 0


def guardian_killed_too():
    before = host_of_a_user()
    chance = random.Random(5)
    found = 0
    with journal_folder() as folder:
        for _ in range(ROUNDS):
            with Driver(folder, quiet=True) as driver:
                guardian = int(driver.ok("guardian"))
                busy(driver)
                time.sleep(chance.uniform(0, 0.15))
                os.kill(guardian, signal.SIGKILL)
                driver.process.kill()
                driver.process.wait()
            wait_until_no_nft()
            with Driver(folder) as next_:
                assert next_.start == "ready", next_.start
                found += any("put back" in line for line in next_.found)
                expect_same(before)
                next_.quit()
            assert not journals(folder), journals(folder)
    print(f"killed {ROUNDS} times, {found} times with changes found by the next start")
    assert found > 0


def wait_until_no_nft():
    """A program that the killed one had started dies with it, but not in the same moment."""
    here = os.readlink("/proc/self/ns/net")

    def some_nft():
        for path in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if (path / "comm").read_text() == "nft\n" and os.readlink(path / "ns/net") == here and is_running(path.name):
                    return True
        return False
    wait_for(lambda: not some_nft(), "nft to end")


def guardian_hears_no_signals():
    before = host_of_a_user()
    with journal_folder() as folder, Driver(folder, quiet=True) as driver:
        guardian = int(driver.ok("guardian"))
        driver.ok("marks on")
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            os.kill(guardian, number)
        assert os.getsid(guardian) == guardian
        # Nothing of ours is kept open: standard input and output are elsewhere.
        open_files = {os.readlink(path) for path in pathlib.Path(f"/proc/{guardian}/fd").iterdir()}
        assert not any("journal" in name for name in open_files), open_files
        assert not os.readlink(f"/proc/{guardian}/fd/1").startswith("pipe:"), open_files
        assert is_running(guardian)
        driver.process.kill()
        wait_until_gone(guardian)
        expect_same(before)
        said = driver.process.stderr.read()
        assert "put back" in said and "died" in said, said


def hanging_is_ended_by_the_guardian():
    before = host_of_a_user()
    with journal_folder() as folder, Driver(folder, quiet=True) as driver:
        driver.ok(CONFIGURE + " 300")
        driver.process.send_signal(signal.SIGSTOP)
        wait_for(lambda: picture() == before, "the guardian to put the host back")
        driver.process.send_signal(signal.SIGCONT)
        why = driver.refused("end")
        assert "over" in why, why
        driver.ok(CONFIGURE)
        assert sysctl("net.ipv4.tcp_ecn") == "1"
        driver.ok("end")
        driver.quit()
        expect_same(before)
        assert not journals(folder)


def someone_elses_change_is_left():
    before = host_of_a_user()
    with journal_folder() as folder:
        with Driver(folder, quiet=True) as driver:
            guardian = driver.ok("guardian")
            driver.ok(CONFIGURE)
            sysctl("net.ipv4.tcp_ecn", 0)
            driver.process.kill()
            wait_until_gone(guardian)
            said = driver.process.stderr.read()
            assert "left as it is" in said and "net.ipv4.tcp_ecn is 0" in said, said
        assert sysctl("net.ipv4.tcp_ecn") == "0"
        with Driver(folder) as driver:
            driver.ok(CONFIGURE)
            sysctl("net.ipv4.tcp_ecn", 2)
            assert "someone else" in driver.refused("end")
            driver.quit()
        expect_same(before)


def another_namespace_is_left_alone():
    """What was left in one network namespace is not undone in another, and is forgotten with it."""
    sysctl("net.ipv4.tcp_ecn", 1)
    with journal_folder() as folder:
        with Driver(folder, ("unshare", "--net"), quiet=True) as driver:
            guardian = int(driver.ok("guardian"))
            driver.ok("sysctl net.ipv4.tcp_ecn=1")
            os.kill(guardian, signal.SIGKILL)
            network = os.open(f"/proc/{driver.process.pid}/ns/net", os.O_RDONLY)
            holder = subprocess.Popen(("setpriv", "--pdeathsig", "KILL", "nsenter", f"--net=/proc/self/fd/{network}", "sleep", "600"),
                                                pass_fds=(network,))
            wait_for(lambda: os.path.samestat(os.fstat(network), os.stat(f"/proc/{holder.pid}/ns/net")), "a process there")
            driver.process.kill()
            driver.process.wait()
        os.close(network)
        with Driver(folder) as driver:
            assert len(driver.found) == 1 and "another network namespace" in driver.found[0], driver.found
            driver.quit()
        assert sysctl("net.ipv4.tcp_ecn") == "1" and len(journals(folder)) == 1
        holder.kill()
        holder.wait()
        with Driver(folder) as driver:
            assert not driver.found, driver.found
            driver.quit()
        assert sysctl("net.ipv4.tcp_ecn") == "1" and not journals(folder)


def hostile_journals():
    """Whatever lies in the folder: nothing of the host changes, and each is named."""
    before = host_of_a_user()
    with journal_folder() as folder:
        with Driver(folder) as driver:
            text = next(folder.iterdir()).read_text()
            driver.quit()
        dead = 4194304 + 5  # more than a process number can be
        bad = {"garbage": b"\xff\0" * 50, "long": text.encode() + b"+1 nft spiderling_1\n" * 30000,
               "table": text.encode() + b"+1 nft firewall\n", "path": text.encode() + b"+1 sysctl ../../etc/passwd 1 2\n",
               "rule": text.encode() + b"+1 rule 4 1000 1 100\n", "main": text.encode() + b"+1 routes 4 254\n",
               "empty": b"", "number": text.encode() + b"+99999999999999999999999 nft spiderling_1\n"}
        for i, content in enumerate(bad.values()):
            (folder / f"{dead}-{i}.journal").write_bytes(content)
            (folder / f"{dead}-{i}.journal").chmod(0o600)
        (folder / f"{dead}-90.journal").symlink_to("/etc/hostname")
        os.mkfifo(folder / f"{dead}-91.journal")
        (folder / f"{dead}-92.journal").mkdir()
        (folder / f"{dead}-93.journal").write_text(text + "+1 sysctl net.ipv4.tcp_ecn 1 2\n")
        (folder / f"{dead}-93.journal").chmod(0o666)
        (folder / "unrelated").write_text("hello")
        with Driver(folder) as driver:
            assert driver.start == "ready"
            assert len(driver.found) == len(bad) + 4, driver.found
            assert all("left alone" in line for line in driver.found), driver.found
            driver.ok("marks on")
            driver.quit()
        expect_same(before)
        folder.chmod(0o777)
        with Driver(folder) as driver:
            assert driver.start.startswith("error ") and "writable" in driver.start, driver.start


def settings_are_exclusive():
    before = host_of_a_user()
    with journal_folder() as folder, Driver(folder) as one, Driver(folder) as two:
        one.ok("sysctl net.ipv4.tcp_ecn=1")
        assert "another spiderling" in two.refused("sysctl net.ipv4.tcp_ecn=0")
        one.ok("end")
        two.ok("sysctl net.ipv4.tcp_ecn=0")
        two.ok("end")
        assert "no such setting" in two.refused("sysctl net.ipv4.tcp_ecn=0 net.ipv4.no_such_thing=1")
        expect_same(before)
        assert "net.ipv4.tcp_ecn" in two.refused("sysctl net.ipv4.ip_forward=0 net.ipv4.tcp_ecn=99")
        expect_same(before)
        one.ok("sysctl net.ipv4.tcp_ecn=1")
        one.quit()
        two.quit()
        expect_same(before)


if __name__ == "__main__":
    two_hosts.main(globals())
