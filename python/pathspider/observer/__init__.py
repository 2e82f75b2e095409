"""The observer: packets of a trace or an interface in, a record a flow out.

Both forms of PATHspider are there. In PATHspider 1 its chains are lists of functions:

    Observer("int:eth0", new_flow_chain=[basic_flow], ip4_chain=[basic_count], ip6_chain=[basic_count])

In PATHspider 2 they are classes, see pathspider.chains.base:

    Observer("int:eth0", chains=[BasicChain, TCPChain, MyChain])

Flows are found, and the shipped chains run, in spiderling's own engine; what is written in Python is called by it.
"""
import contextlib
import logging
import queue

import _spiderling

from pathspider.base import SHUTDOWN_SENTINEL  # what comes behind the last record
from pathspider.chains.base import Chain
from pathspider.chains.basic import BasicChain

#: the kinds of function chains, in the order in which an observer calls them for a packet
HOOKS = ("new_flow", "ip4", "ip6", "icmp4", "icmp6", "tcp", "udp", "l4")

_source_for_all = None  # what Observers observe that are not told
_opens_sources = True


@contextlib.contextmanager
def described_only(lturi=None):
    """Observers that are made meanwhile open no source: they only say what their chains are (chain_specs). With `lturi`:
    what simple_observer() observes when it is not told."""
    global _opens_sources, _source_for_all
    before = (_opens_sources, _source_for_all)
    _opens_sources, _source_for_all = False, lturi
    try:
        yield
    finally:
        _opens_sources, _source_for_all = before


def _name_of(function):
    return getattr(function, "__qualname__", None) or type(function).__name__


class Observer:
    """Wraps a packet source, divides its packets into flows, and lets chains note what they see of each flow.

    `lturi`: a libtrace URI (int:eth0, ring:eth0, pcapfile:x.pcap), an interface, or a trace file (pcap, pcapng, .gz,
    .zst). It is opened at once: OSError says what is wrong with it.

    Chains are called as PATHspider calls them: new_flow(rec, ip), icmp4 and icmp6 (rec, ip, quotation, rev), all others
    (rec, header, rev). Headers have the attributes of python-libtrace's. Every chain sees every packet: False, from
    whichever, ends the flow when all have seen the packet. A function that returns nothing says nothing.

    `aggregate`: all packets are one flow, and none of them is in reverse.
    """

    def __init__(
        self,
        lturi,
        chains=None,
        idle_timeout=30,
        expiry_timeout=5,
        aggregate=False,
        new_flow_chain=(),
        ip4_chain=(),
        ip6_chain=(),
        icmp4_chain=(),
        icmp6_chain=(),
        tcp_chain=(),
        udp_chain=(),
        l4_chain=(),
    ):
        if chains and not any(isinstance(one, (str, type, Chain)) for one in chains):
            new_flow_chain, chains = chains, None  # the second argument of PATHspider 1
        lists = (new_flow_chain, ip4_chain, ip6_chain, icmp4_chain, icmp6_chain, tcp_chain, udp_chain, l4_chain)
        if chains is not None and any(lists):
            raise TypeError("an Observer has chain classes or function chains, not both")
        self._functions = chains is None
        #: what runs: names of native chains, and (name, {hook: callable}) for those in Python
        self.chain_specs = function_specs(dict(zip(HOOKS, lists))) if self._functions else class_specs(chains)
        self._logger = logging.getLogger("observer")
        self._idle_timeout = float(idle_timeout)
        self._native = None
        if _opens_sources:
            self._native = _spiderling.Observer(
                lturi, self.chain_specs, self._idle_timeout, float(expiry_timeout), self._functions, aggregate=aggregate
            )

    def run_flow_enqueuer(self, flowqueue, irqueue=None, purge_interval=None):
        """Puts the record of each flow that has ended into a queue, and SHUTDOWN_SENTINEL behind the last.

        Returns when the source has ended, or when something is in `irqueue`: then what is known of the flows comes too.
        `purge_interval` is of PATHspider 1.0: idle flows end in their time, whatever it says.
        """
        stopped = False
        while True:
            records = self._native.next(0.05)
            if records is None:
                break
            for record in records:
                flowqueue.put(record)
            if not stopped and irqueue is not None and _has_something(irqueue):
                self._native.stop()
                stopped = True
        self._report()
        flowqueue.put(SHUTDOWN_SENTINEL)

    def __iter__(self):
        """The records themselves, until the source has ended."""
        while True:
            records = self._native.next(0.05)
            if records is None:
                return
            yield from records

    def flush(self):
        """Ends all flows, those that are ignored too, before the observer takes its next packet: their records come as those
        of others do, and what comes later begins new flows. Any thread may call it, also while another one observes."""
        self._native.flush()

    def purge_idle(self, timeout=None):
        """Of PATHspider 1.0, where somebody had to look for idle flows. Here each ends when it has been idle for the
        `idle_timeout` that the observer was made with; a shorter one is not possible afterwards, which is logged."""
        if timeout is not None and timeout < self._idle_timeout:
            self._logger.warning("purge_idle(%s): flows end when they are idle for %s s, the observer's idle_timeout", timeout,
                                 self._idle_timeout)

    @property
    def counters(self):
        """What was seen so far and what became of it: a dictionary."""
        return self._native.counters

    def _report(self):
        for warning in self._native.warnings:
            self._logger.warning("%s", warning)
        self._logger.info(
            "processed %(packets)u packets (%(dropped)u dropped, %(short)u short, %(non_ip)u non-ip) into %(flows)u "
            "flows (%(ignored)u ignored)",
            self.counters,
        )


def _has_something(a_queue):
    try:
        a_queue.get_nowait()
        return True
    except queue.Empty:
        return False


def class_specs(chains):
    """chain_specs of chain classes (or objects, or names of native chains)."""
    specs = []
    for chain in chains:
        native = chain if isinstance(chain, str) else vars(chain).get("_native") if isinstance(chain, type) else None
        if native is not None:
            specs.append(native)
            continue
        made = chain() if isinstance(chain, type) else chain
        hooks = {hook: getattr(made, hook) for hook in HOOKS if callable(getattr(made, hook, None))}
        specs.append((type(made).__name__, hooks))
    return _with_names_apart(specs)


def function_specs(lists):
    """chain_specs of function chains, {hook: functions}. A chain of functions is what is native if it has all of it."""
    lists = {hook: list(functions) for hook, functions in lists.items()}
    specs = []
    for name, parts in _native_functions():
        if all(lists[hook].count(function) == 1 for hook, function in parts) and not _is_elsewhere(lists, parts):
            specs.append(name)
            for hook, function in parts:
                lists[hook].remove(function)
    for hook in HOOKS:
        specs.extend((_name_of(function), {hook: function}) for function in lists[hook])
    return _with_names_apart(specs)


def _is_elsewhere(lists, parts):
    functions = {function for _, function in parts}
    return any(
        function in functions and (hook, function) not in parts for hook, all_ in lists.items() for function in all_
    )


def _native_functions():
    from pathspider.observer.tcp import tcp_state, tcp_state_setup

    return (
        ("basic", (("new_flow", basic_flow), ("ip4", basic_count), ("ip6", basic_count))),
        ("tcp", (("new_flow", tcp_state_setup), ("tcp", tcp_state))),
    )


def _with_names_apart(specs):
    seen = {}
    result = []
    for spec in specs:
        if isinstance(spec, str):
            result.append(spec)
            continue
        name, hooks = spec
        seen[name] = seen.get(name, 0) + 1
        result.append((name if seen[name] == 1 else "{} ({})".format(name, seen[name]), hooks))
    return result


class DummyObserver:
    """Observes nothing: waits for the end and passes it on."""

    def run_flow_enqueuer(self, flowqueue, irqueue=None):
        if irqueue is not None:
            irqueue.get()
        flowqueue.put(SHUTDOWN_SENTINEL)


_basic = BasicChain()


def extract_ports(ip):
    """(source, destination) of TCP or UDP; (None, None) without."""
    return _basic._extract_ports(ip)


def basic_flow(rec, ip):
    """For new_flow_chain: addresses, ports, and counters at zero."""
    return _basic.new_flow(rec, ip)


def basic_count(rec, ip, rev):
    """For ip4_chain and ip6_chain: counts packets and octets each way."""
    return _basic.ip4(rec, ip, rev)


def simple_observer(lturi=None):
    """An Observer with basic_flow and basic_count. Without a URI: of the interface that is measured on, else of the
    default route's."""
    if lturi is None:
        lturi = _source_for_all if _source_for_all is not None else "int:" + _spiderling.default_interface()
    return Observer(lturi, new_flow_chain=[basic_flow], ip4_chain=[basic_count], ip6_chain=[basic_count])
