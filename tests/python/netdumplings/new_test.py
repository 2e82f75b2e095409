"""`spiderling new chef NAME --python`: its test passes, it is found, it cooks, and nothing that is there is overwritten."""
import importlib.util
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

from kitchen_test import Recorder
from netdumplings import DumplingKitchen

PROGRAM = os.environ["SPIDERLING"]
PACKAGES = str(pathlib.Path(PROGRAM).resolve().parent / "python")  # with the test kit
EXAMPLE = str(pathlib.Path(__file__).resolve().parents[3] / "examples/first.pcap")


class New(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def new(self, *words):
        done = subprocess.run([PROGRAM, "new", *words], cwd=self.folder, capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout, done.stderr

    def test_a_chef(self):
        status, output, problems = self.new("chef", "MyChef", "--python")
        self.assertEqual((status, problems), (0, ""))
        for line in ("my_chef/README.md", "my_chef/my_chef.py", "my_chef/my_chef_test.py"):
            self.assertIn(line + "\n", output)
        tested = subprocess.run([sys.executable, "-W", "error", "my_chef/my_chef_test.py"], cwd=self.folder, capture_output=True,
                                text=True, timeout=60, check=False, env={**os.environ, "PYTHONPATH": PACKAGES})
        self.assertEqual(tested.returncode, 0, tested.stderr)
        self.assertIn("Ran 2 tests", tested.stderr)
        path = str(pathlib.Path(self.folder) / "my_chef/my_chef.py")
        listed = subprocess.run([PROGRAM, "sniff", "--chef-list", "--chef-module", path], capture_output=True, text=True, timeout=60,
                                check=True)
        self.assertIn("  MyChef\n", listed.stdout)
        self.assertEqual(self.cook(path), (["www.example.org"], [0, 1]))

    def cook(self, path):
        spec = importlib.util.spec_from_file_location("my_chef", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        kitchen = DumplingKitchen(Recorder(), interface=EXAMPLE, sniffer_filter="")
        module.MyChef(kitchen=kitchen)
        kitchen.run()
        payloads = kitchen.dumpling_queue.of("MyChef")
        return ([one["lookup"]["hostname"] for one in payloads if "lookup" in one],
                [one["lookups"] for one in payloads if "lookups" in one])

    def test_nothing_is_overwritten(self):
        self.assertEqual(self.new("chef", "mine", "--python")[0], 0)
        status, _, problems = self.new("chef", "mine", "--python")
        self.assertEqual(status, 2)
        self.assertIn("is there already", problems)

    def test_names_that_python_needs(self):
        for name in ("class", "json", "sys"):
            status, _, problems = self.new("chef", name, "--python")
            self.assertEqual((status, os.listdir(self.folder)), (2, []))
            self.assertIn("is something else in Python", problems)


if __name__ == "__main__":
    unittest.main()
