"""Packets in, the fields of the flow record out."""
import unittest

from new_plugin import NewPluginChain
from spiderling.testing import run_chain, run_chains


class NewPluginTest(unittest.TestCase):

    def test_the_first_packet_of_each_direction_counts(self):
        record = run_chain(NewPluginChain, ['10.0.0.1:4000 > 10.0.0.2:80 tcp S ttl=64',
                                            '10.0.0.2:80 > 10.0.0.1:4000 tcp SA ttl=55',
                                            '10.0.0.1:4000 > 10.0.0.2:80 tcp A ttl=60'])
        self.assertEqual((record['new_plugin_ttl_fwd'], record['new_plugin_ttl_rev']), (64, 55))

    def test_what_was_not_seen_is_none(self):
        record, = run_chains(['basic', NewPluginChain], '[2001:db8::1]:4000 > [2001:db8::2]:53 udp ttl=7')
        self.assertEqual((record['new_plugin_ttl_fwd'], record['new_plugin_ttl_rev']), (7, None))
        self.assertEqual(record['pkt_fwd'], 1)  # of the native chain beside it


if __name__ == '__main__':
    unittest.main()
