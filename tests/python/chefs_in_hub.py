"""What a hub tells of chefs in Python: their figures in /status, /metrics and nd-hubdetails. In a network namespace.

Usage: chefs_in_hub.py TEST      (the program is $SPIDERLING; exit status 77: not possible here)
"""
import contextlib
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(os.environ["SPIDERLING_ROOT"])
sys.path[:0] = [str(ROOT / "tests" / folder) for folder in ("sniff", "hub", "netns")]
import namespace  # noqa: E402
from hub_process import Hub  # noqa: E402
from kitchen import Kitchen, wait_for  # noqa: E402

MOST_WAITING = 65_536
HEAD = "import time, netdumplings\n\n\nclass InPython(netdumplings.DumplingChef):\n"


@contextlib.contextmanager
def kitchen_of(hub, folder, handlers):
    """A kitchen at work with a chef in Python, beside a native one."""
    module = pathlib.Path(folder) / "in_python.py"
    module.write_text(HEAD + handlers)
    with Kitchen("-i", "lo", "-f", "udp port 7", "-h", f"127.0.0.1:{hub.in_port}", "-n", "here", "-p", "0.2", "-m", str(module),
                 "-m", "netdumplings.dumplingchefs", "--chef", "InPython", "--chef", "PacketCountChef") as kitchen:
        wait_for(lambda: "kitchen opened" in kitchen.stderr() or kitchen.process.poll() is not None, "the kitchen to open")
        assert kitchen.process.poll() is None, kitchen.stderr()
        yield kitchen


def send(count):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        receiver.bind(("127.0.0.1", 7))
        for number in range(count):
            sender.sendto(b"x", ("127.0.0.1", 7))
            if number % 500 == 0:
                time.sleep(0.01)  # the ring is read meanwhile


def told_of(hub):
    """{chef: as /status has it} of the one kitchen."""
    kitchens = hub.status()["dumpling_kitchens"]
    return {chef["chef"]: chef for kitchen in kitchens for chef in kitchen.get("chefs", [])}


def handler_of(chef, name):
    return next((one for one in chef["handlers"] if one["handler"] == name), None)


def metric(hub, name, chef, **labels):
    return hub.metric(name, prefix="spiderling_chef_", kitchen="here", chef=chef, **labels)


def metrics_agree(hub, name, chef):
    """The figures of /metrics are those of /status; a status may come between the two."""
    for handler in chef["handlers"]:
        for series, figure in (("calls_total", "calls"), ("failures_total", "failures"), ("blocked_total", "blocked"),
                               ("busy_seconds_total", "busy_seconds"), ("longest_seconds", "longest_seconds")):
            if metric(hub, series, name, handler=handler["handler"]) != handler[figure]:
                return False
    queue = chef.get("queue")
    return metric(hub, "set_aside", name) == chef["set_aside"] and (queue is None or all(
        metric(hub, series, name) == queue[figure] for series, figure in (
            ("queue_waiting", "waiting"), ("queue_dropped_total", "dropped"), ("queue_skipped_pokes_total", "skipped_pokes"))))


def details_of(hub):
    done = subprocess.run([os.environ["SPIDERLING"], "details", "-h", f"localhost:{hub.out_port}", "--no-color"],
                          capture_output=True, text=True, timeout=60, check=True)
    return done.stdout


def calls_failures_and_time(folder):
    with Hub() as hub, kitchen_of(hub, folder, """
    count = 0

    def packet_handler(self, packet):
        self.count += 1
        time.sleep(0.002)
        if self.count % 10 == 0:
            raise ValueError("the tenth")
        return self.count

    def interval_handler(self, interval=None):
        return {"count": self.count}
""") as kitchen:
        send(200)
        wait_for(lambda: "InPython" in told_of(hub) and handler_of(told_of(hub)["InPython"], "packet_handler")["calls"] == 200,
                 "the hub to know of all calls")
        wait_for(lambda: metrics_agree(hub, "InPython", told_of(hub)["InPython"]), "metrics to say what the status says")
        chef = told_of(hub)["InPython"]
        packets, pokes = handler_of(chef, "packet_handler"), handler_of(chef, "interval_handler")
        assert packets["failures"] == 20 and not chef["set_aside"], chef
        assert packets["busy_seconds"] >= 0.1 and packets["longest_seconds"] >= 0.002, chef  # the first 64 calls are measured
        assert pokes["calls"] > 0 and pokes["failures"] == 0, chef
        assert chef["queue"]["waiting"] <= 1 and chef["queue"]["dropped"] == 0, chef
        native = told_of(hub)["PacketCountChef"]
        assert handler_of(native, "packet_handler")["calls"] == 200 and "queue" not in native, native
        details = details_of(hub)
        assert '"InPython"' in details and '"failures": 20' in details and '"skipped_pokes"' in details, details
        status, closing = kitchen.interrupt()
        assert status == 0 and closing["failures"] == 20 and closing["packets"] == 200, closing


def an_overflow_costs_natives_nothing(folder):
    sent = MOST_WAITING + 10_000
    with Hub() as hub, kitchen_of(hub, folder, """
    def packet_handler(self, packet):
        time.sleep(1e6)

    def interval_handler(self, interval=None):
        return 1
""") as kitchen:
        send(sent)
        wait_for(lambda: told_of(hub).get("PacketCountChef") and handler_of(told_of(hub)["PacketCountChef"], "packet_handler")["calls"] == sent,
                 "the native chef to have got everything")
        wait_for(lambda: all(metrics_agree(hub, name, chef) for name, chef in told_of(hub).items()), "metrics to say what the status says")
        queue = told_of(hub)["InPython"]["queue"]
        # A poke waits too, the first of those that found the handler busy.
        assert queue["dropped"] + queue["waiting"] in (sent, sent + 1), queue
        assert MOST_WAITING <= queue["waiting"] <= MOST_WAITING + 1 and queue["skipped_pokes"] > 0, queue
        assert f'"dropped": {queue["dropped"]}' in details_of(hub)
        status, closing = kitchen.interrupt()
        log = [json.loads(line) for line in kitchen.stderr().splitlines()]
    assert status == 1 and closing["kernel_dropped"] == 0 and closing["packets"] == sent, closing
    assert closing["dropped_by_chefs"] == queue["dropped"], (closing, queue)
    assert closing["left_behind"] == queue["waiting"], (closing, queue)
    lagged = [line for line in log if line["event"] == "a chef lagged behind"]
    assert len(lagged) == 1 and lagged[0]["chef"] == "InPython" and lagged[0]["packets_dropped"] == queue["dropped"], lagged


if __name__ == "__main__":
    namespace.enter([str(pathlib.Path(__file__).resolve()), *sys.argv[1:]])
    with tempfile.TemporaryDirectory() as temporary:
        globals()[sys.argv[1]](temporary)
