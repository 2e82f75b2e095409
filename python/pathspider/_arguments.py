"""The options that every model of PATHspider 2 registers for its plugins."""


def add_connect(parser, cls):
    modes = getattr(cls, "connect_supported", None)
    if modes:
        parser.add_argument("--connect", type=str, choices=list(modes), default=modes[0],
                            help=f"What a connection is used for (default: {modes[0]})")


def add_timeout(parser):
    parser.add_argument("--timeout", type=int, default=5, help="Seconds for a connection (default: 5)")


def register(cls, subparsers, timeout=True):
    parser = subparsers.add_parser(cls.name, help=cls.description)
    parser.set_defaults(spider=cls)
    add_connect(parser, cls)
    if timeout:
        add_timeout(parser)
    extra = getattr(cls, "extra_args", None)
    if extra is not None:
        extra(parser)
