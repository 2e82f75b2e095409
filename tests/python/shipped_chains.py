"""Classes of the chains that ship, by the chains' names; for the tests of pathspider.observer."""
import importlib

CLASSES = {
    "basic": "BasicChain", "tcp": "TCPChain", "ecn": "ECNChain", "dscp": "DSCPChain", "mss": "MSSChain", "tfo": "TFOChain",
    "tcpopt": "TCPOptChain", "udp": "UDPChain", "evil": "EvilChain", "icmp": "ICMPChain", "dns": "DNSChain",
    "noop": "NoOpChain",
}


def chain(name):
    return getattr(importlib.import_module("pathspider.chains." + name), CLASSES[name])


def in_python(name):
    """The same chain, but one that somebody derived: it runs in Python."""
    return type("Own" + CLASSES[name], (chain(name),), {})
