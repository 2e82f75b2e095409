"""What each box does to a packet, said a second time and in other words than in src/lab."""
from wire import IP, TCP, UDP, expect

FORWARDED = {"mss-lowered", "mss-raised", "syn-data-dropped", "slow", "duplicating", "reordering"}  # cross the router's tables twice


def tos_of(packet):
    return packet.tos if IP in packet else packet.tc


def tcp_flags(packet):
    return set(str(packet[TCP].flags)) if TCP in packet else set()


def options_as_nops(packet, kinds):
    """The packet's options with those of these kinds overwritten by NOPs, byte by byte."""
    lengths = {"MSS": 4, "SAckOK": 2, "Timestamp": 10, "WScale": 3}
    changed = []
    for kind, value in packet[TCP].options:
        if kind in kinds:
            size = lengths[kind] if kind in lengths else 2 + len(value)
            changed += [("NOP", None)] * size
        else:
            changed.append((kind, value))
    return changed


def with_mss(packet, choose):
    return [(kind, choose(value) if kind == "MSS" else value) for kind, value in packet[TCP].options]


def after(box, packet, to_target):
    """The bytes that come out, or None if nothing does."""
    hops = 2 if box in FORWARDED else 1
    tos, flags = tos_of(packet), tcp_flags(packet)
    ecn, dscp = tos & 3, tos >> 2
    syn = "S" in flags
    evil = IP in packet and "evil" in str(packet[IP].flags)

    def changed(**changes):
        return expect(packet, hops, **changes)

    if box in ("silent", "rst", "unreachable") and to_target:
        return None
    if box == "ecn-syn-dropped" and to_target and flags == {"S", "E", "C"}:
        return None
    if box == "ecn-bleached":
        return changed(tos=dscp << 2)
    if box == "ecn-reflected" and not to_target and flags == {"S", "A", "E"}:
        return changed(flags="SAEC")
    if box == "ecn-refused" and to_target and flags == {"S", "E", "C"}:
        return changed(flags="S")
    if box == "ce-marked" and not to_target and ecn in (1, 2):
        return changed(tos=dscp << 2 | 3)
    if TCP in packet:
        stripped = {"mss-stripped": ["MSS"], "window-scale-stripped": ["WScale"], "sack-stripped": ["SAckOK"],
                    "timestamps-stripped": ["Timestamp"], "tfo-stripped": [34, 254, "TFO"]}.get(box)
        if stripped:
            return changed(options=options_as_nops(packet, stripped))
        if box == "mss-lowered" and syn:
            return changed(options=with_mss(packet, lambda mss: min(mss, 536)))
        if box == "mss-raised" and syn:
            return changed(options=with_mss(packet, lambda mss: max(mss, 8960)))
        if box == "syn-data-dropped" and to_target and flags == {"S"} and packet[TCP].payload:
            return None
    if box == "dscp-bleached":
        return changed(tos=ecn)
    if box == "dscp-rewritten" and dscp:
        return changed(tos=8 << 2 | ecn)
    if box == "dscp-dropped" and dscp and to_target:
        return None
    if box == "evil-dropped" and evil and to_target:
        return None
    if box == "evil-cleared" and evil:
        return changed(ip_flags="DF" if "DF" in str(packet[IP].flags) else 0)
    if box == "udp-zero-dropped" and UDP in packet and packet[UDP].chksum == 0:
        return None
    return changed()
