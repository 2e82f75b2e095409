"""The chain new_plugin: how many hops packets may still go, of the first one each way."""
from pathspider.chains.base import Chain


class NewPluginChain(Chain):
    """Time to live of the first packet each way"""

    # What is in the flow record: a name, what it means. No two chains may have a field of one name.
    fields = {
        'new_plugin_ttl_fwd': 'of the first forward packet; null if there was none',
        'new_plugin_ttl_rev': 'of the first reverse packet; null if there was none',
    }

    def new_flow(self, rec, ip):
        """A flow has begun; `rec` is its record. False: there is no record of it."""
        rec['new_plugin_ttl_fwd'] = rec['new_plugin_ttl_rev'] = None
        return True

    # The hooks: for each packet of the flow with such a header; `rev`: in reverse. False: the flow has ended.

    def ip4(self, rec, ip, rev):
        return self._note(rec, ip.ttl, rev)

    def ip6(self, rec, ip, rev):
        return self._note(rec, ip.hop_limit, rev)

    @staticmethod
    def _note(rec, ttl, rev):
        field = 'new_plugin_ttl_rev' if rev else 'new_plugin_ttl_fwd'
        if rec[field] is None:
            rec[field] = ttl
        return True
