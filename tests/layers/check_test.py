"""The checker itself: a tree that keeps the rules passes, each breach is named.

Usage: check_test.py CHECKER
"""
import pathlib
import subprocess
import sys
import tempfile

SOUND = {
    "tests/layers.txt": "base:\nwire: base\nflows: base wire\napp: *\ntests: base wire\n",
    "include/spiderling/packet.h": '#include <cstdint>\n#include "spiderling/bytes.h"\n',
    "include/spiderling/bytes.h": "#include <span>\n",
    "src/base/error.h": "",
    "src/wire/dissect.h": '#include "base/error.h"\n#include "spiderling/packet.h"\n',
    "src/flows/key.h": '#include "wire/dissect.h"\n',
    "src/app/main.cpp": '#include "flows/key.h"\n',
    "src/base/error_test.cpp": '#include "wire/dissect.h"\n',
    "plugins/chains/tcp/tcp.cpp": '#include "spiderling/packet.h"\n',
    "plugins/chains/tcp/tcp_test.cpp": '#include "flows/key.h"\n',
}
BREACHES = {
    "downstream": {"src/wire/dissect.h": '#include "flows/key.h"\n'},
    "a test of a stage that knows a later one": {"src/base/error_test.cpp": '#include "flows/key.h"\n'},
    "a public header that knows src/": {"include/spiderling/bytes.h": '#include "base/error.h"\n'},
    "a plugin that knows src/": {"plugins/chains/tcp/tcp.cpp": '#include "base/error.h"\n'},
    "an include relative to its own folder": {"src/wire/dissect.cpp": '#include "dissect.h"\n'},
    "a folder that is not in the list": {"src/misc/thing.h": ""},
    "a list that names a folder below": {"tests/layers.txt": "base: wire\nwire: base\nflows: base wire\napp: *\n"},
    "a file too long": {"src/base/error.h": "\n" * 501},
}


def passes(checker, files):
    with tempfile.TemporaryDirectory(prefix="layers-") as folder:
        for name, text in files.items():
            path = pathlib.Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return subprocess.run([sys.executable, checker, folder], capture_output=True, check=False).returncode == 0


def main():
    checker = sys.argv[1]
    wrong = [] if passes(checker, SOUND) else ["a sound tree was refused"]
    wrong += [f"not noticed: {name}" for name, files in BREACHES.items() if passes(checker, SOUND | files)]
    print("\n".join(wrong) or f"{len(BREACHES)} breaches noticed")
    return 1 if wrong else 0


sys.exit(main())
