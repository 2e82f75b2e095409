"""SYNs as `spiderling measure` makes them leave: which options, which cookies, and nothing that the kernel falls back to.

Usage: syns.py TEST      (the program is $SPIDERLING; exit status 77: not possible here)
"""
import socket
import struct
import threading

import network
from network import OK, TIMEOUT, Lab, by, measure, sysctl

SYN, ACK = 0x02, 0x10
QUICK = "--linger", "0.2", "--output-flows"
SETTINGS = "net.ipv4.tcp_timestamps", "net.ipv4.tcp_window_scaling", "net.ipv4.tcp_sack"


class Syns:
    """The SYNs that leave through the lab's interface, told by target and source port; a context."""

    def __enter__(self):
        self.link = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
        self.link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.link.bind((network.INTERFACE, 0))
        self.link.settimeout(0.1)
        self.ended = threading.Event()
        self.by_flow = {}
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.reader.join()

    def _read(self):
        while True:
            try:
                packet, (_, _, kind, _, _) = self.link.recvfrom(4096)
            except TimeoutError:
                if self.ended.is_set():  # and all that was there is read
                    return
                continue
            start = 40 if packet[0] >> 4 == 6 else 20
            segment = packet[start:]
            is_tcp = packet[6 if start == 40 else 9] == 6
            if kind == socket.PACKET_OUTGOING and is_tcp and segment[13] & (SYN | ACK) == SYN:
                port = struct.unpack("!H", segment[:2])[0]
                target = socket.inet_ntop(socket.AF_INET6, packet[24:40]) if start == 40 else socket.inet_ntop(socket.AF_INET, packet[16:20])
                self.by_flow.setdefault((target, port), []).append((packet, start))


def without_times(options):
    """Options as hex, with the time of the timestamps as zeros."""
    at = 0
    options = bytearray(options)
    while at < len(options):
        if options[at] == 1:
            at += 1
            continue
        if options[at] == 8:
            options[at + 2:at + 6] = bytes(4)
        at += options[at + 1]
    return options.hex()


def options_of(packet, start):
    return without_times(packet[start + 20:start + (packet[start + 12] >> 4) * 4])


def is_right(packet, start):
    """Lengths and checksums of an IP packet with TCP."""
    def total(data):
        data += b"\0" * (len(data) % 2)
        value = sum(struct.unpack(f"!{len(data) // 2}H", data))
        while value >> 16:
            value = (value & 0xFFFF) + (value >> 16)
        return value
    segment = packet[start:]
    if start == 40:
        assert struct.unpack("!H", packet[4:6])[0] == len(segment), "length of IPv6"
        addresses = packet[8:40]
    else:
        assert struct.unpack("!H", packet[2:4])[0] == len(packet), "length of IPv4"
        assert total(packet[:20]) == 0xFFFF, "checksum of IPv4"
        addresses = packet[12:20]
    assert total(addresses + struct.pack("!HH", 6, len(segment)) + segment) == 0xFFFF, "checksum of TCP"


def jobs_of(place, host="clean", count=5):
    return [{"dip": address} for version in (4, 6) for address in place.targets(host, version, count)]


def layouts(results, syns):
    """configuration -> the options of its SYNs, as a set of hex strings, by family."""
    found = {}
    for result in results:
        v6 = ":" in result["dip"]
        for flow in result["flow_results"]:
            assert flow["spdr_state"] == OK and flow["observed"], flow
            for packet, start in syns.by_flow[result["dip"], flow["sp"]]:
                found.setdefault((v6, flow["config"]), set()).add(options_of(packet, start))
    return found


def seen(place, *words):
    with Syns() as syns:
        results = measure(jobs_of(place), *QUICK, "--timeout", "20", *words, "tcpopt", "--connect", "tcp")[0]
    assert len(results) == 10
    return results, syns


def options_are_really_absent():
    """Not even no-operations are left; each SYN is whole."""
    place = Lab()
    results, syns = seen(place)
    for packets in syns.by_flow.values():
        for packet, start in packets:
            if (packet[start + 12] >> 4) * 4 < 40:  # one that was changed: others have their checksum filled in later
                is_right(packet, start)
    found = layouts(results, syns)
    for v6, size in ((False, "05b4"), (True, "05a0")):
        mss = "0204" + size
        assert found[v6, 0] == {mss}, found
        assert found[v6, 1] == {mss + "0101080a" + "00" * 8}, found
        assert len(found[v6, 2]) == 1 and min(found[v6, 2]).startswith(mss + "010303"), found
        assert found[v6, 3] == {mss + "01010402"}, found


def as_the_host_sends_them():
    """The same bytes as from this very kernel with its settings so."""
    place = Lab()
    by_socket = layouts(*seen(place))
    by_host = layouts(*seen(place, "--configure", "host"))
    assert by_socket == by_host, f"{by_socket}\n{by_host}"
    assert [sysctl(name) for name in SETTINGS] == ["1", "1", "1"]


def sent_again_alike():
    place = Lab('[[host]]\nbox = "silent"\ncount = 2\n')
    results = measure(jobs_of(place, "silent", 2), *QUICK, "--timeout", "4", "tcpopt", "--connect", "tcp")[0]
    assert len(results) == 4
    for result in results:
        for flow in result["flow_results"]:
            config = flow["config"]
            assert flow["spdr_state"] == TIMEOUT and flow["syn_count_fwd"] >= 2, flow
            assert not flow["syn_options_changed_fwd"], flow
            assert [flow[f"syn_{name}_fwd"] for name in ("ts", "ws", "sack")] == [config == one for one in (1, 2, 3)], flow


def cookies_are_fresh():
    """Each run asks anew, whatever the kernel has kept of the run before."""
    place = Lab()
    for round_ in range(3):
        results, said = measure(jobs_of(place), *QUICK, "--timeout", "20", "tfo", "--connect", "tcp")
        assert len(by("dip", results)) == 10, said
        for result in results:
            plain, first, second = sorted(result["flow_results"], key=lambda flow: flow["config"])
            assert plain["tfo_synkind"] == 0, (round_, plain)
            assert first["tfo_synkind"] == 34 and first["tfo_synclen"] == 0, (round_, first)
            assert second["tfo_synclen"] == first["tfo_ackclen"] > 0 and second["tfo_dlen"] == 2, (round_, first, second)
            assert plain["spdr_stop"] <= first["spdr_start"] and first["spdr_stop"] <= second["spdr_start"], "one after the other"
            assert result["conditions"] == ["tfo.connectivity.works", "tfo.cookie.received", "tfo.syndata.acked"], result


def no_retreat_leaves():
    """Where data on SYNs is dropped, the kernel's SYN without it never leaves."""
    place = Lab('[[host]]\nbox = "syn-data-dropped"\ncount = 3\n')
    for repeat in ("1", "2"):
        with Syns() as syns:
            results = measure(jobs_of(place, "syn-data-dropped", 3), *QUICK, "--timeout", "4", "--attempts", repeat, "tfo", "--connect", "http")[0]
        assert len(results) == 6
        for result in results:
            last = max(result["flow_results"], key=lambda flow: flow["config"])
            assert last["spdr_state"] == TIMEOUT and last["syn_count_fwd"] == 1 and last["tfo_dlen"] > 0, last
            assert len(syns.by_flow[result["dip"], last["sp"]]) == 1, last
            assert result["conditions"] == ["tfo.connectivity.broken", "tfo.cookie.received", "tfo.syndata.failed"], result


def settings_for_the_whole_run():
    """They hold while it runs, and only then; a bit is added to those that are there."""
    place = Lab('[[host]]\nbox = "silent"\ncount = 2\n')
    sysctl("net.ipv4.tcp_fastopen", 2)
    sysctl("net.ipv4.tcp_fastopen_blackhole_timeout_sec", 3600)
    jobs = jobs_of(place, "silent", 2)
    with network.Measure(*QUICK, "--timeout", "1", "tfo", "--connect", "tcp") as running:
        running.tell(jobs)
        network.wait_for(lambda: sysctl("net.ipv4.tcp_fastopen") == "3", "the bit of clients beside that of servers")
        network.wait_for(lambda: sysctl("net.ipv4.tcp_fastopen_blackhole_timeout_sec") == "0", "no black holes")
        refused = measure(jobs, "tfo", status=2)[1]
        assert "another spiderling is measuring with settings of this whole host" in refused, refused
        running.close()
        running.finish()
    assert sysctl("net.ipv4.tcp_fastopen") == "2"
    assert sysctl("net.ipv4.tcp_fastopen_blackhole_timeout_sec") == "3600"


if __name__ == "__main__":
    network.main(globals())
