"""Jobs as plugins of each age take them."""
import json


class ListedJob(list):
    """As PATHspider 1 began: address, port, name, rank, by position; by name too, as it went on."""

    _NAMES = ("dip", "dp", "domain", "rank")

    def __init__(self, members):
        super().__init__(members.get(name) for name in self._NAMES)
        self._members = dict(members)

    def __getitem__(self, which):
        return self._members[which] if isinstance(which, str) else super().__getitem__(which)

    def __setitem__(self, which, value):
        if isinstance(which, str):
            self._members[which] = value
        else:
            super().__setitem__(which, value)

    def __contains__(self, what):
        return what in self._members or super().__contains__(what)

    def __hash__(self):
        return id(self)

    def get(self, name, default=None):
        return self._members.get(name, default)

    def keys(self):
        return self._members.keys()

    def copy(self):
        return dict(self._members)


class JobState:
    """One job while its connections are made: its plugin may keep things in it from one to the next."""

    def __init__(self, members, dip, dp, line, listed):
        job = json.loads("{" + members + "}")
        job["dip"] = dip
        job["dp"] = dp
        self.job = ListedJob(job) if listed else job
        self.dip = dip
        self.line = line
        self.prepared = None    # what pre_connect() returned
        self.variables = {}     # `job_variables` of some plugins
