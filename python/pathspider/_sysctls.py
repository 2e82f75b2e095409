"""The host's network settings around a run of a plugin that changes them, as the original's do."""
import logging
import os

_FOLDERS = ("net/ipv4", "net/ipv6", "net/core")


def snapshot():
    """Every setting of those folders that can be read and written: path to text."""
    settings = {}
    for folder in _FOLDERS:
        path = os.path.join("/proc/sys", folder)
        for name in sorted(os.listdir(path)) if os.path.isdir(path) else ():
            text = _read(os.path.join(path, name))
            if text is not None:
                settings[os.path.join(path, name)] = text
    return settings


def _read(path):
    try:
        if not os.path.isfile(path) or os.stat(path).st_mode & 0o600 != 0o600:
            return None
        with open(path, encoding="ascii") as file:
            return file.read()
    except (OSError, UnicodeError):
        return None


def put_back(settings):
    """Writes what is not as it was; the names of those, and what could not be written to the log."""
    changed = []
    for path, text in settings.items():
        if _read(path) in (text, None):
            continue
        try:
            with open(path, "w", encoding="ascii") as file:
                file.write(text)
            changed.append(path[len("/proc/sys/"):].replace("/", "."))
        except OSError as problem:
            logging.getLogger("pathspider").error("%s is not as it was before the run: %s", path, problem)
    return changed
