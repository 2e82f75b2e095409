"""Chains in a test: packets in, flow records out."""
import functools
import os

import _spiderling
from pathspider.observer import HOOKS, class_specs, function_specs

from spiderling.testing._packets import Packets, packets_of

_EXPIRY = 5.0


def run_chains(chains, packets, *, idle_timeout=30.0, expiry_timeout=_EXPIRY):
    """The records of these packets, dictionaries, in the order in which the flows ended.

        records = run_chains(["basic", "tcp", MyChain], Packets("10.0.0.1:4000 > 10.0.0.2:80 tcp S",
                                                                "10.0.0.2:80 > 10.0.0.1:4000 tcp RA"))
        assert len(records) == 1 and records[0]["tcp_rst_rev"]

    `chains`: classes or objects of them, and names of native ones. `packets`: Packets, of one link type, or what can be
    added to them. What a hook raises is raised here, when all packets have passed. Raises ValueError if there is no such
    chain, or if two cannot go together.
    """
    if isinstance(chains, str):
        raise TypeError(f"chains are a list, not {chains!r}")
    return _run(class_specs(chains), packets, idle_timeout, expiry_timeout, False)


def run_functions(packets, *, idle_timeout=30.0, expiry_timeout=_EXPIRY, **lists):
    """The same for lists of functions, as observers of PATHspider 1 are made of:

        from pathspider.observer import basic_count, basic_flow
        records = run_functions(packets, new_flow_chain=[basic_flow], ip4_chain=[basic_count], tcp_chain=[my_function])
    """
    known = {f"{hook}_chain": hook for hook in HOOKS}
    unknown = sorted(set(lists) - set(known))
    if unknown:
        raise TypeError(f"there is no {unknown[0]}; there are {', '.join(known)}")
    given = {hook: lists.get(name, ()) for name, hook in known.items()}
    return _run(function_specs(given), packets, idle_timeout, expiry_timeout, True)


def run_chain(chain, packets):
    """The one record of these packets. Raises RuntimeError if they are not one flow."""
    records = run_chains([chain], packets)
    if len(records) != 1:
        name = chain if isinstance(chain, str) else getattr(chain, "__name__", type(chain).__name__)
        raise RuntimeError(f"chain {name}: the packets make {len(records)} flow records, not one")
    return records[0]


def completes(chain, packets):
    """True if the chain says of these packets, which are of one flow, that the flow is complete."""
    packets = packets_of(packets)
    if not packets:
        raise ValueError("without a packet there is no flow")
    # A flow that is complete is over after the expiry timeout: its first packet, sent again, begins another.
    again = Packets(packets).wait(2 * _EXPIRY)
    again.add_again(0)
    return len(run_chains([chain], again)) == 2


def _run(specs, packets, idle_timeout, expiry_timeout, functions):
    raised = []
    file = os.memfd_create("packets")
    try:
        path = f"/proc/self/fd/{file}"
        packets_of(packets).save(path)
        observer = _spiderling.Observer(path, [_watched(spec, raised) for spec in specs], float(idle_timeout),
                                        float(expiry_timeout), functions)
        records = []
        while (some := observer.next(1.0)) is not None:
            records += some
    finally:
        os.close(file)
    if raised:
        raise raised[0]
    return records


def _watched(spec, raised):
    if isinstance(spec, str):
        return spec
    name, hooks = spec
    return name, {hook: _watch(function, raised) for hook, function in hooks.items()}


def _watch(hook, raised):
    @functools.wraps(hook)
    def watched(*arguments, **named):
        try:
            return hook(*arguments, **named)
        except BaseException as problem:
            raised.append(problem)
            raise
    return watched
