"""What each test of the lab runs in, and what it sees there.

The test starts itself anew in a new mount and a new PID namespace, with a /run and a /proc of its own: a lab of the user's
is not touched, whatever the test starts is killed with it, and what is left over is easily told from what others do.
"""
import ctypes
import json
import os
import pathlib
import re
import subprocess
import sys
import time

DEADLINE = 60  # seconds to wait for what must happen; reached only if something is wrong
SKIPPED = 77
SPIDERLING = os.environ["SPIDERLING"]


def skip(reason):
    print(f"SKIPPED: {reason}")
    sys.exit(SKIPPED)


def enter(arguments, programs):
    if os.environ.get("SPIDERLING_LAB_SANDBOX") == "inside" and os.getpid() == 1:
        return
    if os.geteuid() != 0:
        skip("needs root, run the tests with sudo to cover this")
    environment = {**os.environ, "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin"}
    for program in ("unshare", *programs):
        if subprocess.run(["which", program], capture_output=True, env=environment, check=False).returncode != 0:
            skip(f"needs {program}")
    unshare = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    able = subprocess.run([*unshare, "mount", "-t", "tmpfs", "tmpfs", "/run"], capture_output=True, text=True, check=False)
    if able.returncode != 0:
        skip(f"cannot make namespaces here: {able.stderr.strip()}")
    inner = ["sh", "-c", 'mount -t tmpfs tmpfs /run && exec "$@"', "sh", sys.executable, *arguments]
    os.execvpe(unshare[0], [*unshare, *inner], {**environment, "SPIDERLING_LAB_SANDBOX": "inside"})


def wait_for(condition, what):
    end = time.monotonic() + DEADLINE
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"waited {DEADLINE} s in vain for {what}")
        reap()
        time.sleep(0.005)


def reap():
    """We are PID 1 here: who loses its parent becomes our child."""
    for process in others():
        try:
            os.waitpid(process, os.WNOHANG)
        except ChildProcessError:
            pass


def lab(*words, status=0, **more):
    """`spiderling lab WORDS`, its standard output; its exit status must be `status`."""
    done = subprocess.run([SPIDERLING, "lab", *words], capture_output=True, text=True, timeout=DEADLINE, check=False, **more)
    assert done.returncode == status, f"lab {words}: status {done.returncode}: {done.stdout}{done.stderr}"
    return done.stdout if status == 0 else done.stdout + done.stderr


def run_in(scenario, *command, place="prober"):
    return lab("exec", scenario, "--in", place, "--", *command)


def others():
    """Processes of this sandbox but us."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) != 1]


def command_line(process):
    """As the kernel has it; nothing of one that has ended meanwhile."""
    try:
        return pathlib.Path(f"/proc/{process}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def network_namespaces():
    """Those that a process of this sandbox is in, or holds open."""
    found = set()
    for process in [1, *others()]:
        for link in [pathlib.Path(f"/proc/{process}/ns/net"), *pathlib.Path(f"/proc/{process}/fd").glob("*")]:
            try:
                target = os.readlink(link)
            except OSError:
                continue
            if target.startswith("net:"):
                found.add(target)
    return found


def machine():
    """What a lab could have left on the machine."""
    def output(*words):
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout

    def settings(folder):
        values = {}
        for file in pathlib.Path(folder).rglob("*"):
            try:
                values[str(file)] = file.read_text()
            except (OSError, UnicodeDecodeError):
                continue
        # Counters and clocks, not settings.
        return {name: value for name, value in values.items() if not re.search(r"nf_conntrack_count|nr_|/inode|dentry", name)}

    links = [{key: link.get(key) for key in ("ifname", "mtu", "flags", "address")} for link in json.loads(output("ip", "-json", "link"))]
    return {
        "named namespaces": output("ip", "netns"),
        "links": links,
        "addresses": [[a["local"] for a in link["addr_info"]] for link in json.loads(output("ip", "-json", "addr"))],
        "routes": output("ip", "route", "show", "table", "all"),
        "routes of IPv6": output("ip", "-6", "route", "show", "table", "all", "proto", "static"),
        "rules": output("ip", "rule") + output("ip", "-6", "rule"),
        "nft": output("nft", "list", "ruleset"),
        "sysctl": settings("/proc/sys/net"),
        "mounts": pathlib.Path("/proc/self/mountinfo").read_text(),
        "run": sorted(str(path) for path in pathlib.Path("/run").rglob("*")),
        "network namespaces": network_namespaces(),
        "processes": others(),
    }


def assert_as_before(before):
    wait_for(lambda: not others() and network_namespaces() == before["network namespaces"], "the lab's processes to be gone")
    after = machine()
    for what, state in before.items():
        assert state == after[what], f"{what}: {state} before, {after[what]} after"


class Place:
    """Opens sockets in one of a running lab's network namespaces, from this process."""

    def __init__(self, scenario, place):
        # In the lab its number is another than in the /proc that we see: it is found by an argument that no other has.
        Place.made += 1
        length = f"{1000 + Place.made}.5"
        holder = subprocess.Popen([SPIDERLING, "lab", "exec", scenario, "--in", place, "--", "sh", "-c", f"echo in; exec sleep {length}"],
                                  stdout=subprocess.PIPE, text=True)
        assert holder.stdout.readline() == "in\n"
        wait_for(lambda: self.find(length), "a program to run in the lab")
        self.file = os.open(f"/proc/{self.find(length)}/ns/net", os.O_RDONLY)

    made = 0

    @staticmethod
    def find(length):
        wanted = f"sleep\0{length}\0".encode()
        return next((p for p in others() if command_line(p) == wanted), None)

    def within(self, work):
        libc = ctypes.CDLL(None, use_errno=True)
        home = os.open("/proc/self/ns/net", os.O_RDONLY)
        assert libc.setns(self.file, 0) == 0, os.strerror(ctypes.get_errno())
        try:
            return work()
        finally:
            assert libc.setns(home, 0) == 0
            os.close(home)
