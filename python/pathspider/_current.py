"""Which connection this thread makes: set by the engine's side around a plugin's functions."""
import threading

_here = threading.local()
user_agent = "spiderling"  # as the run says it; with --contact it names who measures


def worker():
    """The engine's worker of this thread's connection; None outside of connect()."""
    return getattr(_here, "worker", None)


def prepared():
    """What pre_connect() of this thread's job returned."""
    return getattr(_here, "prepared", None)


class working:
    """While it lasts, `worker()` and `prepared()` are these."""

    def __init__(self, native, prepared_job):
        self.native, self.prepared_job = native, prepared_job

    def __enter__(self):
        _here.worker, _here.prepared = self.native, self.prepared_job

    def __exit__(self, *failure):
        _here.worker = _here.prepared = None
