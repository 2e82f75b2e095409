"""Connections of the usual kinds: functions (source, job, conn_timeout) that return a connection's record."""


def connect_as(mode, source, job, conn_timeout):
    """The function of a --connect mode, called."""
    if mode == "tcp":
        from pathspider.helpers.tcp import connect_tcp as connect
    elif mode == "http":
        from pathspider.helpers.http import connect_http as connect
    elif mode == "https":
        from pathspider.helpers.http import connect_https as connect
    elif mode == "dnstcp":
        from pathspider.helpers.dns import connect_dns_tcp as connect
    elif mode == "dnsudp":
        from pathspider.helpers.dns import connect_dns_udp as connect
    else:
        raise ValueError(f"there is no connection of type {mode!r}")
    return connect(source, job, conn_timeout)
