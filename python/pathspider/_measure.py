"""Plugins, as the engine finds and starts them: src/python/measurement_modules.cpp. Nothing here waits but for the plugin."""
import importlib
import logging
import os
import pkgutil
import reprlib

import _spiderling

from pathspider import _current, _options
from pathspider._run import Run
from pathspider.base import PluggableSpider
from pathspider.desync import DesynchronizedSpider
from pathspider.forge import ForgeSpider
from pathspider.helpers import dns, http, tcp  # noqa: F401 (later, whoever runs this may not be allowed to read them)
from pathspider.single import SingleSpider
from pathspider.sync import SynchronizedSpider

KNOWN_MODES = ("tcp", "http", "https", "dnstcp", "dnsudp", "tcpsyn")


# --- finding plugins

def modules():
    """Names of the modules of pathspider.plugins, wherever on the path they are."""
    package = importlib.import_module("pathspider.plugins")
    return sorted({one.name for one in pkgutil.iter_modules(package.__path__) if not (one.name.startswith("_") or _ships(one))})


def _ships(module):
    """It is one of those of the package itself, whose measurements are native."""
    if not os.path.exists(os.path.join(getattr(module.module_finder, "path", ""), "_shipped.py")):
        return False
    try:
        return bool(_spiderling.Measurement(module.name))
    except ValueError:
        return False


class Misnamed(Exception):
    """A module was named, and not its plugin."""
    _speaks_for_itself = True  # is shown as it is


def find_plugin(name):
    """The plugin of this name: of the module of the same name if it has it. None: there is none. What cannot be imported
    matters only if it may have been the one."""
    names = modules()
    failures = []
    for module in sorted(names, key=lambda one: one != name):
        try:
            found = [plugin for plugin in plugins_of(module) if plugin.name == name]
        except BaseException as problem:  # noqa: B902 (sys.exit is a plugin's failure, and no end of ours)
            if module == name:
                raise
            failures.append((module, problem))
            continue
        if found:
            return found[0]
    if name in names:
        others = ", ".join(plugin.name for plugin in plugins_of(name))
        raise Misnamed(f"its plugin is called {others}" if others else "there is no plugin in it")
    for module, problem in failures:
        logging.getLogger("pathspider").warning("pathspider.plugins.%s cannot be used: %s", module, reason(problem))
    return None


def all_plugins():
    """Every plugin, and (module, reason) of what cannot be used."""
    found, problems = [], []
    for module in modules():
        try:
            found += plugins_of(module)
        except BaseException as problem:  # noqa: B902
            problems.append((module, reason(problem)))
    return found, problems


def plugins_of(module):
    loaded = importlib.import_module(f"pathspider.plugins.{module}")
    plugins = []
    for cls in dict.fromkeys(one for one in vars(loaded).values() if isinstance(one, type)):
        is_own = cls.__module__ == loaded.__name__ or cls.__module__.startswith(loaded.__name__ + ".")  # of a package's module
        if not (is_own and issubclass(cls, PluggableSpider)):
            continue
        subparsers = _options.Subparsers()
        cls.register_args(subparsers)
        plugins += [Plugin(cls, loaded.__name__, *added) for added in subparsers.added]
    return plugins


def reason(problem):
    text = str(problem)
    if isinstance(problem, ImportError) and text:
        return text
    return f"{type(problem).__name__}: {text}" if text else type(problem).__name__


# --- one plugin

class Plugin:
    """A plugin as its command line knows it."""

    def __init__(self, cls, module, name, meaning, parser):
        self.cls = parser.get_default("spider") or cls
        if not _options.is_word(name):
            raise TypeError(f"the name of a plugin is a word, not {reprlib.repr(name)}")
        self.module, self.name, self.description, self.parser = module, name, str(meaning or ""), parser
        self.version = str(getattr(self.cls, "version", "") or "1")
        self.options = _options.options_of(parser)
        unusable = _options.positionals(parser)
        if unusable:
            raise TypeError(f"{name} takes arguments without a name, which `measure` cannot give: {', '.join(unusable)}")
        if not issubclass(self.cls, (SynchronizedSpider, DesynchronizedSpider)):
            raise TypeError(f"{self.cls.__name__} is of none of the models")
        if hasattr(self.cls, "_native"):
            raise TypeError(f"{self.cls.__name__} derives from a plugin that ships, which is native: its combine_flows() can be "
                            "called, but it makes no connections in Python")

    @property
    def model(self):
        for model, base in (("forge", ForgeSpider), ("single", SingleSpider), ("desync", DesynchronizedSpider)):
            if issubclass(self.cls, base):
                return model
        return "sync"

    @property
    def modes(self):
        """What --connect takes, if the engine knows all of it."""
        modes = tuple(getattr(self.cls, "connect_supported", None) or ())
        return modes if all(mode in KNOWN_MODES for mode in modes) else ()

    def start(self, given, run):
        """The run of this plugin; `given`: the values of its options. Raises what the plugin raises."""
        _current.user_agent = run["user_agent"] or _current.user_agent
        try:
            args = _options.parse(self.parser, self.options, given)
        except _options.BadOptions as problem:
            raise _options.BadOptions(f"{self.name}: {problem}") from None
        timeout = run["timeout"]
        args.timeout = int(timeout) if timeout == int(timeout) else timeout
        if getattr(self.cls, "connect_supported", None) and self.modes:
            args.connect = run["mode"]
        for name, value in (("interface", run["interface"]), ("workers", run["workers"]), ("spider", self.cls), ("verbose", False),
                            ("csv_input", False), ("output_flows", False), ("trace", False), ("server_mode", False),
                            ("input", "/dev/stdin"), ("output", "/dev/stdout")):
            if not hasattr(args, name):
                setattr(args, name, value)
        spider = self.cls(run["workers"], f"int:{run['interface']}", args)
        if spider.conn_timeout is None:
            spider.conn_timeout = args.timeout
        if not hasattr(spider, "name"):
            spider.name = self.name
        return Run(self, spider)
