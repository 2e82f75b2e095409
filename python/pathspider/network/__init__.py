"""What plugins ask about this host's interfaces. Nothing is fetched from anywhere."""
import ipaddress
import socket
import struct
import fcntl

_SIOCGIFADDR = 0x8915
_SIOCGIFFLAGS = 0x8913
_IFF_UP = 0x1
_SCOPE_LINK = 0x20


def _ask(interface, request):
    name = interface.encode()
    if len(name) > 15 or b"\0" in name:  # the kernel would take it for another one's
        raise OSError(f"no interface has the name {interface!r}")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        return fcntl.ioctl(asking.fileno(), request, struct.pack("256s", name))


def interface_up(interface):
    """Whether there is such an interface, and it is up."""
    try:
        flags, = struct.unpack_from("H", _ask(interface, _SIOCGIFFLAGS), 16)
    except OSError:
        return False
    return bool(flags & _IFF_UP)


def ipv4_address(interface):
    """The first IPv4 address of an interface, or None."""
    try:
        return socket.inet_ntoa(_ask(interface, _SIOCGIFADDR)[20:24])
    except OSError:
        return None


def ipv6_address(interface):
    """The first IPv6 address of an interface that is not of its link only, or None."""
    try:
        with open("/proc/net/if_inet6", encoding="ascii") as table:
            rows = [line.split() for line in table]
    except OSError:
        return None
    for digits, _, _, scope, _, name in rows:
        if name == interface and int(scope, 16) != _SCOPE_LINK:
            return str(ipaddress.IPv6Address(int(digits, 16)))
    return None


def ipv4_address_public(interface):
    """The address that others see. It would have to be asked of a service: the interface's own if it is public."""
    return _if_public(ipv4_address(interface))


def ipv6_address_public(interface):
    return _if_public(ipv6_address(interface))


def _if_public(address):
    return address if address is not None and ipaddress.ip_address(address).is_global else None


def ipv4_asn(interface):
    """The autonomous system of the address; nobody is asked, so None. `measure --asn FILE` puts it into results."""
    return None


def ipv6_asn(interface):
    return None
