"""Over a network that is made up: each target and the path to it do as they are told. With root over the lab, too."""
import pathlib
import unittest

from pathspider.plugins.new_plugin import NewPlugin
from spiderling.testing import FakeTarget, MeasurementTest, answers, check_in_lab, drops, refuses, silent

HERE = pathlib.Path(__file__).parent


def is_short(packet):
    return packet.haslayer('Raw') and len(packet['Raw'].load) < 8


class NewPluginTest(unittest.TestCase):

    def test_conditions(self):
        results = MeasurementTest(NewPlugin).run({
            'plain': answers(),
            'odd': FakeTarget(says=lambda said: b'220 no HTTP'),
            'drops': drops(is_short),
            'refuses': refuses(),
            'silent': silent(),
        })
        self.assertEqual({name: result.conditions for name, result in results.items()}, {
            'plain': ['new_plugin.connectivity.works'],
            'odd': ['new_plugin.connectivity.offline'],
            'drops': ['new_plugin.connectivity.broken'],
            'refuses': ['new_plugin.connectivity.offline', 'new_plugin.reset'],
            'silent': ['new_plugin.connectivity.offline'],
        })

    def test_longer_segments_pass(self):
        results = MeasurementTest(NewPlugin, '--at', '10').run({'drops': drops(is_short)})
        self.assertEqual(results['drops'].conditions, ['new_plugin.connectivity.works'])

    def test_in_the_lab(self):
        verdict = check_in_lab(HERE / 'lab.toml')
        if verdict.skipped:
            self.skipTest(verdict.skipped)
        self.assertTrue(verdict.all_right, verdict.report)


if __name__ == '__main__':
    unittest.main()
