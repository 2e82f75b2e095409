"""Bytes of packets, put together with nothing but struct: an independent second opinion on what spiderling reads."""
import ipaddress
import struct

PROTOCOLS = {"icmp": 1, "tcp": 6, "udp": 17, "gre": 47, "icmpv6": 58, "sctp": 132, "udplite": 136}
TCP_FLAGS = {"F": 1, "S": 2, "R": 4, "P": 8, "A": 16, "U": 32, "E": 64, "C": 128}
ECN = {"ect1": 1, "ect0": 2, "ce": 3}
IPV6_EXTENSIONS = {"hop": 0, "route": 43, "dest": 60}
LINKS = {"null": 0, "ethernet": 1, "ppp": 9, "raw": 101, "loop": 108, "sll": 113, "sll2": 276}


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def number(value):
    return int(value, 0)


def pseudo_header(src, dst, protocol, length):
    if src.version == 4:
        return src.packed + dst.packed + struct.pack(">BBH", 0, protocol, length)
    return src.packed + dst.packed + struct.pack(">IHBB", length, 0, 0, protocol)


def dns_name(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".") if label) + b"\0"


def dns_message(text):
    """query:NAME or response:NAME, with one A record in the response."""
    kind, _, name = text.partition(":")
    question = dns_name(name) + struct.pack(">HH", 1, 1)
    if kind == "query":
        return struct.pack(">HHHHHH", 0x1234, 0x0100, 1, 0, 0, 0) + question
    answer = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 300, 4) + bytes([192, 0, 2, 1])
    return struct.pack(">HHHHHH", 0x1234, 0x8180, 1, 1, 0, 0) + question + answer


def payload(options, protocol):
    if "dns" in options:
        message = dns_message(options["dns"])
        return struct.pack(">H", len(message)) + message if protocol == "tcp" else message
    if "hex" in options:
        return bytes.fromhex(options["hex"])
    if "text" in options:
        return options["text"].encode()
    return b"x" * number(options.get("len", "0"))


def tcp_options(options):
    made = b""
    if "mss" in options:
        made += struct.pack(">BBH", 2, 4, number(options["mss"]))
    if "sack" in options:
        made += bytes([4, 2])
    if "ts" in options:
        made += struct.pack(">BBII", 8, 10, 1, 0)
    if "ws" in options:
        made += struct.pack(">BBB", 3, 3, number(options["ws"]))
    if "tfo" in options:
        cookie = bytes.fromhex(options["tfo"])
        made += bytes([34, 2 + len(cookie)]) + cookie
    if "tfoexp" in options:
        cookie = bytes.fromhex(options["tfoexp"])
        made += bytes([254, 4 + len(cookie), 0xF9, 0x89]) + cookie
    made += bytes.fromhex(options.get("opts", ""))
    return made + b"\x01" * (-len(made) % 4)


def tcp_segment(src, dst, flags, options):
    added, data = tcp_options(options), payload(options, "tcp")
    offset = number(options["doff"]) if "doff" in options else 5 + len(added) // 4
    bits = sum(TCP_FLAGS[letter] for letter in flags)
    header = struct.pack(">HHIIBBHHH", src[1], dst[1], number(options.get("seq", "1000")),
                         number(options.get("ack", "0")), offset << 4, bits, 65535, 0, 0) + added
    segment = header + data
    check = checksum(pseudo_header(src[0], dst[0], 6, len(segment)) + segment)
    return segment[:16] + struct.pack(">H", check) + segment[18:]


def udp_datagram(src, dst, protocol, options):
    data = payload(options, "udp")
    length = number(options.get("udplen", str(8 + len(data))))
    datagram = struct.pack(">HHHH", src[1], dst[1], length, 0) + data
    if "zero" in options:
        return datagram
    check = checksum(pseudo_header(src[0], dst[0], protocol, len(datagram)) + datagram) or 0xFFFF
    return datagram[:6] + struct.pack(">H", check) + datagram[8:]


def icmp_message(src, dst, kind, options, quotation):
    """kind: TYPE/CODE. A quotation is cut to `quoted` bytes if the options say so."""
    kind, _, code = kind.partition("/")
    data = payload(options, "icmp") if quotation is None else quotation
    if "quoted" in options:
        data = data[:number(options["quoted"])]
    message = struct.pack(">BBHI", number(kind), number(code or "0"), 0, 0) + data
    covered = pseudo_header(src[0], dst[0], 58, len(message)) + message if src[0].version == 6 else message
    return message[:2] + struct.pack(">H", checksum(covered)) + message[4:]


def traffic_class(options):
    ecn = options.get("ecn", "0")
    return number(options.get("dscp", "0")) << 2 | (ECN[ecn] if ecn in ECN else number(ecn))


def ipv4(src, dst, protocol, data, options, fragment=(0, False)):
    added = bytes.fromhex(options.get("ipopts", ""))
    words = number(options["ihl"]) if "ihl" in options else 5 + len(added) // 4
    version = number(options.get("version", "4"))
    total = number(options["iplen"]) if "iplen" in options else 20 + len(added) + len(data)
    flags = (0x8000 if "evil" in options else 0) | (0x4000 if "df" in options else 0)
    offset, more = fragment
    flags |= (0x2000 if more else 0) | offset // 8
    header = struct.pack(">BBHHHBBH", version << 4 | words, traffic_class(options), total & 0xFFFF,
                         number(options.get("id", "7")), flags, number(options.get("ttl", "64")), protocol, 0)
    header += src.packed + dst.packed + added
    return header[:10] + struct.pack(">H", checksum(header)) + header[12:] + data


def ipv6(src, dst, protocol, data, options, fragment=None):
    extensions = [IPV6_EXTENSIONS[name] for name in options.get("ext", "").split(",") if name]
    chain = [*extensions, *([44] if fragment else []), protocol]
    middle = b""
    for kind, following in zip(chain, chain[1:]):
        if kind == 44:
            offset, more = fragment
            middle += struct.pack(">BBHI", following, 0, offset | more, number(options.get("id", "7")))
        else:
            middle += struct.pack(">BBBBI", following, 0, 1, 4, 0)  # a PadN option that fills the header
    length = number(options["iplen"]) if "iplen" in options else len(middle) + len(data)
    version = number(options.get("version", "6"))
    first = version << 28 | traffic_class(options) << 20
    return struct.pack(">IHBB", first, length & 0xFFFF, chain[0], number(options.get("ttl", "64"))) + \
        src.packed + dst.packed + middle + data


def datagrams(src, dst, protocol, data, options):
    """One datagram, or the fragments that `split=BYTES` makes of it, in the order of `order=`, without `drop=`."""
    make = ipv4 if src.version == 4 else ipv6
    if "split" not in options:
        return [make(src, dst, protocol, data, options)]
    size = number(options["split"])
    cuts = range(0, len(data), size)
    pieces = [make(src, dst, protocol, data[at:at + size], options, (at, at + size < len(data))) for at in cuts]
    order = [number(index) for index in options["order"].split(",")] if "order" in options else range(len(pieces))
    dropped = [number(index) for index in options.get("drop", "").split(",") if index]
    return [pieces[index] for index in order if index not in dropped]


def frame(datagram, link, options):
    """Puts the link header before an IP datagram, and `pad` bytes behind it."""
    six = datagram[0] >> 4 == 6
    ether_type = number(options.get("ether", "0x86dd" if six else "0x0800"))
    datagram += b"\xee" * number(options.get("pad", "0"))
    if link == LINKS["ethernet"]:
        tags = b""
        if "mpls" in options:
            labels = [number(label) for label in options["mpls"].split(",")]
            datagram = b"".join(struct.pack(">I", label << 12 | (at == len(labels) - 1) << 8 | 64)
                                for at, label in enumerate(labels)) + datagram
            ether_type = 0x8847
        kinds = [number(tag) for tag in options.get("vlan", "").split(",") if tag]
        for at, tag in enumerate(kinds):
            tags += struct.pack(">HH", 0x8100 if at == len(kinds) - 1 else 0x88A8, tag)
        return bytes.fromhex("020000000002020000000001") + tags + struct.pack(">H", ether_type) + datagram
    if link == LINKS["null"]:
        return struct.pack("<I", 24 if six else 2) + datagram
    if link == LINKS["loop"]:
        return struct.pack(">I", 24 if six else 2) + datagram
    if link == LINKS["ppp"]:
        return b"\xff\x03" + struct.pack(">H", 0x57 if six else 0x21) + datagram
    if link == LINKS["sll"]:
        return struct.pack(">HHH8sH", 0, 1, 6, b"\x02\0\0\0\0\x01", ether_type) + datagram
    if link == LINKS["sll2"]:
        return struct.pack(">HHIHBB8s", ether_type, 0, 1, 1, 0, 6, b"\x02\0\0\0\0\x01") + datagram
    return datagram


def endpoint(text):
    """ADDRESS, ADDRESS:PORT or [ADDRESS]:PORT -> (address, port)."""
    if text.startswith("["):
        address, _, port = text[1:].partition("]")
        return ipaddress.ip_address(address), number(port.lstrip(":") or "0")
    if text.count(":") == 1:
        address, _, port = text.partition(":")
        return ipaddress.ip_address(address), number(port)
    return ipaddress.ip_address(text), 0
