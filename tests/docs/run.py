"""Runs the code blocks of a document, as its reader would:  run.py DOCUMENT.md

A block is marked by an HTML comment right before it, which Markdown does not show:

    <!-- doc-test: file=my_chefs.py -->               write the block to this file (append=: add it there)
    <!-- doc-test: file=a.py run="python3 a.py" -->   ... and run this command then
    <!-- doc-test: run -->                            run the block as a shell script
    <!-- doc-test: background=hub until="listens" --> run it until the document's end; go on when it has said `listens`
    <!-- doc-test: output -->                         the block is what the last command has printed: its lines, in this
                                                      order, maybe with others between; `...` stands for anything
    <!-- doc-test: output=hub numbers=any -->         ... what `hub` has printed; a number stands for every number
    <!-- doc-test: skip="needs two machines" -->      left alone, and said

With run: `package` makes the installed package be found by CMake and pkg-config, for this block and those behind it.
With run and background: expect="WORDS" (any number of them) must be in what is printed, status=N is the exit status (0).
Every block must have a mark, so that none is untested by accident.

The blocks of a document share a folder, which is theirs alone, and so are network (only loopback) and processes. In PATH
are the program under all its names, `python3` as Debian's, and a `sudo` that just runs its command: all runs as root.
`build/release` and `examples` are there as in the source tree. The package folder is in PYTHONPATH.
"""
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from doc_blocks import DocError, find_blocks, missing_line

DEADLINE = 600  # seconds; reached only if something hangs: some blocks compile
SOURCE = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ["SPIDERLING"]).resolve()
NAMES = ("spiderling", "pspdr", "pathspider", "nd-sniff", "nd-hub", "nd-print", "nd-hubstatus", "nd-hubdetails")


def skip(reason):
    print(f"SKIPPED: {reason}")
    sys.exit(77)


def enter_namespaces():
    """Starts itself anew where ports and processes are its own: what is left over is killed with it."""
    if os.environ.get("SPIDERLING_DOCS") == "inside" and os.getpid() == 1:
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        return
    if os.geteuid() != 0:
        skip("needs root, run the tests with sudo to cover this")
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    if not shutil.which("ip") or not shutil.which("unshare"):
        skip("needs iproute2 and util-linux")
    unshare = ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if subprocess.run([*unshare, "true"], capture_output=True, check=False).returncode != 0:
        skip("cannot make namespaces here")
    os.execvpe("unshare", [*unshare, sys.executable, *sys.argv], {**os.environ, "SPIDERLING_DOCS": "inside"})


class Reader:
    """Does what the document says, block after block."""

    def __init__(self, folder):
        self.folder = folder
        self.work = folder / "work"
        self.work.mkdir()
        (self.work / "build").mkdir()
        (self.work / "build/release").symlink_to(self.make_commands())
        (self.work / "examples").symlink_to(SOURCE / "examples")
        self.environment = {**os.environ, "HOME": str(self.work), "TZ": "UTC", "LC_ALL": "C.UTF-8", "PYTHONUNBUFFERED": "1",
                            "PATH": f"{self.work}/build/release:{os.environ['PATH']}",
                            "PYTHONPATH": str(PROGRAM.parent / "python"), "SOURCE": str(SOURCE), "BUILD": str(PROGRAM.parent)}
        self.last = ""
        self.background = {}

    def make_commands(self):
        commands = self.folder / "commands"
        commands.mkdir()
        for name in NAMES:
            (commands / name).symlink_to(PROGRAM)
        (commands / "python3").symlink_to("/usr/bin/python3")
        (commands / "python").symlink_to(PROGRAM.parent / "python")
        sudo = commands / "sudo"
        sudo.write_text('#!/bin/sh\nexec "$@"\n')
        sudo.chmod(0o755)
        return commands

    def follow(self, block):
        mark = block.mark
        if mark is None:
            raise DocError("has no doc-test mark")
        if "skip" in mark:
            print(f"line {block.line}: left alone: {mark['skip']}")
            return
        for key, mode in (("file", "w"), ("append", "a")):
            if key in mark:
                path = self.work / mark[key]
                path.parent.mkdir(parents=True, exist_ok=True)
                with open(path, mode, encoding="utf-8") as file:
                    file.write(block.text)
        if "package" in mark:
            self.install()
        if "background" in mark:
            self.start(mark, mark["run"] if isinstance(mark.get("run"), str) else block.text)
        elif "run" in mark:
            self.run(mark, block.text if mark["run"] is True else mark["run"])
        elif "output" in mark:
            self.compare(mark, block.text)

    def install(self):
        prefix = self.folder / "prefix"
        if prefix.exists():
            return
        done = subprocess.run(["cmake", "--install", PROGRAM.parent, "--prefix", prefix], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise DocError(f"needs the package, which cannot be installed:\n{done.stdout}{done.stderr}")
        self.environment |= {"CMAKE_PREFIX_PATH": str(prefix), "PKG_CONFIG_PATH": str(prefix / "lib/pkgconfig")}

    def shell(self, script):
        return ["bash", "-euo", "pipefail", "-c", script]

    def run(self, mark, script):
        try:
            done = subprocess.run(self.shell(script), cwd=self.work, env=self.environment, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=DEADLINE, check=False)
        except subprocess.TimeoutExpired as late:
            raise DocError(f"still runs after {DEADLINE} s, and has said:\n{(late.output or b'').decode()}") from None
        self.last = done.stdout.decode(errors="replace")
        if done.returncode != int(mark.get("status", 0)):
            raise DocError(f"ends with status {done.returncode}:\n{self.last}")
        for words in mark["expect"]:
            if words not in self.last:
                raise DocError(f"does not say '{words}', but:\n{self.last}")

    def start(self, mark, script):
        name = mark["background"]
        path = self.folder / f"output-{len(self.background)}"
        with open(path, "wb") as output:
            process = subprocess.Popen(self.shell(script), cwd=self.work, env=self.environment, stdin=subprocess.DEVNULL,
                                       stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
        self.background[name] = (process, path, mark)
        for words in [*mark["expect"], *([mark["until"]] if "until" in mark else [])]:
            self.wait_for(lambda words=words: words in self.said(name) or process.poll() is not None)
            if words not in self.said(name):
                raise DocError(f"does not say '{words}', but:\n{self.said(name)}")

    def said(self, name):
        if name not in self.background:
            raise DocError(f"there is no background command '{name}' before this")
        return self.background[name][1].read_text(encoding="utf-8", errors="replace")

    def compare(self, mark, expected):
        any_numbers = mark.get("numbers") == "any"
        if mark["output"] is True:
            output = self.last
        else:
            self.wait_for(lambda: missing_line(expected, self.said(mark["output"]), any_numbers) is None)
            output = self.said(mark["output"])
        line = missing_line(expected, output, any_numbers)
        if line is not None:
            raise DocError(f"this line is not in the output, or not in this order: {line}\nthe output is:\n{output}")

    @staticmethod
    def wait_for(condition):
        """Its caller looks again, and says what is wrong."""
        end = time.monotonic() + DEADLINE
        while not condition() and time.monotonic() < end:
            time.sleep(0.02)

    def stop_all(self):
        """What ran in the background must not have failed, and must stop when told to."""
        for name, (process, _, mark) in reversed(self.background.items()):
            status = process.poll()
            if status is None:
                os.killpg(process.pid, signal.SIGTERM)
                status = process.wait(DEADLINE)
                allowed = (0, -signal.SIGTERM, 128 + signal.SIGTERM)
            else:
                allowed = (int(mark.get("status", 0)),)
            if status not in allowed:
                raise DocError(f"'{name}' ended with status {status}:\n{self.said(name)}")


def main(document):
    with tempfile.TemporaryDirectory(prefix="docs-") as folder:
        reader = Reader(pathlib.Path(folder))
        line = 0
        try:
            blocks = find_blocks(pathlib.Path(document).read_text(encoding="utf-8"))
            if not blocks:
                raise DocError("there is no code block in it")
            for block in blocks:
                line = block.line
                reader.follow(block)
            reader.stop_all()
        except DocError as problem:
            print(f"{document}:{line}: the block {problem}" if line else f"{document}: {problem}")
            return 1
        print(f"{document}: {len(blocks)} blocks")
        return 0


if __name__ == "__main__":
    enter_namespaces()
    sys.exit(main(sys.argv[1]))
