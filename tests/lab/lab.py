"""`spiderling lab`, as its users run it.

Usage: lab.py TEST      (the program is $SPIDERLING; exit status 77: not possible here)
"""
import json
import os
import pathlib
import random
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import sandbox  # noqa: E402
from sandbox import SPIDERLING, assert_as_before, lab, machine, others, run_in, wait_for  # noqa: E402

CLEAN = {4: "10.1.0.1", 6: "fd53:7069:6465:100::1"}


def scenario(text, name="mine"):
    """A scenario of a test's own, behind a clean host; its path."""
    path = pathlib.Path(tempfile.mkdtemp(dir="/run")) / f"{name}.toml"
    path.write_text(f'name = "{name}"\n[usual]\necn = []\n[[host]]\nbox = "clean"\ncount = 20000\n{text}')
    return str(path)


def targets(path, count=1):
    """(host, version) -> its first addresses, from the jobs."""
    found = {}
    for line in lab("jobs", path).splitlines():
        job = json.loads(line)
        key = job["lab_host"], 6 if ":" in job["dip"] else 4
        if len(found.setdefault(key, [])) < count:
            found[key].append(job["dip"])
    return {key: addresses if count > 1 else addresses[0] for key, addresses in found.items()}


class Up:
    def __init__(self, path, name="mine"):
        self.name = name
        lab("up", path)

    def __enter__(self):
        return self.name

    def __exit__(self, *_):
        lab("down", self.name)


# --- what the servers are

DNS_CLIENT = """
import socket, struct, sys
address = sys.argv[1]
family = socket.AF_INET6 if ":" in address else socket.AF_INET
query = struct.pack("!6H", 7, 0x0100, 1, 0, 0, 0) + b"\\5clean\\3lab\\4test\\0" + struct.pack("!2H", 1, 1)
udp = socket.socket(family, socket.SOCK_DGRAM)
udp.settimeout(20)
udp.sendto(query, (address, 53))
answer, source = udp.recvfrom(2000)
assert source[0] == address, source
tcp = socket.create_connection((address, 53), 20)
tcp.sendall(struct.pack("!H", len(query)) + query)
size, = struct.unpack("!H", tcp.recv(2, socket.MSG_WAITALL))
for message in answer, tcp.recv(size, socket.MSG_WAITALL):
    number, flags, _, answers = struct.unpack("!4H", message[:8])
    assert (number, flags & 0x8000, flags & 15, answers) == (7, 0x8000, 0, 1), message
    assert message.endswith(bytes([192, 0, 2, 1])), message
print("good")
"""


def servers_answer():
    path = scenario("")
    with Up(path) as up:
        for address in ("10.1.0.1", "10.1.78.32", "fd53:7069:6465:100::1", "fd53:7069:6465:100::4e20"):
            host = f"[{address}]" if ":" in address else address
            for url, words, protocol in (
                    (f"http://{host}/", [], "1.1"), (f"https://{host}/", ["--http1.1"], "1.1"),
                    (f"https://{host}/", ["--http2"], "2"), (f"http://{host}:8080/", ["--http2-prior-knowledge"], "2")):
                said = run_in(up, "curl", "-sSk", "-g", "-m", "30", *words, "-w", "%{http_code} %{http_version}", url)
                assert said == f"spiderling lab: {address} HTTP/{'1.1' if protocol == '1.1' else '2.0'}\n200 {protocol}", said
            assert run_in(up, sys.executable, "-c", DNS_CLIENT, address) == "good\n"
        # Fast Open: asked for a cookie, a server gives one.
        from wire import IP, OPTIONS, PROBER4, TCP, Wire
        wire = Wire(up)
        for port in (80, 443, 53):
            wire.prober.send(IP(src=PROBER4, dst=CLEAN[4]) / TCP(sport=30000 + port, dport=port, flags="SEC", options=[*OPTIONS, (34, b"")]))
            answer = IP(next(packet for packet, _ in iter(lambda: wire.prober.receive(time.monotonic() + sandbox.DEADLINE), None)
                             if packet[9] == 6 and IP(packet)[TCP].dport == 30000 + port))[TCP]
            assert str(answer.flags) == "SAE", answer.flags
            cookies = [value for kind, value in answer.options if kind in (34, "TFO")]
            assert cookies, answer.options


# --- what the boxes are

def simple_boxes():
    listed = lab("list").split("Boxes:\n")[1].splitlines()
    return [line.split()[0] for line in listed if line.strip()]


def every_box_does_just_what_it_says():
    from boxes import FORWARDED, after
    from wire import PROBER4, PROBER6, Wire, battery
    at_random_or_later = {"slow", "lossy", "duplicating", "reordering"}
    boxes = [box for box in simple_boxes() if box not in at_random_or_later]
    path = scenario("".join(f'[[host]]\nbox = "{box}"\n' for box in boxes if box != "clean"))
    addresses = targets(path)
    checked, local = 0, 20000
    with Up(path) as up:
        wire = Wire(up)
        for box in boxes:
            for version in (4, 6):
                if (box, version) not in addresses:
                    assert box.startswith("evil"), box
                    continue
                target, prober = addresses[box, version], PROBER4 if version == 4 else PROBER6
                for to_target in (True, False):
                    for kind, make in battery(version, to_target).items():
                        local += 1  # the way back has other ports than the way there: no answer is taken for a packet
                        source, destination = (prober, target) if to_target else (target, prober)
                        packet = make(source, destination, local, 81)
                        # Behind the packet goes another, on the same way: through our program or past it.
                        way = addresses[box, 4] if box in FORWARDED else CLEAN[4]
                        came = [data for data, _ in wire.through([packet], to_target, way)]
                        expected = after(box, packet, to_target)
                        assert came == ([] if expected is None else [expected]), (
                            f"{box}, IPv{version}, {kind} {'to' if to_target else 'from'} the target:\nsent     "
                            f"{bytes(packet).hex()}\nexpected {expected and expected.hex()}\ncame     {[c.hex() for c in came]}")
                        checked += 1
    print(f"{checked} packets checked")
    assert checked > 25 * 2 * 20


def refusals_are_answered():
    """RST and ICMP, one for each packet: a thousand at once, none held back by a limit."""
    from wire import ICMP, ICMPv6DestUnreach, IP, OPTIONS, PROBER4, PROBER6, TCP, IPv6, Wire
    path = scenario('[[host]]\nbox = "rst"\n[[host]]\nbox = "unreachable"\n')
    addresses = targets(path)
    with Up(path) as up:
        wire = Wire(up)
        for box in ("rst", "unreachable"):
            for version, layer, prober in ((4, IP, PROBER4), (6, IPv6, PROBER6)):
                target = addresses[box, version]
                for i in range(1000):
                    wire.prober.send(layer(src=prober, dst=target) / TCP(sport=20000 + i, dport=80, flags="S", seq=i, options=OPTIONS))
                ports, deadline = set(), time.monotonic() + sandbox.DEADLINE
                while len(ports) < 1000:
                    packet = wire.prober.receive(deadline)[0]
                    if packet[0] >> 4 != version:
                        continue  # a report of a multicast listener
                    packet = layer(packet)
                    if version == 6 and packet.nh == 0:
                        continue
                    if box == "rst":
                        assert packet.src == target and str(packet[TCP].flags) == "RA", packet.summary()
                        assert packet[TCP].ack == packet[TCP].dport - 20000 + 1, "an RST acknowledges the SYN"
                        ports.add(packet[TCP].dport)
                    else:
                        error = packet[ICMP] if version == 4 else packet[ICMPv6DestUnreach]
                        assert (error.type, error.code) == ((3, 1) if version == 4 else (1, 3)), packet.summary()
                        quoted = bytes(error.payload)[20 if version == 4 else 40:]
                        ports.add(struct.unpack("!H", quoted[:2])[0])


def some(count, version, addresses, host, to_target=True):
    from wire import IP, PROBER4, PROBER6, TCP, IPv6, Raw
    target, prober = addresses[host, version], PROBER4 if version == 4 else PROBER6
    layer = IP if version == 4 else IPv6
    # The way back has another port than the way there: what servers answer is not taken for what was sent.
    source, destination, local = (prober, target, 20000) if to_target else (target, prober, 30000)
    ports = (local, 81) if to_target else (81, local)
    return [layer(src=source, dst=destination) / TCP(sport=ports[0], dport=ports[1], flags="A", seq=i) / Raw(b"data") for i in range(count)]


def sequence(packet):
    return struct.unpack("!I", packet[24:28] if packet[0] >> 4 == 4 else packet[44:48])[0]


def lossy_drops_its_share():
    from wire import Wire
    path = scenario('[[host]]\nbox = "lossy"\nloss_percent = 30\n[[host]]\nname = "all"\nbox = "lossy"\nloss_percent = 100\n')
    addresses = targets(path)
    with Up(path) as up:
        wire = Wire(up)
        for version in (4, 6):
            for to_target in (True, False):
                came = wire.through(some(2000, version, addresses, "lossy", to_target), to_target, CLEAN[4])
                assert 1280 <= len(came) <= 1520, f"{len(came)} of 2000"  # 1400, and nearly six times its deviation
                assert wire.through(some(50, version, addresses, "all", to_target), to_target, CLEAN[4]) == []


def slow_and_reordering_hold():
    from wire import Wire
    path = scenario('[[host]]\nbox = "slow"\ndelay_ms = 250\n'
                    '[[host]]\nbox = "reordering"\nreorder_percent = 50\ndelay_ms = 50\n')
    addresses = targets(path)
    with Up(path) as up:
        wire = Wire(up)
        for version in (4, 6):
            begin = time.monotonic()
            came = wire.through(some(20, version, addresses, "slow"), True, CLEAN[4], wanted=20)
            assert [sequence(packet) for packet, _ in came] == list(range(20)), "slow keeps the order"
            assert all(when - begin >= 0.250 for _, when in came), "slow holds"
            back = wire.through(some(20, version, addresses, "slow", False), False, CLEAN[4], wanted=20)
            assert [sequence(packet) for packet, _ in back] == list(range(20))
            for to_target in (True, False):
                came = wire.through(some(200, version, addresses, "reordering", to_target), to_target, CLEAN[4], wanted=200)
                numbers = [sequence(packet) for packet, _ in came]
                assert sorted(numbers) == list(range(200)) and numbers != list(range(200)), numbers


def duplicating_doubles():
    from wire import Wire
    path = scenario('[[host]]\nbox = "duplicating"\nduplicate_percent = 100\n')
    addresses = targets(path)
    with Up(path) as up:
        wire = Wire(up)
        for version in (4, 6):
            for to_target in (True, False):
                came = wire.through(some(50, version, addresses, "duplicating", to_target), to_target, CLEAN[4], wanted=100)
                assert [sequence(packet) for packet, _ in came] == [i // 2 for i in range(100)]


def h2_refused():
    path = scenario('[[host]]\nbox = "h2-refused"\n')
    addresses = targets(path)
    with Up(path) as up:
        for version in (4, 6):
            host = f"[{addresses['h2-refused', version]}]" if version == 6 else addresses["h2-refused", version]
            said = run_in(up, "curl", "-sSk", "-g", "-m", "30", "--http2", "-o", "/dev/null", "-w", "%{http_code} %{http_version}", f"https://{host}/")
            assert said == "200 1.1", said
            said = run_in(up, "curl", "-sS", "-g", "-m", "30", "-o", "/dev/null", "-w", "%{http_code} %{http_version}", f"http://{host}/")
            assert said == "200 1.1", said
            done = subprocess.run([SPIDERLING, "lab", "exec", up, "--", "curl", "-sS", "-g", "-m", "30", "--http2-prior-knowledge",
                                   f"http://{host}:8080/"], capture_output=True, check=False)
            assert done.returncode in (16, 52, 56), done  # curl: an error of HTTP/2, an empty reply, no reply


# --- results and truth

# --- up, down, and what is left

def up_and_down():
    said = lab("up", "demo")
    assert "lab 'demo' is up: 5 hosts, 50 targets" in said and "10.1.0.1" in said and "lab down demo" in said, said
    assert "is up already" in lab("up", "demo", status=2)
    assert "Up: demo" in lab("list")
    assert run_in("demo", "sh", "-c", "echo $$ $(pwd)").endswith(f" {os.getcwd()}\n")
    lab("exec", "demo", "--", "sh", "-c", "exit 42", status=42)
    links = json.loads(run_in("demo", "ip", "-json", "link"))
    assert [link["ifname"] for link in links] == ["lo", "lab0"], links
    for place, names in (("router", {"lo", "prober0", "servers0"}), ("servers", {"lo", "router0"})):
        assert {link["ifname"] for link in json.loads(run_in("demo", "ip", "-json", "link", place=place))} == names
    other = scenario("", "other")  # two labs at a time know nothing of each other
    said = lab("up", other)
    assert f"spiderling lab exec {other} -- bash" in said and f"lab down {other} " in said, said  # what can be typed
    assert run_in(other, "curl", "-sS", "-m", "30", "http://10.1.0.1/") == run_in("demo", "curl", "-sS", "-m", "30", "http://10.1.0.1/")
    assert "Up: demo other" in lab("list")
    assert "gone" in lab("down", "demo")
    assert "is not up" in lab("down", "demo", status=2)
    assert "is not up" in lab("exec", "demo", "--", "true", status=2)
    assert "'other' is gone" in lab("down", "--all")
    assert not pathlib.Path("/run/spiderling").exists()


def nothing_is_left():
    before = machine()
    lab("up", "ecn")
    running = machine()
    # It was there, and all that the machine itself shows of it are processes and the entry in the list.
    assert running["processes"] and running["run"] == ["/run/spiderling", "/run/spiderling/lab", "/run/spiderling/lab/ecn"]
    changed = {what for what in before if before[what] != running[what]}
    assert changed == {"processes", "run", "network namespaces"}, changed
    run_in("ecn", "curl", "-sS", "-m", "30", "http://10.1.0.1/")
    lab("down", "ecn")
    assert_as_before(before)


def init_of(name):
    return int(pathlib.Path(f"/run/spiderling/lab/{name}").read_text().split()[0])


def killed_init_takes_all_with_it():
    before = machine()
    for _ in range(5):
        lab("up", "ecn")
        worker = subprocess.Popen([SPIDERLING, "lab", "exec", "ecn", "--", "sleep", "1000"])
        wait_for(lambda: sandbox.Place.find("1000"), "sleep to run")
        os.kill(init_of("ecn"), signal.SIGKILL)
        assert worker.wait(sandbox.DEADLINE) == 128 + signal.SIGKILL, "what ran in the lab ends with it"
        wait_for(lambda: not others(), "the lab's processes to be gone")
        assert "is not up" in lab("exec", "ecn", "--", "true", status=2)
        assert_as_before(before)
    lab("up", "ecn")
    nginx = next(p for p in others() if b"nginx: master" in sandbox.command_line(p))
    os.kill(nginx, signal.SIGKILL)  # half a lab is none
    wait_for(lambda: not others(), "the rest of the lab to end")
    lab("up", "ecn")
    lab("down", "ecn")
    assert_as_before(before)


def killed_at_random_moments(command, longest, rounds, cleanup=lambda: None):
    before = machine()
    seed = int.from_bytes(os.urandom(4), "big")
    print(f"seed {seed}")
    moments = random.Random(seed)
    for _ in range(rounds):
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(moments.uniform(0, longest))
        process.kill()
        process.wait()
        cleanup()
        assert_as_before(before)


def killed_check_leaves_nothing():
    # Targets that never answer: a measurement of them takes as long as its time-out.
    path = scenario('[[host]]\nbox = "silent"\ncount = 500\n[[host]]\nbox = "slow"\ncount = 50\n')
    killed_at_random_moments([SPIDERLING, "lab", "check", path], 0.5, 40)


def killed_up_leaves_a_lab_or_nothing():
    def down():
        wait_for(lambda: not coming_up(), "the lab to be up or gone")
        lab("down", "--all")

    def coming_up():
        """Processes without an entry: a lab whose starter is dead and that is not yet."""
        return others() and not list(pathlib.Path("/run").glob("spiderling/lab/*"))

    killed_at_random_moments([SPIDERLING, "lab", "up", "ecn"], 0.1, 60, down)


def errors_say_what_to_do():
    nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    said = subprocess.run([*nobody, SPIDERLING, "lab", "up", "demo"], capture_output=True, text=True, check=False)
    assert said.returncode == 2 and said.stderr == (
        "spiderling lab up: a lab needs root: CAP_SYS_ADMIN and CAP_NET_ADMIN is missing (sudo)\n"), said
    some_rights = ["setpriv", "--bounding-set", "-net_admin", "--inh-caps", "-net_admin"]
    said = subprocess.run([*some_rights, SPIDERLING, "lab", "up", "demo"], capture_output=True, text=True, check=False)
    assert said.returncode == 2 and "CAP_NET_ADMIN is missing" in said.stderr and "SYS_ADMIN" not in said.stderr, said
    assert "there is no scenario 'dem'; did you mean 'demo'" in lab("up", "dem", status=2)
    assert "cannot read /no/such.toml: No such file" in lab("up", "/no/such.toml", status=2)
    broken = pathlib.Path("/run/broken.toml")
    broken.write_text('name = "b"\n[[host]]\nbox = "claen"\n')
    assert "/run/broken.toml:3: there is no box 'claen'; did you mean 'clean'" in lab("up", str(broken), status=2)
    assert "--in is prober, router or servers" in lab("exec", "demo", "--in", "x", "--", "true", status=2)
    assert "no command" in lab("exec", "demo", status=2)
    assert "name a scenario, or --all" in lab("down", status=2)
    lab("frobnicate", status=2)
    # In this sandbox's own mounts: nginx is no program any more.
    nginx = subprocess.run(["which", "nginx"], capture_output=True, text=True, check=True).stdout.strip()
    subprocess.run(["mount", "--bind", "/dev/null", os.path.realpath(nginx)], check=True)
    assert "the lab needs the program 'nginx': apt install nginx" in lab("up", "demo", status=2)
    assert not others() and not pathlib.Path("/run/spiderling").exists()


if __name__ == "__main__":
    test = sys.argv[1]
    sandbox.enter(sys.argv, ["ip", "nft", "nginx", "knotd", "openssl", "curl", "setpriv"])
    sys.stdout.reconfigure(line_buffering=True)
    globals()[test]()
    print(f"{test}: passed")
