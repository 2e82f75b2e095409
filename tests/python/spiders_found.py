"""Plugins of PATHspider in Python: which are found, which are not used and why, and how they are listed.

Usage: spiders_found.py TEST      (the program is $SPIDERLING; exit status 77: not possible here)
"""
import os
import pathlib
import re
import shutil
import tempfile

from spiders import BAD, THIRD_PARTY, ask, jobs_of, measure, network, use
from network import Lab  # its folder is on the path by now


def plugins_that_cannot_be_imported():
    """Each is named with its reason, and the others are there."""
    use(BAD, THIRD_PARTY)
    status, said, wrong = ask("measure", "--help")
    assert status == 0, wrong
    for module, reason in (("unparsable", "invalid syntax"), ("missing", "No module named 'no_such_module_anywhere'"), ("leaving", "I am off"),
                           ("ecn", "nobody may load me")):
        line = [one for one in said.splitlines() if f"pathspider.plugins.{module}: " in one]
        assert len(line) == 1 and reason in line[0], (module, said)
    for name in ("trouble", "configuring", "talkers", "congestion", "oldecn", "segment"):
        assert re.search(rf"^  {name} ", said, re.M), (name, said)
    status, said, wrong = ask("measure", "-i", "lo", "missing")
    assert status == 2 and "no_such_module_anywhere" in wrong, wrong
    status, said, wrong = ask("measure", "-i", "lo", "no_such_plugin")
    assert status == 2 and "no_such_plugin" in wrong, wrong


def one_that_is_named_by_its_module():
    with tempfile.TemporaryDirectory() as folder:
        plugins = pathlib.Path(folder, "pathspider/plugins")
        plugins.mkdir(parents=True)
        shutil.copy(THIRD_PARTY / "pathspider/plugins/notes.py", plugins / "otherwise.py")
        (plugins / "helpers.py").write_text("MOST = 3\n")
        use(folder, BAD)
        status, said, wrong = ask("measure", "-i", "lo", "otherwise")
        assert status == 2 and "pathspider.plugins.otherwise: its plugin is called notes" in wrong, wrong
        assert "unparsable" not in wrong, wrong  # which has nothing to do with it
        status, said, wrong = ask("measure", "-i", "lo", "helpers")
        assert status == 2 and "pathspider.plugins.helpers: there is no plugin in it" in wrong, wrong


def a_package_whose_plugin_is_in_a_module_of_it():
    """It is that package's; what a plugin's module has imported from another is not its own."""
    with tempfile.TemporaryDirectory() as folder:
        package = pathlib.Path(folder, "pathspider/plugins/notes")
        package.mkdir(parents=True)
        shutil.copy(THIRD_PARTY / "pathspider/plugins/notes.py", package / "inside.py")
        (package / "__init__.py").write_text("from .inside import *\nfrom .inside import Notes as Also\n")
        (package.parent / "borrows.py").write_text("from pathspider.plugins.notes import Notes\n")
        use(folder)
        assert "Usage: spiderling measure notes " in ask("measure", "notes", "--help")[1]
        said = ask("measure", "--help")[1]
        assert len(re.findall(r"^  notes ", said, re.M)) == 1 and "cannot be used" not in said, said
        status, _, wrong = ask("measure", "-i", "lo", "borrows")
        assert status == 2 and "pathspider.plugins.borrows: there is no plugin in it" in wrong, wrong


ODD = """
from pathspider.base import PluggableSpider
from pathspider.single import SingleSpider
class Odd(SingleSpider, PluggableSpider):
    name, description, chains = {name!r}, 5, []
    @staticmethod
    def extra_args(parser):
        parser.add_argument(*{option!r})
"""


def names_that_no_command_line_takes():
    """A plugin that has one is not used, and named; the others are there."""
    cases = [(5, ("--x",), "the name of a plugin is a word, not 5"), ("two words", ("--x",), "is a word, not 'two words'"),
             ("-x", ("--x",), "is a word, not '-x'"), ("", ("--x",), "is a word, not ''"),
             ("fine", ("-h",), "the option '-h' cannot be one of `measure`"), ("fine", ("--x y",), "the option '--x y' cannot be")]
    for name, option, reason in cases:
        with tempfile.TemporaryDirectory() as folder:
            plugins = pathlib.Path(folder, "pathspider/plugins")
            plugins.mkdir(parents=True)
            (plugins / "a_first.py").write_text(ODD.format(name=name, option=option))
            shutil.copy(THIRD_PARTY / "pathspider/plugins/notes.py", plugins)
            use(folder)
            status, said, wrong = ask("measure", "--help")
            assert status == 0 and re.search(r"^  notes ", said, re.M), (name, option, said, wrong)
            assert re.search(rf"pathspider.plugins.a_first: .*{re.escape(reason)}", said), (name, option, said)
    with tempfile.TemporaryDirectory() as folder:
        plugins = pathlib.Path(folder, "pathspider/plugins")
        plugins.mkdir(parents=True)
        (plugins / "long.py").write_text(ODD.format(name="long", option=("-long",)))
        use(folder)
        said = ask("measure", "long", "--help")[1]
        assert "--long TEXT" in said and "-long," not in said, said


def of_a_folder_that_others_may_change():
    """They are not used, unless it was named; and it is said."""
    with tempfile.TemporaryDirectory() as folder:
        plugins = pathlib.Path(folder, "pathspider/plugins")
        plugins.mkdir(parents=True)
        shutil.copy(THIRD_PARTY / "pathspider/plugins/notes.py", plugins)
        before = os.getcwd()
        os.chdir(folder)
        use()
        assert "Usage: spiderling measure notes " in ask("measure", "notes", "--help")[1]
        plugins.chmod(0o777)
        status, _, wrong = ask("measure", "-i", "lo", "notes")
        assert status == 2 and "there is no 'notes'" in wrong and "pathspider/plugins: anybody may write to it" in wrong, wrong
        assert "anybody may write to it" in ask("measure", "--help")[1]
        assert "anybody may write to it" in ask("plugins")[1]
        use(".")
        assert "Usage: spiderling measure notes " in ask("measure", "notes", "--help")[1]
        os.chdir(before)


def they_are_listed_by_their_files():
    """Of which none is loaded: one of them ends the program that does."""
    use(BAD, THIRD_PARTY)
    status, said, wrong = ask("plugins")
    assert status == 0 and not wrong, wrong
    for file in (BAD / "pathspider/plugins/leaving.py", THIRD_PARTY / "pathspider/plugins/talkers.py"):
        assert f"  {file}\n" in said, said
    assert "talkers.py" in ask("plugins", "--kind", "measurement")[1] and "talkers.py" not in ask("plugins", "--kind", "chain")[1]


def of_two_of_one_name_the_native_one_wins():
    use(BAD)
    lab = Lab()
    results, said = measure(jobs_of(lab), "ecn", "--connect", "tcp")
    assert len(results) == 6 and all("ecn.connectivity.works" in one["conditions"] for one in results), results
    assert said.count("is not used: there is a native measurement 'ecn'") == 1 and "plugins/ecn.py" in said, said


if __name__ == "__main__":
    network.main(globals())
