"""Packets in, the payloads of dumplings out."""
import unittest

from new_plugin import NewPlugin
from spiderling.testing import run_chef

QUESTION = '10.0.0.1:4000 > 10.0.0.2:53 udp dns=query:www.example.org'
ANSWER = '10.0.0.2:53 > 10.0.0.1:4000 udp dns=response:www.example.org'
OTHER = '10.0.0.1:4000 > 10.0.0.2:80 tcp S'


class NewPluginTest(unittest.TestCase):

    def test_each_question_is_a_dumpling(self):
        run = run_chef(NewPlugin, [QUESTION, ANSWER, OTHER])
        self.assertEqual(run.of_packets(), [{'lookup': {'hostname': 'www.example.org', 'when': 1600000000.0}}])
        self.assertEqual((run.failures, run.unsayable), ([], []))

    def test_counts_since_the_last_poke(self):
        run = run_chef(NewPlugin, [QUESTION, OTHER, QUESTION, '+10 ' + OTHER], poke_interval=5)
        self.assertEqual(run.of_intervals(), [{'lookups': count, 'seconds': 5.0} for count in (0, 2, 0, 0)])


if __name__ == '__main__':
    unittest.main()
