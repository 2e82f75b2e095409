"""How Python comes into the program, and our module into Python."""
import os
import pathlib
import subprocess
import sys
import tempfile

PROGRAM, FOLDER = os.environ["SPIDERLING"], os.environ["SPIDERLING_PYTHON"]
PROBE = """
import sys, _spiderling
print('probe', __name__, _spiderling.__version__, sys.executable, sys.version_info[:2], file=sys.stderr)
"""


def program(*words, cwd=None, **environment):
    env = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}
    return subprocess.run([PROGRAM, *words], cwd=cwd, env=env | environment, text=True, capture_output=True,
                          timeout=60)


def write(folder, name, text):
    path = pathlib.Path(folder) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def both_doors_open(folder):
    probe = write(folder, "probe.py", PROBE)
    inside = program("sniff", "--chef-list", "--chef-module", str(probe))
    assert "probe probe " in inside.stderr, inside
    version = inside.stderr.split("probe probe ")[1].split()[0]
    plain = subprocess.run(["/usr/bin/python3", "-c", "import _spiderling; print(_spiderling.__version__)"], text=True,
                           env=os.environ | {"PYTHONPATH": FOLDER}, capture_output=True, timeout=60)
    assert plain.returncode == 0 and plain.stdout.strip() == version, (plain, version)


def no_python_is_loaded_unasked(folder):
    listed = program("sniff", "--chef-list", LD_DEBUG="files")
    assert listed.returncode == 0 and "PacketCountChef" in listed.stdout, listed
    assert "libpython" not in listed.stderr, "an interpreter is in the process"


def threads_end_before_the_program(folder):
    late = write(folder, "late.py", "import threading, time\n"
                 "threading.Thread(target=lambda: (time.sleep(0.2), print('the thread ends'))).start()\n")
    for module in (str(late), "no_such_module"):  # which loads no threading
        result = program("sniff", "--chef-list", "-m", module)
        assert result.returncode == 0 and "the thread ends" not in result.stdout, result
        assert result.stderr == ("" if module == "no_such_module" else "the thread ends\n"), result


def current_folder_and_pythonpath(folder):
    write(folder, "here/near.py", PROBE)
    write(folder, "there/far.py", PROBE)
    result = program("sniff", "--chef-list", "-m", "near", "-m", "far", "-m", "no_such_module",
                     cwd=f"{folder}/here", PYTHONPATH=f"{folder}/there")
    assert "probe near " in result.stderr and "probe far " in result.stderr, result
    assert "/usr/bin/python3 (3, 11)" in result.stderr, result
    assert "error importing module: No module named 'no_such_module'" in result.stdout, result


def a_virtual_environment_of_another_python(folder):
    probe = write(folder, "probe.py", PROBE)
    write(folder, "venv/pyvenv.cfg", "home = /opt/python/bin\nversion = 3.13.1\n")
    result = program("sniff", "--chef-list", "-m", str(probe), VIRTUAL_ENV=f"{folder}/venv")
    assert "is one of Python 3.13.1, and plugins run in Python 3.11" in result.stdout, result
    assert "probe probe" not in result.stderr, result


def a_virtual_environment_of_ours(folder):
    probe = write(folder, "probe.py", "import only_there\n" + PROBE)
    write(folder, "venv/pyvenv.cfg", "home = /usr/bin\nversion = 3.11.2\n")
    write(folder, "venv/lib/python3.11/site-packages/only_there.py", "")
    result = program("sniff", "--chef-list", "-m", str(probe), VIRTUAL_ENV=f"{folder}/venv")
    assert "probe probe" in result.stderr, result


with tempfile.TemporaryDirectory() as temporary:
    globals()[sys.argv[1]](temporary)
