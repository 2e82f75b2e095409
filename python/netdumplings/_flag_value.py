"""Flags of a header, for packets that scapy itself has not been asked about."""


class FlagValue:
    """A number whose bits have names: compares with numbers and with names, prints as names, has each as an attribute.

    names: a text of one letter a bit ("FSRPAUECN"), or a list (["MF", "DF", "evil"]); the lowest bit first.
    """

    __slots__ = ("value", "names", "multi")

    def __init__(self, value, names):
        self.names = names
        self.multi = isinstance(names, list)
        self.value = self._number(value)

    def _number(self, other):
        if isinstance(other, str):
            other = (other.split("+") if self.multi else list(other)) if other else []
        if isinstance(other, (list, tuple)):
            return sum({1 << self.names.index(name) for name in other})
        return int(other) if other else 0

    def _with(self, value):
        return FlagValue(value, self.names)

    def __int__(self):
        return self.value

    __index__ = __int__

    def __hash__(self):
        return hash(self.value)

    def __bool__(self):
        return bool(self.value)

    def __eq__(self, other):
        return self.value == self._number(other)

    def __ne__(self, other):
        return self.value != self._number(other)

    def __lt__(self, other):
        return self.value < self._number(other)

    def __le__(self, other):
        return self.value <= self._number(other)

    def __gt__(self, other):
        return self.value > self._number(other)

    def __ge__(self, other):
        return self.value >= self._number(other)

    def __and__(self, other):
        return self._with(self.value & self._number(other))

    def __or__(self, other):
        return self._with(self.value | self._number(other))

    def __xor__(self, other):
        return self._with(self.value ^ self._number(other))

    def __sub__(self, other):
        return self._with(self.value & ~self._number(other))

    __rand__, __ror__, __add__ = __and__, __or__, __or__

    def __lshift__(self, other):
        return self.value << self._number(other)

    def __rshift__(self, other):
        return self.value >> self._number(other)

    def __iter__(self):
        return (name for bit, name in enumerate(self.names) if self.value >> bit & 1)

    def __str__(self):
        return ("+" if self.multi else "").join(self)

    def __repr__(self):
        return f"<Flag {self.value} ({self})>"

    def __getattr__(self, name):
        if name in self.__slots__:  # not set yet
            raise AttributeError(name)
        try:
            return bool(self.value & self._number([name] if self.multi else name))
        except ValueError:
            raise AttributeError(name) from None

    def copy(self):
        return self._with(self.value)

    __copy__ = copy

    def __deepcopy__(self, memo):
        return self.copy()

    def __reduce__(self):
        return type(self), (self.value, self.names)
