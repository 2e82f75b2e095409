#!/usr/bin/env python3
"""Compares what our dissector says of generated packets with what tshark says, field by field, layer by layer.

    compare.py ORACLE_PACKETS [--packets N] [--seed N] [--keep DIRECTORY]

ORACLE_PACKETS is the program built beside this file. Where tshark has other conventions than we, agrees() below says
which; everything else must be equal. Exit status: 0 all agree, 1 some do not, 77 tshark is not installed.
"""

import argparse
import pathlib
import shutil
import subprocess
import sys
import tempfile

LINKS = ["ethernet", "raw", "cooked", "cooked2", "null", "loop", "ppp"]
SHOWN = 4000

PREFERENCES = {
    "ip.check_checksum": "TRUE",
    "tcp.check_checksum": "TRUE",
    "udp.check_checksum": "TRUE",
    "udplite.check_checksum": "TRUE",
    "sctp.checksum": "CRC 32c",
    "ip.defragment": "FALSE",
    "ipv6.defragment": "FALSE",
    "tcp.analyze_sequence_numbers": "FALSE",
    "tcp.desegment_tcp_streams": "FALSE",
}


def tshark_rows(pcap, columns):
    """One list of texts a packet; a field that occurs in several layers has its values joined by "|"."""
    command = ["tshark", "-n", "-r", str(pcap), "-T", "fields", "-E", "occurrence=a", "-E", "aggregator=|"]
    for name, value in PREFERENCES.items():
        command += ["-o", f"{name}:{value}"]
    for column in columns:
        command += ["-e", column]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode != 0:
        sys.exit(f"tshark failed: {run.stderr}")
    return [line.split("\t") for line in run.stdout.splitlines()]


def equal(column, ours, theirs):
    if ours in ("?", theirs):
        return True
    if column == "dns.id":
        return int(ours) == int(theirs, 0)
    # As it stands in the header, in units of eight bytes; versions of tshark before 4 gave bytes.
    if column in ("ip.frag_offset", "ipv6.fraghdr.offset"):
        return int(ours) == int(theirs) * 8
    # 4: a checksum of zero where it is not allowed, which is bad to us.
    if column == "udp.checksum.status":
        return ours == "0" and theirs == "4"
    return False


def agrees(column, ours, theirs, broken):
    ours = ours.split("|") if ours else []
    theirs = theirs.split("|") if theirs else []
    # Our iterator passes over no-operation and end-of-list.
    if column == "tcp.option_kind":
        theirs = [kind for kind in theirs if kind not in ("0", "1")]
    # Fragments of offset zero without more to come are whole packets to us (RFC 6946).
    if column == "ipv6.fraghdr.offset":
        ours, theirs = [o for o in ours if o != "0"], [t for t in theirs if t != "0"]
    # Of a header that is cut or impossible tshark shows the fields that are there; we have it whole or not at all.
    if broken:
        theirs = theirs[: len(ours)]
    return len(ours) == len(theirs) and all(map(equal, [column] * len(ours), ours, theirs))


def compare(directory, link):
    """Yields a line a field that differs; returns the number of packets."""
    lines = (directory / f"{link}.tsv").read_text().splitlines()
    columns = lines[0].split("\t")[1:]
    theirs = tshark_rows(directory / f"{link}.pcap", columns)
    if len(theirs) != len(lines) - 1:
        yield f"{link}.pcap: {len(lines) - 1} packets, tshark read {len(theirs)}"
    for number, (line, row) in enumerate(zip(lines[1:], theirs), 1):
        broken, *ours = line.split("\t")
        for column, mine, other in zip(columns, ours, row):
            if not agrees(column, mine, other, broken == "1"):
                yield f"{link}.pcap, packet {number}: {column}: ours {mine or 'nothing'}, tshark {other or 'nothing'}"
    return len(theirs)


def run(args, directory):
    subprocess.run([args.program, str(directory), str(args.packets), str(args.seed)], check=True)
    differences = []
    packets = 0

    def collect(link):
        nonlocal packets
        packets += yield from compare(directory, link)

    for link in LINKS:
        differences += collect(link)
    for line in differences[:SHOWN]:
        print(line)
    print(f"{packets} packets of {len(LINKS)} link types, seed {args.seed}: {len(differences)} fields differ")
    return 1 if differences or packets == 0 else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("--packets", type=int, default=3000, help="of Ethernet; a quarter of it of each other link")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", help="leave the packets and the tables in this directory")
    args = parser.parse_args()
    if not shutil.which("tshark"):
        print("skipped: tshark is not installed (Debian: apt-get install tshark)")
        return 77
    if args.keep:
        pathlib.Path(args.keep).mkdir(parents=True, exist_ok=True)
        return run(args, pathlib.Path(args.keep))
    with tempfile.TemporaryDirectory() as directory:
        return run(args, pathlib.Path(directory))


if __name__ == "__main__":
    sys.exit(main())
