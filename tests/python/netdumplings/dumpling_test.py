"""Dumpling: its JSON both ways, and what is none."""
import json
import math
import time
import types
import unittest

from netdumplings import Dumpling, DumplingChef, DumplingDriver, InvalidDumpling, InvalidDumplingPayload

TEXT = ('{"metadata": {"chef": "DNSLookupChef", "kitchen": "default_kitchen", "creation_time": 1515990765.925951, '
        '"driver": "packet"}, "payload": {"lookup": {"hostname": "myspace.com", "when": 1515990721.147}}}')


class Cook(DumplingChef):
    pass


def kitchen(name):
    return types.SimpleNamespace(name=name, register_chef=lambda chef: None)


class MakesJson(unittest.TestCase):
    def test_by_a_chef(self):
        where = kitchen("k")
        chef = Cook(kitchen=where)
        before = time.time()
        dumpling = Dumpling(chef=chef, payload={"one": [1, "zwei", None, 2.5, True]})
        self.assertIs(dumpling.chef, chef)
        self.assertIs(dumpling.kitchen, where)
        self.assertEqual(dumpling.chef_name, "Cook")
        self.assertIs(dumpling.driver, DumplingDriver.packet)
        self.assertTrue(before <= dumpling.creation_time <= time.time())
        self.assertEqual(json.loads(dumpling.to_json()), {
            "metadata": {"chef": "Cook", "kitchen": "k", "creation_time": dumpling.creation_time, "driver": "packet"},
            "payload": {"one": [1, "zwei", None, 2.5, True]}})

    def test_by_a_name(self):
        dumpling = Dumpling(chef="SystemStatusChef", driver=DumplingDriver.interval, creation_time=12.5, payload="x")
        self.assertEqual((dumpling.chef, dumpling.chef_name, dumpling.kitchen), ("SystemStatusChef", "SystemStatusChef", None))
        self.assertEqual(dumpling.to_json(), '{"metadata": {"chef": "SystemStatusChef", "kitchen": null, "creation_time": 12.5, '
                                             '"driver": "interval"}, "payload": "x"}')

    def test_what_json_cannot_say(self):
        itself = []
        itself.append(itself)
        deep = []
        for _ in range(100_000):
            deep = [deep]
        for payload in (lambda: 0, b"bytes", {1, 2}, object(), {"a": {b"b": 1}}, math.nan, [math.inf], itself, deep, 1j):
            with self.assertRaises(InvalidDumplingPayload):
                Dumpling(chef="c", payload=payload).to_json()

    def test_repr(self):
        dumpling = Dumpling(chef="c", creation_time=1.5, payload=None)
        self.assertEqual(repr(dumpling), "Dumpling(chef='c', driver=DumplingDriver.packet, creation_time=1.5, payload=None)")
        dumpling = Dumpling(chef=Cook(), driver=DumplingDriver.interval, creation_time=2, payload={"a": 1})
        self.assertEqual(repr(dumpling), "Dumpling(chef=Cook(kitchen=None), driver=DumplingDriver.interval, creation_time=2, "
                                         "payload=<dict>)")

    def test_keyword_only(self):
        with self.assertRaises(TypeError):
            Dumpling("c", payload=1)
        with self.assertRaises(TypeError):
            Dumpling(chef="c")


class ReadsJson(unittest.TestCase):
    def test_all_of_it(self):
        dumpling = Dumpling.from_json(TEXT)
        self.assertEqual(dumpling.chef, "DNSLookupChef")
        self.assertEqual(dumpling.chef_name, "DNSLookupChef")
        self.assertEqual(dumpling.kitchen, "default_kitchen")
        self.assertIs(dumpling.driver, DumplingDriver.packet)
        self.assertEqual(dumpling.creation_time, 1515990765.925951)
        self.assertEqual(dumpling.payload["lookup"]["hostname"], "myspace.com")

    def test_there_and_back(self):
        self.assertEqual(Dumpling.from_json(TEXT).to_json(), TEXT)
        nobody = TEXT.replace('"default_kitchen"', "null")
        self.assertIsNone(Dumpling.from_json(nobody).kitchen)
        self.assertEqual(Dumpling.from_json(nobody).to_json(), nobody)

    def test_any_payload(self):
        for payload in (0, False, "", [], {}, -1.5, "null"):
            found = json.loads(TEXT)
            found["payload"] = payload
            self.assertEqual(Dumpling.from_json(json.dumps(found)).payload, payload)

    def test_what_is_missing_or_wrong(self):
        def changed(**metadata):
            found = json.loads(TEXT)
            for key, value in metadata.items():
                if value is ...:
                    del found["metadata"][key]
                else:
                    found["metadata"][key] = value
            return json.dumps(found)

        texts = [changed(**{key: value}) for key, values in {
            "chef": (..., 1, None, []), "kitchen": (..., 1, {}), "creation_time": (..., "now", None, True),
            "driver": (..., "poke", 1, "packet ", "name", "__class__")}.items() for value in values]
        texts += ["", "{", "[]", "null", "7", '"x"', "{}", '{"metadata": 5}', '{"metadata": []}', '{"metadata": {}, "payload": 1}',
                  TEXT[:-1], TEXT + "x", TEXT.replace("1515990721.147", "NaN"), TEXT.replace("1515990721.147", "-Infinity"),
                  "[" * 100_000, "9" * 100_000, json.dumps({**json.loads(TEXT), "payload": None}),
                  json.dumps({"metadata": json.loads(TEXT)["metadata"]}),
                  b"\xff\xfe\x00", b"\x80abc", None, 5, {}, json.loads(TEXT)]
        for text in texts:
            with self.subTest(repr(text)[:80]), self.assertRaises(InvalidDumpling):
                Dumpling.from_json(text)

    def test_subclass(self):
        class Mine(Dumpling):
            pass

        self.assertIsInstance(Mine.from_json(TEXT), Mine)


if __name__ == "__main__":
    unittest.main()
