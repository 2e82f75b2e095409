"""Chefs in Python under nd-sniff: what they get, what becomes of what they return, and what they do wrong."""
import os
import pathlib
import signal
import sys
import tempfile
import time

ROOT = pathlib.Path(os.environ["SPIDERLING_ROOT"])
sys.path.insert(0, str(ROOT / "tests" / "sniff"))
import kitchen as sniff  # noqa: E402
from kitchen import DEADLINE, lookups, skip, trace_of, wait_for  # noqa: E402

SEEDS = pathlib.Path(os.environ.get("SPIDERLING_SEEDS", ROOT.parent / "shared" / "seeds" / "code"))
TWO_LOOKUPS = "0 10.0.0.1:1 > 10.0.0.2:2 tcp S\n" + lookups(2)
HEAD = "import time, netdumplings\n\n\nclass Base(netdumplings.DumplingChef):\n    assignable_to_kitchen = False\n\n\n"


class Kitchen(sniff.Kitchen):
    def end(self):
        """The exit status, also of one that never opened."""
        return self.process.wait(DEADLINE)

    def stdout(self):
        return pathlib.Path(self.output.name).read_text(encoding="utf-8")

    def dumplings_of(self, chef):
        return [each for each in self.dumplings() if each["metadata"]["chef"] == chef]


def seed(name):
    path = SEEDS / name
    if not path.exists():
        skip(f"no seeds at {SEEDS}")
    return path


def chef(body, name="Mine", base="netdumplings.DumplingChef"):
    lines = "".join(f"    {line}\n" if line else "\n" for line in body.strip("\n").split("\n"))
    return f"class {name}({base}):\n{lines}\n\n"


def module(folder, *classes, name="my_chefs.py"):
    path = pathlib.Path(folder) / name
    path.write_text(HEAD + "".join(classes))
    return str(path)


def run(path, trace=TWO_LOOKUPS, *more, status=0):
    """The dumplings and the log of a kitchen over a trace. Its poke interval is longer than the trace."""
    with Kitchen("-f", "", "-p", "1e8", "-m", path, "--output", "-", *more, trace=trace_of(trace)) as kitchen:
        ended = kitchen.end()
        assert ended == status, (ended, kitchen.stderr())
        return kitchen.dumplings(), kitchen.stderr()


def payloads(dumplings, name="Mine"):
    return [each["payload"] for each in dumplings if each["metadata"]["chef"] == name]


def the_seeds_lookup_chef(_):
    dumplings, _ = run(str(seed("my_chefs.py")))
    found = payloads(dumplings, "DNSLookupChef")
    assert [each["lookup"]["hostname"] for each in found] == ["h0.example.", "h1.example."], dumplings
    assert all(abs(each["lookup"]["when"] - time.time()) < 600 for each in found), found
    metadata = dumplings[0]["metadata"]
    assert metadata["driver"] == "packet" and metadata["kitchen"] == "default_kitchen", metadata


def the_seeds_state_chef(_):
    dumplings, log = run(str(seed("state_chef.py")))
    assert dumplings == [] and "fail" not in log, (dumplings, log)


def chefs_of_three_places(folder):
    """As the second seed lists them: a module of the current folder, one of PYTHONPATH, a file; natives beside them."""
    here, there = pathlib.Path(folder, "here"), pathlib.Path(folder, "there")
    for each in (here, there / "deep"):
        each.mkdir(parents=True)
    module(here, chef("pass", "MyDNSChef"), name="mychefs.py")
    module(there / "deep", chef("pass", "YetAnotherChef"), chef("pass", "MyOtherChef"), name="chefs.py")
    path = module(folder, chef("pass", "FileChef"))
    (here / "broken.py").write_text("class Broken(:\n")
    os.chdir(here)
    os.environ["PYTHONPATH"] = str(there)
    modules = ("mychefs", "deep.chefs", path, "netdumplings.dumplingchefs", "broken", "deep.none")
    with Kitchen("--chef-list", *(word for name in modules for word in ("-m", name))) as kitchen:
        assert kitchen.end() == 0
        listed = kitchen.stdout()
    for expected in ("mychefs\n  Base\n  MyDNSChef\n", "deep.chefs\n  Base\n  MyOtherChef\n  YetAnotherChef\n",
                     f"{path}\n  Base\n  FileChef\n", "  ARPChef\n  DNSLookupChef\n  PacketCountChef\n",
                     "broken\n  error importing module: invalid syntax (broken.py, line 1)\n",
                     "deep.none\n  error importing module: No module named 'deep.none'\n"):
        assert expected in listed, (expected, listed)


def a_folder_of_chefs(folder):
    chefs = pathlib.Path(folder, "chefs")
    chefs.mkdir()
    (chefs / "common.py").write_text("WORD = 'shared'\n")
    for name in ("One", "Two"):
        (chefs / f"{name.lower()}.py").write_text("import netdumplings, common\n" + chef(
            "def packet_handler(self, packet):\n    return common.WORD", name, "netdumplings.DumplingChef"))
    for name in ("test_one.py", "two_test.py", "conftest.py"):
        (chefs / name).write_text("raise RuntimeError('no chefs are here')\n")
    for here, name in ((folder, str(chefs)), (folder, "chefs"), (chefs, ".")):
        os.chdir(here)
        dumplings, _ = run(name)
        assert payloads(dumplings, "One") == payloads(dumplings, "Two") == ["shared"] * 3, (name, dumplings)


def both_handlers_and_natives(folder):
    path = module(folder, chef("""
def __init__(self, *args, **kwargs):
    super().__init__(*args, **kwargs)
    self.seen = 0

def packet_handler(self, packet):
    self.seen += 1

def interval_handler(self, interval):
    return {"seen": self.seen, "interval": interval, "kitchen": self.kitchen.name, "name": self.name}
"""))
    with Kitchen("-f", "", "-p", "10", "-n", "k", "-m", path, "-m", "netdumplings.dumplingchefs", "--output", "-",
                 trace=trace_of("0 10.0.0.1:1 > 10.0.0.2:2 udp\n+25 10.0.0.1:1 > 10.0.0.2:2 udp\n")) as kitchen:
        assert kitchen.end() == 0, kitchen.stderr()
        mine = [each for each in kitchen.dumplings() if each["metadata"]["chef"] == "Mine"]
        counts = [each for each in kitchen.dumplings() if each["metadata"]["chef"] == "PacketCountChef"]
    assert [each["payload"]["seen"] for each in mine] == [0, 1, 1, 2], mine
    assert mine[0]["payload"] == {"seen": 0, "interval": 10.0, "kitchen": "k", "name": "Mine"}, mine
    assert [each["metadata"]["creation_time"] for each in mine] == [each["metadata"]["creation_time"] for each in counts]
    assert all(each["metadata"]["driver"] == "interval" for each in mine)


def only_what_is_wanted_reaches_python(folder):
    count = "\ndef packet_handler(self, packet):\n    return packet.getlayer('UDP').dport"
    path = module(folder, chef("filter = 'udp port 53'" + count, "Filtered"), chef("wants = 'DNS'" + count, "Wanting"),
                  chef("wants = ('ARP', 'ICMP')" + count, "Nothing"))
    dumplings, log = run(path)
    assert payloads(dumplings, "Filtered") == payloads(dumplings, "Wanting") == [53, 53], dumplings
    assert "chef failed" not in log, log
    wrong = module(folder, chef("filter = 'udp port fifty'" + count))
    _, log = run(wrong, status=2)
    assert "the filter of chef Mine, 'udp port fifty'" in log, log


def kept_packets_stay(folder):
    path = module(folder, chef("""
kept = []

def packet_handler(self, packet):
    self.kept.append(packet if len(self.kept) % 2 else packet.getlayer('UDP'))

def interval_handler(self, interval):
    if self.kept:
        return [each.getlayer('DNS').fields['qd'].qname.decode() for each in self.kept]
"""))
    dumplings, _ = run(path, lookups(3000))
    assert payloads(dumplings)[-1] == [f"h{i}.example." for i in range(3000)], dumplings[-1]


def payloads_are_what_json_dumps_makes(folder):
    path = module(folder, chef("""
def packet_handler(self, packet):
    return {1: (1, 2.5, None, True), "big": 2 ** 70, "text": "h\\u00e4\\U0001f577", None: {2.5: []}, "float": 1e22}
"""))
    dumplings, _ = run(path, lookups(1))
    assert payloads(dumplings) == [{"1": [1, 2.5, None, True], "big": 2 ** 70, "text": "h\u00e4\U0001f577",
                                    "null": {"2.5": []}, "float": 1e22}], dumplings


def payloads_that_are_no_json(folder):
    bad = ["b'bytes'", "float('nan')", "{(1, 2): 3}", "'\\udc80'", "object()", "set()"]
    path = module(folder, *(chef(f"def packet_handler(self, packet):\n    return {value}", f"Bad{i}")
                            for i, value in enumerate(bad)),
                  chef("def packet_handler(self, packet):\n    return 1"),
                  chef("def packet_handler(self, packet):\n    a = []\n    a.append(a)\n    return a", "Circle"),
                  chef("def packet_handler(self, packet):\n    a = []\n    for _ in range(200): a = [a]\n    return a", "Deep"))
    dumplings, log = run(path, lookups(2))
    assert payloads(dumplings) == [1, 1] and len(dumplings) == 2, dumplings
    for name in [f"Bad{i}" for i in range(len(bad))] + ["Circle", "Deep"]:
        assert log.count(f'"chef":"{name}","problem"') == 1, (name, log)
    assert "Object of type bytes is not JSON serializable" in log, log
    assert '"unwritable":16' in log, log


def handlers_that_fail(folder):
    path = module(folder, chef("def packet_handler(self, packet):\n    raise ValueError('no')", "Raises"),
                  chef("def packet_handler(self, packet):\n    import sys\n    sys.exit('gone')", "Exits"),
                  chef("def packet_handler(self, packet):\n    return self.packet_handler(packet)", "Recurses"),
                  chef("def packet_handler(self, packet):\n    raise KeyboardInterrupt", "Interrupts"),
                  chef("def packet_handler(self, packet):\n    return 1"))
    dumplings, log = run(path, lookups(3))
    assert payloads(dumplings) == [1, 1, 1], dumplings
    for name, problem in (("Raises", "ValueError: no"), ("Exits", "SystemExit: gone"), ("Recurses", "RecursionError: maximum"),
                          ("Interrupts", "KeyboardInterrupt")):
        assert f'"chef":"{name}","handler":"packet_handler","problem":"{problem}' in log, (name, log)
    assert '"where":"my_chefs.py:' in log and '"failures":12' in log, log


def one_that_fails_again_and_again_is_set_aside(folder):
    path = module(folder, chef("def packet_handler(self, packet):\n    raise ValueError('no')", "Raises"),
                  chef("def packet_handler(self, packet):\n    return 1"))
    dumplings, log = run(path, lookups(300), "--max-failures", "50")
    assert len(payloads(dumplings)) == 300 and '"failures":50' in log and '"set_aside":1' in log, log
    alone = module(folder, chef("def packet_handler(self, packet):\n    raise ValueError('no')", "Raises"))
    run(alone, lookups(300), "--max-failures", "50", status=1)


def classes_that_cannot_be_made(folder):
    path = module(folder, chef("def __init__(self, kitchen=None):\n    raise RuntimeError('not today')"))
    _, log = run(path, status=2)
    assert "chef Mine cannot be made: RuntimeError: not today" in log, log
    path = module(folder, "raise SystemExit('at once')\n", name="exits.py")
    _, log = run(path, status=2)
    assert f"chef module {path}: SystemExit: at once" in log, log


LOOPS = {"in_python": "while True: pass", "in_c": "import re; re.match(r'(a+)+$', 'a' * 60 + 'b')", "asleep": "time.sleep(1e6)"}


def a_handler_that_loops_for_ever(folder):
    """It is named; the others go on; Ctrl-C ends the kitchen in seconds."""
    for name, loop in LOOPS.items():
        path = module(folder, chef(f"def packet_handler(self, packet):\n    {loop}", "Loops"),
                      chef("def interval_handler(self, interval):\n    return 'still here'", "Other"), name=f"{name}.py")
        trace = trace_of("repeat 200 +0.1 10.0.0.1:4000 > 10.0.0.2:53 udp len=9\n")
        with Kitchen("-f", "", "-p", "0.5", "-m", path, "-m", "netdumplings.dumplingchefs", "--pace", "original",
                     "--output", "-", trace=trace) as kitchen:
            wait_for(lambda: "packet_handler of chef Loops" in kitchen.stderr(), "the name of the handler")
            seen = len(kitchen.dumplings_of("PacketCountChef"))
            wait_for(lambda: len(kitchen.dumplings_of("PacketCountChef")) > seen + 1, "the intervals of native chefs")
            if name != "in_c":  # what never lets go of the interpreter's lock stops all that is Python
                others = len(kitchen.dumplings_of("Other"))
                wait_for(lambda: len(kitchen.dumplings_of("Other")) > others + 1, "the intervals of chefs in Python")
            kitchen.process.send_signal(signal.SIGINT)
            began = time.monotonic()
            status = kitchen.end()
            assert status == 1 and time.monotonic() - began < 30, (name, status, kitchen.stderr())
            assert '"chef":"Loops","packets_and_pokes"' in kitchen.stderr(), kitchen.stderr()


def threads_left_behind(folder):
    path = module(folder, "import threading\nthreading.Thread(target=time.sleep, args=(1e6,)).start()\n",
                  chef("def packet_handler(self, packet):\n    return 1"))
    began = time.monotonic()
    dumplings, log = run(path)
    assert len(dumplings) == 3 and time.monotonic() - began < 30 and "left behind" in log, log


def a_slow_chef_costs_natives_nothing(folder):
    """A trace at its own pace stands for live packets... but waits; so here: everything arrives everywhere, in order."""
    path = module(folder, chef("def packet_handler(self, packet):\n    time.sleep(0.0005)\n    return packet.sport"))
    dumplings, log = run(path, lookups(2000), "-m", "netdumplings.dumplingchefs")
    assert len(payloads(dumplings)) == 2000, log
    assert [each["lookup"]["hostname"] for each in payloads(dumplings, "DNSLookupChef") if "lookup" in each] == [
        f"h{i}.example" for i in range(2000)]


def resident_mb(process):
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def memory_is_flat(folder):
    """Ten million packets through Python, some of them kept for a while."""
    path = module(folder, chef("""
kept = []

def packet_handler(self, packet):
    if packet.haslayer('DNS'):
        self.kept.append(packet.getlayer('DNS'))
        del self.kept[:-100]
        return {'name': packet['DNS'].qd.qname.decode(), 'source': packet.src, 'fields': sorted(packet['IP'].fields)}
"""))
    capture = trace_of("repeat 9900 0 10.0.0.1:1000 > 10.0.0.2:80 tcp A\n" + lookups(100))
    header, block, blocks = capture[:24], capture[24:], 1000
    with Kitchen("-i", "-", "-f", "", "-m", path, "--output", "/dev/null") as kitchen:
        kitchen.process.stdin.write(header)
        for number in range(blocks):
            kitchen.process.stdin.write(block)
            if number == blocks // 5:
                before = resident_mb(kitchen.process)
        kitchen.process.stdin.flush()
        after = resident_mb(kitchen.process)
        kitchen.process.stdin.close()
        status, counters = kitchen.finish()
        assert status == 0 and counters["packets"] == 10_000_000 and counters["dumplings"] == 100_000, counters
        assert after < before + 8, f"{before:.0f} MB after 2 million packets, {after:.0f} MB after ten"
        print(f"{before:.1f} MB after 2 million packets, {after:.1f} MB after ten million")


with tempfile.TemporaryDirectory() as temporary:
    globals()[sys.argv[1]](temporary)
