"""Jobs as plugins of each age take them."""
import json

_OF_THE_TARGET = {"dip", "dp"}  # who is asked


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


def _job_of(members, dip, dp):
    return {**json.loads("{" + members + "}"), "dip": dip, "dp": dp}


class JobState:
    """One job while its connections are made: its plugin may keep things in it from one to the next."""

    def __init__(self, members, dip, dp, line, listed):
        job = _job_of(members, dip, dp)
        self.job = ListedJob(job) if listed else job
        self.members = members
        self.dip, self.dp = dip, dp
        self.line = line
        self.prepared = None    # what pre_connect() returned
        self.variables = {}     # `job_variables` of some plugins

    def members_now(self, as_json):
        """The job's members with what the plugin has put into it since, as JSON without braces; empty: nothing. `as_json`: of
        a dictionary those members that can be said, as JSON. Target and port stay, and so does what the plugin took out."""
        came, now = _job_of(self.members, self.dip, self.dp), self.job.copy()
        changed = {name: value for name, value in now.items()
                   if name not in _OF_THE_TARGET and not (name in came and _is_same(came[name], value))}
        text = as_json(changed)[1:-1]
        if not text:
            return ""
        if came.keys().isdisjoint(changed):
            return f"{self.members}, {text}"  # to the letter what it came with
        return json.dumps({**json.loads("{" + self.members + "}"), **json.loads("{" + text + "}")})[1:-1]


def _is_same(one, other):
    return one is other or (type(one) is type(other) and one == other)
