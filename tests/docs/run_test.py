"""The reader of documents itself: that it does what marks say, and that nothing that is wrong passes."""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent


def read(document):
    """(exit status, output) of run.py for a document of this text."""
    with tempfile.NamedTemporaryFile("w", suffix=".md", encoding="utf-8") as file:
        file.write(document)
        file.flush()
        done = subprocess.run([sys.executable, HERE / "run.py", file.name], capture_output=True, text=True, timeout=300,
                              check=False)
    return done.returncode, done.stdout + done.stderr


def block(mark, text, language="sh"):
    return f"<!-- doc-test: {mark} -->\n```{language}\n{text}\n```\n\n"


class ReadsDocuments(unittest.TestCase):
    def passes(self, *blocks):
        status, output = read("# Title\n\n" + "Some words.\n\n".join(blocks))
        self.assertEqual(status, 0, output)

    def fails(self, why, *blocks):
        status, output = read("# Title\n\n" + "".join(blocks))
        self.assertEqual(status, 1, output)
        self.assertIn(why, output)

    def test_files_and_commands(self):
        self.passes(block("file=deep/a.py", "print('one')", "python"), block("append=deep/a.py", "print(2)", "python"),
                    block("run expect=one", "python3 deep/a.py"), block("output", "one\n2", "text"))
        self.passes(block('file=a.sh run="sh a.sh | tr a-z A-Z" expect=HELLO', "echo hello"))
        self.passes(block("run status=3", "exit 3"), block("run", "sudo true && spiderling --version"))

    def test_runs_as_a_reader_would(self):
        self.passes(block("run expect=packets", "build/release/nd-sniff -i examples/first.pcap --output - -c ARPChef"))
        self.passes(block("run expect=/usr", "python3 -c 'import sys; print(sys.prefix)'"))

    def test_background(self):
        self.passes(block('background=clock until=tick', "echo tick; while sleep 0.05; do echo tock 1; done"),
                    block("output=clock numbers=any", "tick\ntock 20\ntock 3", "text"))
        self.fails("does not say 'tick'", block("background=clock until=tick", "echo never"))
        self.fails("ended with status 4", block("background=clock until=tick", "echo tick; exit 4"),
                   block("run", "sleep 0.5"))

    def test_what_is_wrong_fails(self):
        self.fails("status 1", block("run", "false; true"))
        self.fails("status 1", block("run", "false | true"))
        self.fails("status 0", block("run status=3", "true"))
        self.fails("does not say 'two'", block("run expect=two", "echo one"))
        self.fails("line is not in the output", block("run", "echo one; echo two"), block("output", "two\none", "text"))
        self.fails("line is not in the output", block("run", "echo one"), block("output", "on", "text"))
        self.fails("no doc-test mark", "```sh\ntrue\n```\n")
        self.fails("no background command", block("output=hub", "x", "text"))

    def test_wrong_documents(self):
        self.fails("no code block", "words\n")
        self.fails("knows no 'runs'", block("runs", "true"))
        self.fails("does nothing", block("status=0", "true"))
        self.fails("directly before", "<!-- doc-test: run -->\nwords\n```\ntrue\n```\n")
        self.fails("has no block", "<!-- doc-test: run -->\n")
        self.fails("never ends", "<!-- doc-test: run -->\n```\ntrue\n")
        self.fails("No closing quotation", block('run expect="x', "true"))

    def test_ports_are_its_own(self):
        self.passes(block("background=hub until=listens", "nd-hub"), block("run", "nd-hubdetails >details"),
                    block("run expect=dumplings", "cat details"))


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("SKIPPED: needs root, run the tests with sudo to cover this")
        sys.exit(77)
    unittest.main()
