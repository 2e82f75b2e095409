"""What becomes of a job list before its targets are asked: rates, retries, systems, and what is left out.

Usage: intake.py TEST      (the program is $SPIDERLING; exit status 77: not possible here)
"""
import gzip
import json
import pathlib
import re
import socket
import struct
import time

import network
from network import TIMEOUT, Lab, by, measure, silent, states

QUICK = "--linger", "0.1", "--timeout", "20"
WORKS = "ecn.connectivity.works"


def private_targets_are_left_out():
    """Unless it is said otherwise: and then each is asked once."""
    place = Lab()
    jobs = [{"dip": dip, "rank": rank} for rank, dip in enumerate(place.targets("clean", 4, 3) * 2)]
    results, said = measure(jobs, *QUICK, "ecn", all_at_once=())
    assert not results and "0 jobs, 0 results" in said and "left out: 6 special-purpose addresses" in said, said
    results, said = measure(jobs, *QUICK, "ecn", all_at_once=("--blocklist", "none"))
    assert set(by("rank", results)) == {0, 1, 2} and "left out: 3 duplicates" in said, said


def a_packed_list_on_standard_input():
    place = Lab()
    jobs = [{"dip": dip, "rank": rank} for rank, dip in enumerate(place.targets("clean", 4, 300))]
    packed = gzip.compress(network.as_lines(jobs).encode())
    results, said = measure(packed, *QUICK, "ecn")
    assert len(by("rank", results)) == 300, said


def rates_are_kept():
    """Of all together, and of neighbours: the clocks of the results say when each was asked."""
    place = Lab()
    jobs = [{"dip": dip, "rank": rank} for rank, dip in enumerate(place.targets("clean", 4, 60))]
    for option, rate in (("--rate", 40), ("--rate-per-prefix", 20)):
        other = "--rate-per-prefix" if option == "--rate" else "--rate"
        begun = time.monotonic()
        results, said = measure(jobs, *QUICK, "ecn", all_at_once=("--blocklist", "none", option, str(rate), other, "0"))
        lasted = time.monotonic() - begun
        assert len(by("rank", results)) == 60, said
        prefixes = 1 if option == "--rate" else len({job["dip"].rpartition(".")[0] for job in jobs})
        assert lasted >= 60 / rate / prefixes - 1, (option, lasted, said)


def who_never_answers_is_asked_again():
    """So often as is allowed; one result comes of it, the last."""
    place = Lab()
    asked = []

    def now_and_then(connection):
        network.request_of(connection)
        asked.append(connection)
        if len(asked) <= 2:  # both connections of the first attempt
            return network.until_closed(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        connection.close()

    target = place.targets("clean", 4)
    never, later = place.serve(silent), place.serve(now_and_then)
    jobs = [{"dip": target, "dp": never, "rank": 0}, {"dip": target, "dp": later, "rank": 1}, {"dip": target, "dp": 80, "rank": 2}]
    results, said = measure(jobs, "--linger", "0.1", "--timeout", "3", "--retries", "2", "--retry-pause", "0.2", "--output-flows", "ecn")
    found = by("rank", results)
    assert found[0]["spdr_attempts"] == 3 and states(found[0]) == [TIMEOUT, TIMEOUT], found[0]
    assert found[1]["spdr_attempts"] == 2 and WORKS in found[1]["conditions"], found[1]
    assert found[2]["spdr_attempts"] == 1 and WORKS in found[2]["conditions"], found[2]
    assert "3 jobs, 3 results" in said and "3 times asked again" in said, said


def when_the_time_is_up():
    """What is in flight is finished, the rest is counted."""
    place = Lab()
    jobs = [{"dip": dip, "rank": rank} for rank, dip in enumerate(place.targets("clean", 4, 500))]
    results, said = measure(jobs, *QUICK, "--max-duration", "2", "ecn", all_at_once=("--blocklist", "none", "--rate", "20", "--rate-per-prefix", "0"))
    assert 0 < len(by("rank", results)) <= 60 and "stopped when the time was up" in said, said


def going_on_asks_the_same_targets():
    """With --resume: duplicates, chance and --max-targets choose those that a run without an interruption chooses."""
    place = Lab()
    addresses = place.targets("clean", 4, 200)
    pathlib.Path("/run/list").write_text(network.as_lines({"dip": dip, "rank": rank} for rank, dip in enumerate(addresses * 2)))
    chosen = "--input", "/run/list", "--shuffle", "--seed", "7", "--max-targets", "60"

    def results(name):
        return by("rank", [json.loads(line) for line in pathlib.Path(f"/run/{name}").read_text().splitlines()])

    at_once = "--blocklist", "none", "--rate-per-prefix", "0"
    measure([], *QUICK, *chosen, "--rate", "0", "--output", "/run/whole", "ecn", all_at_once=at_once)
    again = *QUICK, *chosen, "--journal", "/run/journal", "--output", "/run/parts"
    with network.Measure(*again, "--rate", "20", "ecn", all_at_once=at_once) as running:
        network.wait_for(lambda: progress_in(pathlib.Path("/run/journal")) > 0, "results that the journal vouches for")
        running.process.kill()
    _, said = measure([], *again, "--rate", "0", "--resume", "ecn", all_at_once=at_once)
    whole, parts = results("whole"), results("parts")
    assert len(whole) == 60 and set(parts) == set(whole), (sorted(set(parts) ^ set(whole)), said)
    assert re.search(r"left out: .*\b\d+ done before", said), said


def progress_in(journal):
    """How often a run's journal says that something is done (src/campaign/journal_format.h)."""
    data = journal.read_bytes() if journal.exists() else b""
    at, found = data.find(b"\n") + 1, 0
    while 0 < at and at + 9 <= len(data):
        found += data[at + 8:at + 9] == b"p"
        at += 8 + struct.unpack_from("<I", data, at)[0]
    return found


def mmdb(prefix, number):
    """A database that knows one IPv4 network."""
    address, _, length = prefix.partition("/")
    bits = "0" * 96 + "".join(f"{byte:08b}" for byte in socket.inet_aton(address))[:int(length)]

    def text(value):
        return bytes([2 << 5 | len(value)]) + value.encode()

    def whole(value):
        return bytes([6 << 5 | 4]) + struct.pack(">I", value)

    count = len(bits)
    tree = b""
    for i, bit in enumerate(bits):
        inside = i + 1 if i + 1 < count else count + 16
        tree += struct.pack(">II", *((inside, count) if bit == "0" else (count, inside)))
    data = bytes([7 << 5 | 1]) + text("autonomous_system_number") + whole(number)
    about = {"node_count": whole(count), "record_size": b"\xa1\x20", "ip_version": b"\xa1\x06", "database_type": text("Test-ASN"),
             "languages": b"\x01\x04" + text("en"), "binary_format_major_version": b"\xa1\x02", "binary_format_minor_version": b"\xa0",
             "build_epoch": b"\x08\x02" + bytes(7) + b"\x01",
             "description": b"\xe1" + text("en") + text("a test")}
    return tree + bytes(16) + data + b"\xab\xcd\xefMaxMind.com" + bytes([7 << 5 | len(about)]) + b"".join(
        text(name) + value for name, value in about.items())


def systems_are_told():
    place = Lab()
    target = place.targets("clean", 4)
    path = pathlib.Path("/run/asn.mmdb")
    path.write_bytes(mmdb(target + "/32", 64496))
    jobs = [{"dip": target, "rank": 0}, {"dip": place.targets("clean", 4, 2)[1], "rank": 1}, {"dip": target, "rank": 2, "dip_asn": 7}]
    results, said = measure(jobs, *QUICK, "--asn", str(path), "ecn")
    found = by("rank", results)
    assert found[0]["dip_asn"] == 64496 and found[0]["path"] == [found[0]["sip"], "AS64496", target], (found, said)
    assert "dip_asn" not in found[1] and len(found[1]["path"]) == 2, found
    assert found[2]["dip_asn"] == 7, "what a job came with stays"
    kept = json.loads(network.run(network.SPIDERLING, "filter", "--blocklist", "none", "--asn", str(path), text=json.dumps(jobs[0])))
    assert kept == {**jobs[0], "dip_asn": 64496}, kept


if __name__ == "__main__":
    network.main(globals())
