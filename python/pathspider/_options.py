"""A plugin's options: declared with argparse, given on the command line of `measure`."""
import argparse
import re

_OF_MEASURE = {"connect", "timeout"}  # destinations that the program fills by itself


class BadOptions(Exception):
    """What argparse would have said before it ended the program."""
    _speaks_for_itself = True  # is shown as it is


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that never ends the program."""

    def error(self, message):
        raise BadOptions(message)

    def exit(self, status=0, message=None):
        raise BadOptions((message or "the plugin's options end the program").strip())


class Subparsers:
    """What register_args() of a plugin is given."""

    def __init__(self):
        self.added = []  # (name, help, parser)

    def add_parser(self, name, **how):
        meaning = how.pop("help", None)
        how.pop("aliases", None)
        parser = Parser(**{**how, "prog": name, "add_help": False})
        self.added.append((name, meaning or how.get("description") or "", parser))
        return parser


def _is_ours(action):
    return action.dest in _OF_MEASURE or isinstance(action, argparse._HelpAction)


_WORD = r"[^-!\s=:{}][^\s=:{}]*"


def is_word(text):
    """It can be the name of a measurement, or of an option, on the command line."""
    return isinstance(text, str) and re.fullmatch(_WORD, text) is not None


def _can_be_given(string):
    """-h and --help are for help."""
    return string not in ("-h", "--help") and re.fullmatch(rf"-[^-!\s=:{{}}]|--{_WORD}", string) is not None


def _help(parser, action):
    if action.help in (None, argparse.SUPPRESS):
        return ""
    try:
        return parser._get_formatter()._expand_help(action)
    except (KeyError, TypeError, ValueError):  # a % that means itself: argparse looks at it only when it is asked for help
        return str(action.help)


def _meaning(parser, action):
    text = _help(parser, action)
    if action.choices is not None and len(list(action.choices)) <= 12 and not all(str(one) in text for one in action.choices):
        text += f" ({', '.join(map(str, action.choices))})"
    if action.default not in (None, False, [], argparse.SUPPRESS) and "efault" not in text and str(action.default) not in text:
        text += f" (default: {action.default})"
    return text.strip()


def positionals(parser):
    return [action.metavar or action.dest for action in parser._actions if not action.option_strings and action.nargs != "*"]


class Option:
    """One action of argparse, as the command line of `measure` has it."""

    def __init__(self, parser, action, strings):
        self.strings = sorted(strings, key=lambda one: (not one.startswith("--"), -len(one)))
        self.name = self.strings[0].lstrip("-")
        if not is_word(self.name) or self.name in ("h", "help"):
            raise ValueError(f"the option {self.strings[0]!r} cannot be one of `measure`")
        self.also = ",".join(one for one in self.strings if one != f"--{self.name}" and _can_be_given(one))
        self.meaning = _meaning(parser, action)
        self.flag = action.nargs == 0
        self.values = {None: 1, "?": 1}.get(action.nargs, action.nargs if isinstance(action.nargs, int) else 0)

    def words(self, given):
        """What argparse reads for these values; True for a flag."""
        if self.flag:
            return [self.strings[0]] if given else []
        if self.values == 1:
            long = self.strings[0].startswith("--")
            return [word for one in given for word in ([f"{self.strings[0]}={one}"] if long else [self.strings[0], one])]
        size = self.values or len(given) or 1
        chunks = [given[at:at + size] for at in range(0, len(given), size)]
        return [word for chunk in chunks for word in (self.strings[0], *chunk)]


def options_of(parser):
    options = []
    for action in parser._actions:
        if _is_ours(action) or not action.option_strings:
            continue
        if isinstance(action, argparse.BooleanOptionalAction):
            options += [Option(parser, action, [one]) for one in action.option_strings if one.startswith("--")]
        else:
            options.append(Option(parser, action, action.option_strings))
    return options


def parse(parser, options, given):
    """The Namespace; `given`: the values of each option, in their order. Raises BadOptions."""
    words = [word for option, values in zip(options, given) for word in option.words(values)]
    return parser.parse_args(words)
