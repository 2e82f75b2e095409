"""The fenced code blocks of a Markdown file, with what the comment before each says shall be done with it."""
import re
import shlex

KNOWN = {"file", "append", "run", "background", "until", "expect", "status", "output", "numbers", "package", "skip"}
MARK = re.compile(r"<!--\s*doc-test:(.*?)-->", re.DOTALL)
FENCE = re.compile(r"^(`{3,}|~{3,})\s*([\w+-]*)\s*$")


class DocError(Exception):
    """What is wrong with the document, with its line."""


class Block:
    """A block: its first line's number, language, text; its mark as a dictionary, None where there is no mark."""

    def __init__(self, line, language, text, mark):
        self.line, self.language, self.text, self.mark = line, language, text, mark


def parse_mark(text, line):
    """`file=x.py run="python3 x.py" expect=one expect=two` -> {"file": "x.py", ..., "expect": ["one", "two"]}"""
    mark = {"expect": []}
    try:
        words = shlex.split(text)
    except ValueError as problem:
        raise DocError(f"line {line}: doc-test:{text}: {problem}") from None
    for word in words:
        key, equals, value = word.partition("=")
        if key not in KNOWN:
            raise DocError(f"line {line}: doc-test knows no '{key}'; it knows {', '.join(sorted(KNOWN))}")
        if key == "expect":
            mark["expect"].append(value)
        else:
            mark[key] = value if equals else True
    if not mark.keys() & {"file", "append", "run", "background", "output", "skip"}:
        raise DocError(f"line {line}: a mark without file, append, run, background, output or skip does nothing")
    return mark


def find_blocks(text):
    """All blocks of a document. A mark belongs to the block that comes next, with only blank lines between."""
    blocks = []
    lines = text.split("\n")
    mark = None
    at = 0
    while at < len(lines):
        fence = FENCE.match(lines[at])
        if fence:
            end = at + 1
            while end < len(lines) and lines[end] != fence[1]:
                end += 1
            if end == len(lines):
                raise DocError(f"line {at + 1}: this block never ends")
            body = "".join(line + "\n" for line in lines[at + 1:end])
            blocks.append(Block(at + 1, fence[2], body, mark))
            mark, at = None, end + 1
            continue
        if lines[at].startswith("<!--"):
            comment = lines[at]
            while "-->" not in comment and at + 1 < len(lines):
                at += 1
                comment += "\n" + lines[at]
            found = MARK.match(comment)
            if found:
                mark = parse_mark(found[1], at + 1)
        elif lines[at].strip() and mark is not None:
            raise DocError(f"line {at + 1}: a doc-test mark must stand directly before its block")
        at += 1
    if mark is not None:
        raise DocError("the last doc-test mark has no block")
    return blocks


def missing_line(expected, output, any_numbers=False):
    """The first line of `expected` that is not in `output` behind the ones before it; None: all are there.

    `...` stands for anything in a line; with any_numbers a number stands for every number.
    """
    rest = iter(output.splitlines())
    for line in expected.splitlines():
        if line.strip() in ("", "..."):
            continue
        pattern = re.escape(line.rstrip()).replace(re.escape("..."), ".*")
        if any_numbers:
            pattern = re.sub(r"\d+", r"\\d+", pattern)
        if not any(re.fullmatch(pattern, candidate.rstrip()) for candidate in rest):
            return line
    return None
