"""What can be wrong."""


class NetDumplingsError(Exception):
    """The base of all that this package raises on its own account."""


class InvalidDumpling(NetDumplingsError):
    """A text is no dumpling: not JSON, or something that every dumpling has is missing or of another type."""


class InvalidDumplingPayload(NetDumplingsError):
    """JSON has no way to say this payload."""
