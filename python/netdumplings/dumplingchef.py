"""The class that chefs derive from."""
import logging


class DumplingChef:
    """Gets packets and, at intervals, pokes; what its handlers return becomes the payload of a dumpling.

    A derived class has packet_handler(), interval_handler() or both. Its kitchen never runs two handlers of one chef at
    the same time. A handler that raises loses that one payload, and harms no other chef.

    name                  its class's name
    kitchen               the kitchen that it works for
    dumplings_sent_count  how many dumplings its kitchen has made of what it returned
    """

    #: False: a base for other chefs, which nd-sniff never takes on.
    assignable_to_kitchen = True

    def __init__(self, kitchen=None):
        self.kitchen = kitchen
        self.name = type(self).__name__
        self.dumplings_sent_count = 0
        self._logger = logging.getLogger(__name__)
        if self.kitchen:
            self.kitchen.register_chef(self)

    def __repr__(self):
        return f"{type(self).__name__}(kitchen={self.kitchen!r})"

    def packet_handler(self, packet):
        """For every packet. Returns a payload, which is anything that JSON can say, or None for no dumpling.

        Unless overridden: one line about the packet.
        """
        summary = packet.summary()
        self._logger.debug("%s: Received packet: %s", self.name, summary)
        return f"{type(self).__name__}: {summary}"

    def interval_handler(self, interval=None):
        """At the start and then every `interval` seconds, whether or not packets came. Returns as packet_handler()."""
        self._logger.debug("%s: Received interval_handler poke", self.name)
        return None
