"""What a run keeps besides its results, and whether results can be had from it again.

Usage: evidence.py TEST      (the program is $SPIDERLING; exit status 77: not possible here)
"""
import json
import pathlib
import random
import signal
import socket
import struct
import subprocess
import sys
import threading

import network
from network import DEADLINE, SPIDERLING, Lab, Measure, by, measure, wait_for

QUICK = "--linger", "0.2", "--timeout", "20"  # nothing is to time out but what is silent
HERE = pathlib.Path("/run/evidence")
# Of every sort that ECN meets, one that refuses, one that loses nothing but answers out of order.
MIXED = "".join(f'[[host]]\nbox = "{box}"\ncount = {count}\n' for box, count in (
    ("clean", 10), ("ecn-syn-dropped", 2), ("ecn-bleached", 4), ("ecn-reflected", 4), ("ecn-refused", 4), ("ce-marked", 4),
    ("mss-stripped", 4), ("rst", 4)))


def replay(*words, status=0):
    """`spiderling replay WORDS`, what it printed; its exit status must be `status`."""
    done = subprocess.run([SPIDERLING, "replay", *map(str, words)], capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert done.returncode == status, f"replay {words}: status {done.returncode}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def lines_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def metadata_of(results):
    return json.loads(pathlib.Path(f"{results}.meta.json").read_text())


class Pcap:
    """The packets of a pcap file as (head, bytes), and back."""

    def __init__(self, path):
        data = path.read_bytes()
        assert data[:4] == struct.pack("<I", 0xA1B23C4D), data[:4]
        self.head, self.packets, at = data[:24], [], 24
        while at < len(data):
            captured = struct.unpack_from("<I", data, at + 8)[0]
            self.packets.append((data[at:at + 16], data[at + 16:at + 16 + captured]))
            at += 16 + captured
        assert at == len(data), "the last packet is cut"

    def write(self, path, packets=None):
        path.write_bytes(self.head + b"".join(head + packet for head, packet in (self.packets if packets is None else packets)))


def ends(packet):
    """Addresses and ports, ours and theirs in any order; None for what is no TCP."""
    kind = struct.unpack_from("!H", packet, 12)[0]
    if kind == 0x0800 and packet[23] == socket.IPPROTO_TCP:
        at = 14 + 4 * (packet[14] & 15)
        addresses = [socket.inet_ntop(socket.AF_INET, packet[i:i + 4]) for i in (26, 30)]
    elif kind == 0x86DD and packet[20] == socket.IPPROTO_TCP:
        at = 54
        addresses = [socket.inet_ntop(socket.AF_INET6, packet[i:i + 16]) for i in (22, 38)]
    else:
        return None
    return frozenset(zip(addresses, struct.unpack_from("!HH", packet, at)))


def jobs_of(place):
    return [{"dip": job["dip"], "who": number} for number, job in enumerate(place.jobs)]


def noise(place, stop):
    """Packets of others, towards the same targets."""
    clean = place.targets("clean", 4)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        while not stop.wait(0.001):
            sender.sendto(b"not of this run", (clean, 53))
            with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as other:
                other.connect((clean, 80))


def pcap_and_replay():
    """From what was kept, and nothing else, the same comes out again. From anything else, it does not."""
    place = Lab(MIXED)
    HERE.mkdir()
    results, packets = HERE / "run.ndjson", HERE / "run.pcap"
    stop = threading.Event()
    others = threading.Thread(target=noise, args=(place, stop))
    others.start()
    jobs = jobs_of(place)
    _, said = measure(jobs, "--linger", "0.2", "--timeout", "6", "--pcap", str(packets), "--output", str(results), "ecn")
    stop.set()
    others.join()
    found = lines_of(results)
    assert len(found) == len(jobs) and " packets kept" in said and "lost" not in said, said
    assert len({condition for result in found for condition in result["conditions"]}) > 8, "all sorts of answers"

    # The packets of our connections, and no others.
    ours = {frozenset([(flow["sip"], flow["sp"]), (flow["dip"], flow["dp"])])
            for result in found for flow in result["flow_results"] if flow["observed"]}
    kept = Pcap(packets)
    seen = [ends(packet) for _, packet in kept.packets]
    assert ours == {one for one in seen if one is not None}, "flows of the pcap are those of the results"
    told = sum(flow["pkt_fwd"] + flow["pkt_rev"] for result in found for flow in result["flow_results"] if flow["observed"])
    assert told == len(kept.packets), (told, len(kept.packets))

    again = HERE / "again.ndjson"
    text = replay(results, packets, "--output", again)
    assert f"{len(jobs)} results, {len(jobs)} the same, 0 differ" in text, text
    assert by("who", lines_of(again)) == by("who", found)

    # A condition that was not found.
    lines = results.read_text().splitlines()
    at = next(i for i, line in enumerate(lines) if "ecn.connectivity.works" in line)
    changed = HERE / "changed.ndjson"
    changed.write_text("\n".join([*lines[:at], lines[at].replace("ecn.connectivity.works", "ecn.connectivity.broken"), *lines[at + 1:]]))
    pathlib.Path(f"{changed}.meta.json").write_text(pathlib.Path(f"{results}.meta.json").read_text())
    text = replay(changed, packets, status=1)
    assert f"{len(jobs)} results, {len(jobs) - 1} the same, 1 differ" in text, text
    assert f"changed.ndjson:{at + 1}: " in text and "ecn.connectivity.broken is in the result" in text, text

    # A packet that is missing: an answer to a SYN.
    answers = [i for i, (_, packet) in enumerate(kept.packets) if packet[12:14] == b"\x08\x00" and packet[14 + 20 + 13] & 0x17 == 0x12]
    missing = answers[len(answers) // 2]
    kept.write(HERE / "less.pcap", kept.packets[:missing] + kept.packets[missing + 1:])
    text = replay(results, HERE / "less.pcap", status=1)
    assert "1 differ" in text and "tcp_synflags_rev" in text, text

    # No packet at all: nothing of it is believed. Said without metadata, and bounded.
    kept.write(HERE / "none.pcap", [])
    text = replay(results, HERE / "none.pcap", "--measurement", "ecn", "--connect", "http", "--linger", "0.2", "--show", "3", status=1)
    assert "0 the same" in text and len(text.splitlines()) == 5 and "further differences" in text, text


def every_measurement():
    """Whatever is asked, connected or forged, over TCP or UDP, answered or not."""
    place = Lab('[[host]]\nbox = "clean"\ncount = 5\n[[host]]\nbox = "silent"\n[[host]]\nbox = "unreachable"\n')
    HERE.mkdir()
    jobs = jobs_of(place)
    for measurement in ("ecn", "mss", "tcpopt", "tfo", "dscp", "udpzero", "evilbit", "h2"):
        results, packets = HERE / f"{measurement}.ndjson", HERE / f"{measurement}.pcap"
        measure(jobs, "--linger", "0.3", "--timeout", "2", "--pcap", str(packets), "--output", str(results), measurement)
        text = replay(results, packets)
        assert f"{len(jobs)} results, {len(jobs)} the same" in text, (measurement, text)
        observed = sum(flow["observed"] for result in lines_of(results) for flow in result["flow_results"])
        assert f" flows, {observed} of them in " in text and observed >= len(jobs) // 2, (measurement, text)
    # An option of the measurement's own, from the metadata and by hand.
    results, packets = HERE / "two.ndjson", HERE / "two.pcap"
    own = "--codepoint", "46", "--codepoint", "10"
    measure(jobs, "--linger", "0.3", "--timeout", "2", "--pcap", str(packets), "--output", str(results), "dscp", *own)
    assert "0 differ" in replay(results, packets)
    assert "0 differ" in replay(results, packets, "--measurement", "dscp", "--linger", "0.3", *own)
    assert "dscp.46" in replay(results, packets, "--measurement", "dscp", "--linger", "0.3", "--codepoint", "48", "--codepoint", "10", status=1)


def packets_in_several_files():
    """Rotated by size, packed or not, in whatever order they are named."""
    place = Lab('[[host]]\nbox = "clean"\ncount = 1200\n')
    HERE.mkdir()
    jobs = [{"dip": address} for address in place.targets("clean", 4, 1200) + place.targets("clean", 6, 1200)]
    for name in ("run.pcap", "run.pcapng.zst"):
        results, packets = HERE / f"{name}.ndjson", HERE / name
        _, said = measure(jobs, *QUICK, "-w", "300", "--pcap", str(packets), "--pcap-size", "1", "--output", str(results), "ecn")
        stem, ending = name.split(".", 1)
        files = sorted(HERE.glob(f"{stem}*.{ending}"))
        assert all(file.stat().st_size < 2 << 20 for file in files), files
        assert metadata_of(results)["runs"][0]["pcap"]["files"] == [str(packets)] + [str(file) for file in files if file != packets]
        assert len(files) > 1, said
        files_of_run = metadata_of(results)["runs"][0]["pcap"]["files"]
        random.Random(1).shuffle(files)
        text = replay(results, *files)
        assert f"{len(jobs)} the same, 0 differ" in text, text
        # Without one of them it is not the same, and files of an earlier run are not mixed with ours.
        assert "differ" in replay(results, *files[1:], status=1)
        _, said = measure(jobs[:1], *QUICK, "--pcap", str(packets), "--output", str(HERE / "other.ndjson"), "ecn", status=2)
        assert f"{files_of_run[1]} is there from an earlier run" in said, said


def a_full_disk_ends_the_recording_only():
    place = Lab('[[host]]\nbox = "clean"\ncount = 1000\n')
    HERE.mkdir()
    small = HERE / "small"
    small.mkdir()
    network.run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(small))
    jobs = [{"dip": address} for address in place.targets("clean", 4, 1000)]
    results = HERE / "run.ndjson"
    _, said = measure(jobs, *QUICK, "--pcap", str(small / "run.pcap"), "--output", str(results), "ecn")
    assert len(lines_of(results)) == len(jobs)
    assert "No space left on device" in said and "goes on without keeping packets" in said and " lost" in said, said
    pcap = metadata_of(results)["runs"][0]["pcap"]
    assert pcap["packets"] > 0 and pcap["packets_lost"] > 0 and "No space left" in pcap["failure"], pcap
    kept = Pcap(small / "run.pcap")  # to its last packet
    assert len(kept.packets) == pcap["packets"]
    assert "the same" in replay(results, small / "run.pcap", "--show", "0", status=1)


def metadata_beside_results():
    """Of a run that is done, of one that goes on, of one that was interrupted, of one that was killed."""
    place = Lab('[[host]]\nbox = "clean"\ncount = 10\n')
    HERE.mkdir()
    results = HERE / "run.ndjson"
    jobs = [{"dip": address} for address in place.targets("clean", 4, 10) + place.targets("clean", 6, 10)] + ["no job"]
    measure(jobs, *QUICK, "--output", str(results), "ecn", "--fallback", "--connect", "tcp")
    told = metadata_of(results)
    found = lines_of(results)
    assert told["_file_type"] == "ps-ndjson"
    assert told["_time_start"] == min(result["time"]["from"] for result in found)
    assert told["_time_end"] == max(result["time"]["to"] for result in found)
    assert (told["measurement"], told["options"], told["connect"], told["linger_ms"]) == ("ecn", {"fallback": True}, "tcp", 200)
    assert told["vantage"] == {"ipv4": sorted({result["sip"] for result in found if ":" not in result["sip"]}),
                               "ipv6": sorted({result["sip"] for result in found if ":" in result["sip"]})}
    run = told["runs"][0]
    assert run["state"] == "done" and run["configurations_verified"] is True and "pcap" not in run, run
    assert run["command"][-4:] == ["ecn", "--fallback", "--connect", "tcp"] and run["interface"] == network.INTERFACE, run
    assert run["host"] == socket.gethostname() and "Linux" in run["kernel"] and run["start"] < run["end"], run
    assert isinstance(run["clock"]["now"]["synchronized"], bool), run
    counters = run["counters"]
    assert (counters["jobs"], counters["results"], counters["bad_lines"], counters["connections"]["ok"]) == (20, 20, 1, 40), counters
    assert not list(HERE.glob("*.tmp"))

    def state():
        return metadata_of(results)["runs"][0]["state"]

    released, asked = threading.Event(), []

    def hold(connection):
        network.request_of(connection)
        asked.append(connection)
        released.wait()
        connection.sendall(b"HTTP/1.1 200 At last\r\nContent-Length: 0\r\n\r\n")
        network.until_closed(connection)

    held = [{"dip": place.targets("clean", 4), "dp": place.serve(hold)}]
    for ending in (signal.SIGINT, signal.SIGKILL):
        pathlib.Path(f"{results}.meta.json").unlink()
        asked.clear()
        with Measure("--linger", "0.2", "--timeout", "3600", "--output", str(results), "ecn") as running:
            running.tell(held)
            wait_for(lambda: asked, "a connection that is held")
            assert state() == "running"
            running.process.send_signal(ending)
            if ending == signal.SIGINT:
                running.wait_for_message("stopping")
                running.process.send_signal(ending)  # given up
                running.process.wait(DEADLINE)
                told = metadata_of(results)["runs"][0]
                assert told["state"] == "interrupted" and told["counters"]["jobs_given_up"] == 1, (told, running.stderr)
            else:
                running.process.wait(DEADLINE)
                assert state() == "running"
    # Where results go elsewhere, only if it is asked for.
    elsewhere = HERE / "elsewhere.json"
    measure(jobs, *QUICK, "--metadata", str(elsewhere), "ecn")
    assert json.loads(elsewhere.read_text())["runs"][0]["counters"]["results"] == 20
    measure(jobs, *QUICK, "--metadata", str(HERE / "none" / "there.json"), "ecn", status=2)


def any_order_any_workers():
    """What is said of a target depends on nothing but the target."""
    place = Lab(MIXED + '[[host]]\nbox = "silent"\ncount = 2\n')
    jobs = jobs_of(place)
    waits = "--linger", "0.2", "--timeout", "3"
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"orders of seed {seed}")
    shuffled = random.Random(seed)
    first = None
    for words in (["-w", "1000"], ["-w", "1000", "--interleave", "in-order"], ["-w", "7", "--interleave", "random"],
                  ["-w", "1000", "--interleave", "random", "--seed", "2"], ["-w", "7"], ["-w", "1"]):
        asked = jobs
        if words == ["-w", "1"]:  # one after another, each of the silent ones would cost its time-out
            silent = {job["dip"] for job in place.jobs if job["lab_host"] in ("silent", "ecn-syn-dropped")}
            asked = [job for job in jobs if job["dip"] not in silent]
        asked = shuffled.sample(asked, len(asked))
        results, said = measure(asked, *waits, *words, "ecn")
        found = {dip: sorted(result["conditions"]) for dip, result in by("dip", results).items()}
        assert set(found) == {job["dip"] for job in asked}, said
        first = first or found
        for dip, conditions in found.items():
            assert conditions == first[dip], (words, dip, conditions, first[dip])
    assert len({tuple(conditions) for conditions in first.values()}) > 6, "a scenario where nothing differs shows nothing"


def schema():
    """What results look like, before there is one: and so they do."""
    place = Lab('[[host]]\nbox = "clean"\ncount = 2\n[[host]]\nbox = "silent"\n')
    jobs = jobs_of(place)
    for words in ([], ["--output-flows"]):
        done = subprocess.run([SPIDERLING, "measure", "--schema", *words, "ecn"], capture_output=True, text=True, timeout=DEADLINE, check=False)
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        results, _ = measure(jobs, "--linger", "0.2", "--timeout", "1", *words, "ecn")
        for result in results:
            fits(result, told)


def fits(value, told, at="$"):
    """As far as our schemas go: types, required members, bounds."""
    types = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool, "null": type(None)}
    wanted = told.get("type", [])
    wanted = [wanted] if isinstance(wanted, str) else wanted
    right = [name for name in wanted if isinstance(value, types[name]) and (name == "boolean" or not isinstance(value, bool))]
    assert right or not wanted, f"{at}: {value!r} is no {wanted}"
    if "minimum" in told and value is not None:
        assert told["minimum"] <= value <= told.get("maximum", value), f"{at}: {value}"
    if isinstance(value, dict):
        assert set(told.get("required", [])) <= set(value), f"{at}: {set(told['required']) - set(value)} missing"
        for name, member in value.items():
            fits(member, told.get("properties", {}).get(name, {}), f"{at}.{name}")
    if isinstance(value, list):
        for number, element in enumerate(value):
            fits(element, told.get("items", {}), f"{at}[{number}]")


if __name__ == "__main__":
    network.main(globals())
