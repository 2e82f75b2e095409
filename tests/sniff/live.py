"""nd-sniff on live interfaces, in a network namespace of its own.

Usage: live.py TEST      (the program is $SPIDERLING; exit status 77: not possible here)
"""
import pathlib
import signal
import socket
import sys
import tempfile
import time

from kitchen import HERE, Kitchen, RecordingHub, run_named, trace_text, wait_for

sys.path.insert(0, str(HERE.parent / "netns"))
import namespace  # noqa: E402


def frames(text):
    return [data for _, data, _ in trace_text.Trace().read(text.splitlines()).frames]


def query(name):
    """A DNS query as a datagram's payload."""
    return frames(f"0 10.0.0.1:4000 > 10.0.0.2:53 udp dns=query:{name}")[0][42:]


def opened(kitchen):
    wait_for(lambda: "kitchen opened" in kitchen.stderr() or kitchen.process.poll() is not None, "the kitchen to open")
    assert kitchen.process.poll() is None, kitchen.stderr()


def looked_up(dumplings):
    return [d["payload"]["lookup"]["hostname"] for d in dumplings if "lookup" in d["payload"]]


def dns_lookups_reach_the_hub():
    with RecordingHub() as hub, Kitchen("-i", "lo", "-h", hub.address(), "-p", "0.5") as kitchen:
        opened(kitchen)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as resolver:
            for number in range(5):
                resolver.sendto(query(f"h{number}.example"), ("127.0.0.1", 53))
        wait_for(lambda: len(hub.hosts()) == 5, "the lookups")
        assert hub.hosts() == list(range(5)), hub.hosts()
        lookup = next(d for d in hub.dumplings() if "lookup" in d["payload"])
        assert abs(lookup["payload"]["lookup"]["when"] - time.time()) < 60
        assert abs(lookup["metadata"]["creation_time"] - time.time()) < 60
        wait_for(lambda: any("h4.example" in d["payload"].get("lookups_seen", {}) for d in hub.dumplings()), "a poke")
        wait_for(lambda: any(d["payload"].get("packet_counts", {}).get("DNS", 0) >= 5 for d in hub.dumplings()), "counts")
        status, closing = kitchen.interrupt()
        assert status == 0, kitchen.stderr()
        # The last dumplings may be of the kitchen's own packets to the hub.
        assert closing["delivered"] == closing["dumplings"] == len(hub.dumplings()), closing


def malformed_arp_ends_nothing():
    left, right = namespace.veth()
    with Kitchen("-i", right, "--output", "-", "-p", "0.2") as kitchen:
        opened(kitchen)
        sender = namespace.Sender(left)
        header = bytes.fromhex("ffffffffffff0011223344550806")
        good = header + bytes.fromhex("0001080006040002001122334455c0000201ffffffffffffc0000202")
        for size in range(0, 28):
            sender.send([good[:14 + size]])
        for first, second in ((0xFF, 0xFF), (0, 0), (6, 4), (255, 4)):
            sender.send([header + bytes.fromhex("00010800") + bytes([first, second]) + bytes(20)])
        sender.send([good])
        wait_for(lambda: any(d["metadata"]["chef"] == "ARPChef" and d["payload"]["src_ip"] == "192.0.2.1"
                             for d in kitchen.dumplings()), "the good one")
        status, closing = kitchen.interrupt()
        assert status == 0 and closing["failures"] == 0, (closing, kitchen.stderr())


def pokes_without_packets():
    _, right = namespace.veth()
    with Kitchen("-i", right, "--output", "-", "-p", "0.05", "-c", "PacketCountChef") as kitchen:
        wait_for(lambda: len(kitchen.dumplings()) >= 10, "ten pokes")
        assert all(d["payload"] == {"packet_counts": {}} for d in kitchen.dumplings())
        status, _ = kitchen.interrupt(signal.SIGTERM)
        assert status == 0


def duration_and_count_end_it():
    left, right = namespace.veth()
    with Kitchen("-i", right, "--output", "-", "--duration", "0.5") as kitchen:
        status, _ = kitchen.finish()
        assert status == 0, kitchen.stderr()
    with Kitchen("-i", right, "--output", "-", "--count", "3") as kitchen:
        opened(kitchen)
        namespace.Sender(left).send(frames("repeat 20 0 10.0.0.1:1 > 10.0.0.2:2 udp\n"))
        status, closing = kitchen.finish()
        assert status == 0 and closing["packets"] == 3, (status, closing)


def every_interface_is_the_default():
    left, right = namespace.veth()
    with Kitchen("--output", "-", "-c", "DNSLookupChef", "-p", "1e7") as kitchen:
        opened(kitchen)
        namespace.Sender(left).send(frames("0 10.0.0.1:4000 > 10.0.0.2:53 udp dns=query:veth.example\n"))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as resolver:
            resolver.sendto(query("lo.example"), ("127.0.0.1", 53))
        wait_for(lambda: {"veth.example", "lo.example"} <= set(looked_up(kitchen.dumplings())), f"both ({right})")


def no_permission():
    with Kitchen("-i", "lo", "--output", "-", prefix=("setpriv", "--bounding-set=-all", "--inh-caps=-all")) as kitchen:
        assert kitchen.process.wait(60) == 2
        assert "permission" in kitchen.stderr().lower(), kitchen.stderr()


def a_chef_in_python_that_lags_costs_natives_nothing():
    """It gets no more than its queue holds; what it did not get is counted, and for nobody else."""
    most_waiting, sent = 65_536, 80_000
    chefs = pathlib.Path(tempfile.mkdtemp()) / "lagging.py"
    chefs.write_text("import time, netdumplings\n\n\nclass Lagging(netdumplings.DumplingChef):\n"
                     "    def packet_handler(self, packet):\n        time.sleep(1e6)\n")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver, socket.socket(
            socket.AF_INET, socket.SOCK_DGRAM) as sender, Kitchen(
                "-i", "lo", "-f", "udp", "-m", str(chefs), "-m", "netdumplings.dumplingchefs", "-p", "0.2", "--output",
                "-") as kitchen:
        opened(kitchen)
        receiver.bind(("127.0.0.1", 0))
        for number in range(sent):
            sender.sendto(b"x", receiver.getsockname())
            if number % 500 == 0:
                time.sleep(0.01)  # the ring is read meanwhile

        def counted():
            counts = [d["payload"]["packet_counts"] for d in kitchen.dumplings() if "packet_counts" in d["payload"]]
            return counts[-1].get("UDP", 0) if counts else 0
        wait_for(lambda: counted() >= sent, "native chefs to have got everything")
        natives = counted()
        status, closing = kitchen.interrupt()
    chefs.unlink()
    chefs.parent.rmdir()
    assert status == 1 and closing["kernel_dropped"] == 0, closing
    assert natives == closing["packets"], (natives, closing)
    assert closing["dropped_by_chefs"] + closing["left_behind"] == closing["packets"], closing
    assert most_waiting <= closing["left_behind"] <= most_waiting + 1, closing


if __name__ == "__main__":
    namespace.enter([str(pathlib.Path(__file__).resolve()), *sys.argv[1:]])
    run_named(globals(), sys.argv[1:])
