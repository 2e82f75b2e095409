"""Where a kitchen in Python gets its packets from."""
import ctypes
import ctypes.util
import gzip
import os

from .exceptions import NetDumplingsError


def open_source(interface, packet_filter):
    """A source of packets, by the best means there are. Raises NetDumplingsError if there are none, or it cannot be opened.

    Packets answer as scapy's do. Where our own module can be imported (the Python that spiderling was built for) they are
    captured and read by it, many times as fast; elsewhere by scapy.
    """
    try:
        from _spiderling import PacketSource
    except ImportError:
        return open_scapy_source(interface, packet_filter)
    return _Native(PacketSource, interface, packet_filter)


def open_scapy_source(interface, packet_filter):
    try:
        import scapy.all
    except ImportError:
        raise NetDumplingsError("a kitchen gets its packets from spiderling's own module, which this Python cannot import, or "
                                "from scapy, which is not installed: apt install python3-scapy, or run the chefs with "
                                "nd-sniff --chef-module") from None
    kind = _Trace if os.path.isfile(interface) else _Live
    return kind(scapy.all, interface, packet_filter)


class _Native:
    """Packets as the engine captures or reads them."""

    def __init__(self, packet_source, interface, packet_filter):
        try:
            self._source = packet_source(interface, packet_filter or "")
        except OSError as problem:
            raise NetDumplingsError(str(problem)) from None
        self.live = self._source.live

    def feed(self, handler, stopped):
        """Until its end, or stopped.is_set(), which is looked at some times a second."""
        while not stopped.is_set() and self._source.feed(handler, 0.25):
            pass

    def lost(self):
        """Packets that the capture had to drop; None: not known."""
        return self._source.dropped

    def close(self):
        self._source.stop()


class _Scapys:
    """What both of scapy's have."""

    @staticmethod
    def lost():
        return None


class _Live(_Scapys):
    """Packets as scapy captures them."""

    live = True

    def __init__(self, scapy, interface, packet_filter):
        self._scapy = scapy
        names = scapy.get_if_list() if interface == "all" else [interface]
        self._sockets = []
        try:
            for name in names:
                self._sockets.append(scapy.conf.L2listen(iface=name, filter=packet_filter or None))
        except PermissionError:
            self._refuse("capturing packets needs root, or CAP_NET_RAW")
        except (OSError, ValueError, scapy.Scapy_Exception) as problem:
            self._refuse(f"cannot capture on {interface}: {problem}")

    def _refuse(self, why):
        self.close()
        raise NetDumplingsError(why) from None

    def feed(self, handler, stopped):
        """Until stopped.is_set(), which is looked at some times a second."""
        while not stopped.is_set():
            self._scapy.sniff(opened_socket=self._sockets, prn=handler, store=False, timeout=0.25, chainCC=True,
                              stop_filter=lambda packet: stopped.is_set())

    def close(self):
        for each in self._sockets:
            each.close()


class _Trace(_Scapys):
    """Packets as scapy reads them from a file."""

    live = False

    def __init__(self, scapy, path, packet_filter):
        self._path = path
        self._expression = packet_filter
        self._filter = None
        self._problems = (OSError, EOFError, scapy.Scapy_Exception)
        self._file = None
        try:
            self._file = _open(path)
            self._reader = scapy.PcapReader(self._file)
        except self._problems as problem:
            self.close()
            self._refuse(problem)

    def _refuse(self, problem):
        raise NetDumplingsError(f"cannot read {self._path}: {problem}") from None

    def feed(self, handler, stopped):
        """Until its end, or stopped.is_set()."""
        while not stopped.is_set():
            try:
                packet = self._reader.read_packet()
                wanted = not self._expression or self._matches(packet)
            except EOFError:
                return
            except self._problems as problem:
                self._refuse(problem)
            if wanted:
                handler(packet)

    def _matches(self, packet):
        if self._filter is None:  # a pcapng knows its link type only when it has come to the first packet
            reader = self._reader
            link_type = reader.linktype if hasattr(reader, "linktype") else reader.interfaces[0][0]
            self._filter = _Filter(self._expression, link_type)
        return self._filter.matches(bytes(packet.original), packet.wirelen)

    def close(self):
        if self._file is not None:
            self._file.close()


def _open(path):
    with open(path, "rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rb") if packed else open(path, "rb")


class _Filter:
    """A libpcap expression, compiled and asked by libpcap itself."""

    class _Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_uint), ("instructions", ctypes.c_void_p)]

    class _Header(ctypes.Structure):  # struct pcap_pkthdr
        _fields_ = [("seconds", ctypes.c_long), ("microseconds", ctypes.c_long), ("captured", ctypes.c_uint32),
                    ("on_wire", ctypes.c_uint32)]

    def __init__(self, expression, link_type):
        self._pcap = ctypes.CDLL(ctypes.util.find_library("pcap") or "libpcap.so.0.8")
        self._pcap.pcap_open_dead.restype = ctypes.c_void_p
        self._pcap.pcap_geterr.restype = ctypes.c_char_p
        handle = ctypes.c_void_p(self._pcap.pcap_open_dead(link_type, 262144))
        self._program = self._Program()
        try:
            if self._pcap.pcap_compile(handle, ctypes.byref(self._program), expression.encode(), 1, 0xffffffff) != 0:
                raise OSError(f"filter '{expression}': {self._pcap.pcap_geterr(handle).decode(errors='replace')}")
        finally:
            self._pcap.pcap_close(handle)

    def matches(self, data, wire_length):
        header = self._Header(0, 0, len(data), wire_length or len(data))
        return bool(self._pcap.pcap_offline_filter(ctypes.byref(self._program), ctypes.byref(header), data))
