"""The command line, which the program `spiderling` has; here for what imported it."""
import os
import shutil
import sys


def _program():
    for name in (os.environ.get("SPIDERLING"), "pspdr", "spiderling"):
        found = name and shutil.which(name)
        if found:
            return found
    raise FileNotFoundError("the program spiderling is not on PATH")


def run(words):
    """Runs `pspdr WORDS...` in place of this process."""
    program = _program()
    os.execv(program, [program, *words])


def handle_args(argv):
    run(list(argv[1:]))


def handle_args_wrapper():
    handle_args(sys.argv)
