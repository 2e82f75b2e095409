"""What every flow analysis chain derives from."""


class Chain:
    """A flow analysis: an object whose methods the observer calls for each packet of a flow.

    A chain has new_flow(rec, ip) and any of ip4, ip6, tcp, udp, l4(rec, header, rev) and icmp4, icmp6(rec, ip, q, rev).
    `rec` is the flow's record, a dictionary: what is put into it comes out. Returning False ends the flow (from
    new_flow: there will be no record of it). One object serves all flows.

    `fields` may say which fields there are: a dictionary {name: meaning}, or a sequence of names. Without it they are
    found by a trial call of new_flow.
    """

    def new_flow(self, rec, ip):
        """Puts the fields of this chain into the record of a flow that has just begun."""
        raise NotImplementedError("Cannot create a new flow with an abstract Observer chain")
