"""Modules with chains, and the program that observes with them. Only for tests."""
import json
import os
import pathlib
import subprocess

PROGRAM = os.environ["SPIDERLING"]
CHAIN = '''
from pathspider.chains.base import Chain

class PushChain(Chain):
    """Counts segments with PSH"""
    fields = {"push_count": "segments with PSH"}

    def new_flow(self, rec, ip):
        rec["push_count"] = 0
        return True

    def tcp(self, rec, tcp, rev):
        if tcp.psh_flag:
            rec["push_count"] += 1
        return True

class TrailChain(Chain):
    def new_flow(self, rec, ip):
        rec["trail"] = []
        rec["trail_udp"] = None
        return True

    def _note(self, rec, header, rev):
        rec["trail"].append([header.type, rev, header.size, rec["pkt_fwd"], rec["pkt_rev"]])

    ip4 = ip6 = tcp = _note

    def udp(self, rec, udp, rev):
        self._note(rec, udp, rev)
        rec["trail_udp"] = udp.checksum
        return udp.len != 77
'''


def program(*words, cwd=None, path="", shards=1):
    env = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run([PROGRAM, "observe", *map(str, words), "--shards", str(shards)], cwd=cwd, text=True,
                          env=env | ({"PYTHONPATH": str(path)} if path else {}), capture_output=True, timeout=120)
    return done


def records(*words, **where):
    done = program(*words, **where)
    assert done.returncode == 0, done
    return [json.loads(line) for line in done.stdout.splitlines()]


def module(folder, text=CHAIN, name="push.py"):
    path = pathlib.Path(folder) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path
