"""Runs programs and says what they took. Standard library only."""

import ctypes
import mmap
import os
import re
import statistics
import subprocess
import tempfile
from dataclasses import dataclass


class RunFailed(Exception):
    """A program did not run, or ended with an error."""


@dataclass
class Program:
    """A row of the table: what is run, on which processors."""

    name: str
    command: list
    cpus: str = "0"


@dataclass
class Sample:
    wall: float
    user: float
    system: float
    peak_kib: int

    @property
    def cpu(self):
        return self.user + self.system


def run(build, program):
    """Runs once, output to /dev/null, through build/bench/timed_run."""
    with tempfile.TemporaryDirectory() as folder:
        result = os.path.join(folder, "result")
        launcher = [os.path.join(build, "bench", "timed_run"), result, program.cpus]
        done = subprocess.run(launcher + program.command, cwd=folder, stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace",
                              check=False)
        if done.returncode != 0:
            raise RunFailed(f"{program.name}: {done.stderr.strip() or 'timed_run failed'}")
        with open(result, encoding="ascii") as file:
            wall, user, system, peak, status = file.read().split()
        if status != "0":
            last = "\n".join(done.stderr.strip().splitlines()[-5:])
            raise RunFailed(f"{program.name}: exit status {status}: {' '.join(program.command)}\n{last}")
        return Sample(float(wall), float(user), float(system), int(peak))


def resident_share(path):
    """The share of a file that is in the page cache, 0 to 1."""
    size = os.path.getsize(path)
    if size == 0:
        return 1.0
    page = mmap.PAGESIZE
    pages = (size + page - 1) // page
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
    libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    libc.mincore.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p]
    with open(path, "rb") as file:
        address = libc.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, file.fileno(), 0)
    if address in (None, ctypes.c_void_p(-1).value):
        raise RunFailed(f"cannot map {path}")
    try:
        present = ctypes.create_string_buffer(pages)
        if libc.mincore(address, size, present) != 0:
            raise RunFailed(f"cannot ask what of {path} is in memory")
        return sum(byte & 1 for byte in present.raw) / pages
    finally:
        libc.munmap(address, size)


def warm(path):
    """Reads a file into the page cache and checks that it stayed there: otherwise the disk would be measured."""
    with open(path, "rb", buffering=0) as file:
        while file.read(1 << 24):
            pass
    share = resident_share(path)
    if share < 0.999:
        raise RunFailed(f"only {share:.0%} of {path} stays in memory: too little memory free for this benchmark")


def median(values):
    return statistics.median(values)


def cpu_model():
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            found = re.search(r"^model name\s*:\s*(.+)$", file.read(), re.M)
        return found.group(1).strip() if found else os.uname().machine
    except OSError:
        return os.uname().machine


def memory_gib():
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def machine_line():
    load = os.getloadavg()[0]
    return (f"{cpu_model()}, {len(os.sched_getaffinity(0))} cores, {memory_gib():.0f} GiB, "
            f"Linux {os.uname().release}, load before the run {load:.2f}")
