"""Checks that includes point upstream only, as tests/layers.txt says, and that no file is too long.

src/FOLDER       itself, include/spiderling, and the folders that layers.txt allows
include/         include/spiderling only
plugins/         its own folder and include/spiderling only; its tests may include src/ too
every C++ file   a warning over 400 lines, a failure over 500

Usage: check.py ROOT
"""
import pathlib
import re
import sys

WARN_LINES, MOST_LINES = 400, 500
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)
LONG_TREES = ("src", "include", "plugins", "tests", "fuzz", "bench", "examples")


def read_layers(path):
    """folder -> set of folders it may include; complains about folders that name one below them."""
    layers, problems = {}, []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        line = line.split("#")[0].strip()
        if not line:
            continue
        folder, _, allowed = line.partition(":")
        allowed = set(layers) if allowed.strip() == "*" else set(allowed.split())
        for name in allowed - set(layers):
            problems.append(f"{path.name}:{number}: {folder} may not name {name}, which is not above it")
        layers[folder] = allowed
    return layers, problems


def cpp_files(tree):
    return sorted(path for path in tree.rglob("*") if path.suffix in (".h", ".cpp") and path.is_file())


def includes(path):
    text = path.read_text(errors="replace")
    for match in INCLUDE.finditer(text):
        yield text.count("\n", 0, match.start()) + 1, match.group(1)


def is_test(path):
    return path.name.endswith("_test.cpp") or path.name.startswith("test_")


def check_src(root, layers):
    src, for_tests = root / "src", layers.get("tests", set())
    for path in cpp_files(src):
        folder = path.relative_to(src).parts[0]
        if folder not in layers:
            yield f"{path.relative_to(root)}: the folder {folder} is not in tests/layers.txt"
            continue
        allowed = layers[folder] | {folder, "spiderling"} | (for_tests if is_test(path) else set())
        for line, name in includes(path):
            where = f"{path.relative_to(root)}:{line}"
            first = name.split("/")[0]
            base = root / "include" if first == "spiderling" else src
            if not (base / name).is_file():
                yield f'{where}: "{name}" is not under src/ or include/: write the path from there'
            elif first not in allowed:
                yield f'{where}: {folder} may not include "{name}" (see tests/layers.txt)'


def check_include(root):
    for path in cpp_files(root / "include"):
        for line, name in includes(path):
            if not (root / "include" / name).is_file():
                yield f'{path.relative_to(root)}:{line}: a public header may not include "{name}"'


def check_plugins(root):
    for path in cpp_files(root / "plugins"):
        for line, name in includes(path):
            public = (root / "include" / name).is_file()
            own = (path.parent / name).is_file() and "/" not in name
            in_src = (root / "src" / name).is_file()
            if not (public or own or (in_src and is_test(path))):
                yield f'{path.relative_to(root)}:{line}: a plugin may not include "{name}", only include/spiderling'


def check_length(root):
    for tree in LONG_TREES:
        for path in cpp_files(root / tree) + sorted((root / tree).rglob("*.py")):
            lines = path.read_text(errors="replace").count("\n")
            if lines > MOST_LINES:
                yield f"{path.relative_to(root)}: {lines} lines; {MOST_LINES} is the most: make it two files"
            elif lines > WARN_LINES:
                print(f"warning: {path.relative_to(root)}: {lines} lines; aim under {WARN_LINES}")


def main():
    root = pathlib.Path(sys.argv[1]).resolve()
    layers, problems = read_layers(root / "tests" / "layers.txt")
    files = len(cpp_files(root / "src"))
    problems += [*check_src(root, layers), *check_include(root), *check_plugins(root), *check_length(root)]
    for problem in problems:
        print(problem)
    print(f"{files} files in src/, {len(problems)} problems")
    return 1 if problems or files == 0 else 0


sys.exit(main())
