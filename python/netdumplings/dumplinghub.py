"""The hub: starts the program nd-hub."""
import collections
import json
import logging
import os
import shutil
import subprocess
import sys
import threading

from ._shared import HUB_HOST, HUB_IN_PORT, HUB_OUT_PORT, HUB_STATUS_FREQ
from .exceptions import NetDumplingsError

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_STOP_TIMEOUT = 10  # seconds
# Becomes the program, which the kernel tells to end when the thread that started it does, however that ends. It is a Python
# of its own, since Popen's preexec_fn is not for programs with threads.
_END_WITH_PARENT = """
import ctypes, os, signal, sys
parent, command = int(sys.argv[1]), sys.argv[2:]
set_death_signal = 1
ctypes.CDLL(None).prctl(set_death_signal, signal.SIGTERM, 0, 0, 0)
if os.getppid() != parent:
    sys.exit(1)  # it has ended meanwhile
os.execv(command[0], command)
"""


class DumplingHub:
    """Takes dumplings from kitchens and gives each to every eater. run() blocks until stop(), SIGINT or SIGTERM.

    address, in_port, out_port  where it listens: kitchens come to in_port, eaters to out_port; port 0: a free one
    status_freq                 seconds between two dumplings about its own state
    program                     the program nd-hub, or spiderling; None: $SPIDERLING, or what is found on PATH
    options                     further options of that program, as ("--token-file", "hub.token")

    What the program logs comes out of the logger `netdumplings.dumplinghub`.
    """

    def __init__(self, address=HUB_HOST, in_port=HUB_IN_PORT, out_port=HUB_OUT_PORT, status_freq=HUB_STATUS_FREQ, *,
                 program=None, options=()):
        self.address = address
        self.in_port = in_port
        self.out_port = out_port
        self.status_freq = status_freq
        self.program = program
        self.options = tuple(options)
        self.listening = threading.Event()  # set while it takes connections; the ports are then the real ones
        self._logger = logging.getLogger(__name__)
        self._process = None
        self._stopping = False
        self._last_words = collections.deque(maxlen=5)

    def __repr__(self):
        return (f"{type(self).__name__}(address={self.address!r}, in_port={self.in_port!r}, out_port={self.out_port!r}, "
                f"status_freq={self.status_freq!r})")

    def run(self):
        """Raises NetDumplingsError if the hub cannot start, or ends by itself."""
        self._stopping, self._process = False, None
        self._process = self._start()
        reader = threading.Thread(target=self._relay_log, args=(self._process.stderr,), daemon=True)
        reader.start()
        if self._stopping:  # meanwhile
            self.stop()
        try:
            status = self._process.wait()
        except BaseException as interruption:
            self.stop()
            if not isinstance(interruption, KeyboardInterrupt):
                raise
            self._logger.warning("Caught keyboard interrupt; the hub ends")
            status = 0
        finally:
            reader.join()
            self.listening.clear()
        if status != 0 and not self._stopping:
            raise NetDumplingsError(f"Cannot instantiate dumpling hub: {'; '.join(self._last_words) or f'exit status {status}'}")
        self._logger.info("Dumpling hub signing off.")

    def stop(self):
        """Ends a run() that has begun. From any thread."""
        self._stopping = True
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(_STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _start(self):
        command = [*self._command(), "--address", self.address, "--in-port", str(self.in_port), "--out-port", str(self.out_port),
                   "--status-freq", str(self.status_freq), "--log-format", "json", *map(str, self.options)]
        if sys.platform.startswith("linux"):
            command = [sys.executable, "-I", "-S", "-c", _END_WITH_PARENT, str(os.getpid()), *command]
        try:
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace")
        except OSError as problem:
            raise NetDumplingsError(f"Cannot instantiate dumpling hub: {problem}") from None

    def _command(self):
        program = self.program or os.environ.get("SPIDERLING") or shutil.which("nd-hub") or shutil.which("spiderling")
        if program is not None and shutil.which(program) is None:
            raise NetDumplingsError(f"Cannot instantiate dumpling hub: {program} is no program")
        if program is None:
            raise NetDumplingsError("Cannot instantiate dumpling hub: there is no program nd-hub on PATH; `program` or the "
                                    "environment's SPIDERLING may name it")
        program = os.path.abspath(shutil.which(program))
        return [program] if os.path.basename(program) == "nd-hub" else [program, "hub"]

    def _relay_log(self, lines):
        with lines:
            for line in lines:
                self._relay(line)

    def _relay(self, line):
        try:
            event = json.loads(line)
            level, text = _LEVELS[event.pop("level")], event.pop("event")
            event.pop("time", None)
        except (ValueError, KeyError, AttributeError):
            level, text, event = logging.ERROR, line.strip(), {}
        if text == "hub listens":
            self.in_port, self.out_port = event.get("in_port", self.in_port), event.get("out_port", self.out_port)
            self.listening.set()
        text = " ".join([text, *(f"{key}={value}" for key, value in event.items())])
        if level >= logging.ERROR:
            self._last_words.append(text)
        self._logger.log(level, "%s", text)
