"""`measure h2` over the lab: with every way to HTTP/2, against servers that have it, that do not, and that misbehave.

Usage: http2.py TEST      (the program is $SPIDERLING; exit status 77: not possible here)
"""
import network
from network import FAILED, OK, Lab, by, measure, states

QUICK = "--linger", "0.1", "--timeout", "20", "--output-flows"  # nothing is to time out
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
H2C = '[[host]]\nbox = "{}"\nport = 8081\ncount = 20\n'


def frame(kind, flags, stream, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


SETTINGS = frame(4, 0, 0)
ANSWER = SETTINGS + frame(1, 5, 1, b"\x88")  # HEADERS with :status 200, the end
SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
IN_HTTP1 = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def asked(jobs, *words):
    results, said = measure(jobs, *QUICK, "h2", *words)
    return by("dip", results), said


def versions(result):
    return [flow.get("http_version") for flow in result["flow_results"]]


def by_prior_knowledge():
    """Where HTTP/2 is spoken at once, and where it is answered in HTTP/1.1."""
    lab = Lab(H2C.format("clean") + H2C.format("h2-refused"))
    jobs = [{"dip": dip, "dp": 8081} for version in (4, 6) for host in ("clean", "h2-refused") for dip in lab.targets(host, version, 20)]
    results, _ = asked(jobs, "--prior-knowledge")
    for version in (4, 6):
        for dip in lab.targets("clean", version, 20):
            assert results[dip]["conditions"] == ["h2.connectivity.works", "h2.upgrade.success"], results[dip]
            assert versions(results[dip]) == ["1.1", "2"], results[dip]
        for dip in lab.targets("h2-refused", version, 20):
            assert results[dip]["conditions"] == ["h2.connectivity.works", "h2.upgrade.failed"], results[dip]
            assert versions(results[dip])[1] in ("1.0", "1.1"), results[dip]


def over_tls():
    """ALPN is told, and the version of TLS."""
    lab = Lab('[[host]]\nbox = "clean"\nport = 443\n[[host]]\nbox = "h2-refused"\nport = 443\n')
    clean, refused = lab.targets("clean", 4), lab.targets("h2-refused", 4)
    results, _ = asked([{"dip": clean}, {"dip": refused}], "--connect", "https")
    assert results[clean]["conditions"] == ["h2.connectivity.works", "h2.upgrade.success"], results[clean]
    assert results[refused]["conditions"] == ["h2.connectivity.works", "h2.upgrade.failed"], results[refused]
    for dip, chosen in ((clean, "h2"), (refused, "http/1.1")):
        a, b = results[dip]["flow_results"]
        assert (a["tls_alpn"], a["http_version"]) == ("http/1.1", "1.1") and b.get("tls_alpn", "http/1.1") == chosen, results[dip]
        assert a["tls_version"] == b["tls_version"] == "TLSv1.3" and b["http_response_code"] == 200, results[dip]


def servers_that_misbehave():
    lab = Lab()

    def answers(upgraded, then=network.until_closed):
        """Good manners towards A; towards B these bytes."""
        def manners(connection):
            request = network.request_of(connection)
            if b"Upgrade: h2c" not in request:
                connection.sendall(IN_HTTP1)
            else:
                connection.sendall(upgraded)
                then(connection)
            connection.close()
        return manners

    def for_ever(connection):
        while True:
            connection.sendall(frame(6, 0, 0, b"12345678") * 1000)

    good, refused, broken = ["h2.connectivity.works", "h2.upgrade.success"], ["h2.connectivity.works", "h2.upgrade.failed"], \
        ["h2.connectivity.broken"]
    cases = ((SWITCHING + ANSWER, network.until_closed, good), (IN_HTTP1, network.until_closed, refused),
             (b"HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n", network.until_closed, refused),
             (SWITCHING + b"\xff" * 1000, network.until_closed, broken), (SWITCHING + IN_HTTP1, network.until_closed, broken),
             (SWITCHING + SETTINGS, network.reset, broken), (SWITCHING, lambda connection: connection.close(), broken),
             (SWITCHING + SETTINGS + frame(7, 0, 0, bytes(8)), network.until_closed, broken),
             (SWITCHING + SETTINGS + frame(3, 0, 1, bytes(4)), network.until_closed, broken), (SWITCHING + SETTINGS, for_ever, broken),
             (b"", lambda connection: connection.close(), broken))
    dips = lab.targets("clean", 4, len(cases))
    jobs = [{"dip": dip, "dp": lab.serve(answers(said, then))} for dip, (said, then, _) in zip(dips, cases, strict=True)]
    results, _ = asked(jobs)
    for dip, (said, _, wanted) in zip(dips, cases, strict=True):
        assert results[dip]["conditions"] == wanted, (said, results[dip])
        assert states(results[dip]) == [OK, FAILED if wanted == broken else OK], (said, results[dip])


def a_contact_is_sent():
    """What HTTP/2 sends is compressed: a unit test reads that."""
    lab = Lab()
    requests = []

    def note(connection):
        requests.append(connection.recv(65536))
        connection.sendall(ANSWER if requests[-1].startswith(PREFACE) else IN_HTTP1)
        network.until_closed(connection)

    dip = lab.targets("clean", 4)
    results, _ = measure([{"dip": dip, "dp": lab.serve(note)}], *QUICK, "--interleave", "in-order", "--contact", "https://example.org/why",
                         "h2", "--prior-knowledge")
    assert results[0]["conditions"] == ["h2.connectivity.works", "h2.upgrade.success"], results
    assert len(requests) == 2 and b"\r\nUser-Agent: spiderling/" in requests[0] and b" (https://example.org/why)\r\n" in requests[0], requests
    assert requests[1].startswith(PREFACE), requests


if __name__ == "__main__":
    network.main(globals())
