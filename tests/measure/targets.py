"""Targets of every manner, and what a result says of them.

Usage: targets.py TEST      (the program is $SPIDERLING; exit status 77: not possible here)
"""
import json
import socket
import threading
import time

import network
from network import FAILED, OK, TIMEOUT, Lab, Measure, by, lab, measure, states, sysctl

QUICK = "--linger", "0.1", "--timeout", "20"  # nothing is to time out
SYN_ASKING = 0xC2  # SYN, ECE, CWR


# --- manners that are the point of a test

def garbage(connection):
    network.request_of(connection)
    connection.sendall(bytes(range(256)) * 100)
    network.until_closed(connection)


def other_protocol(connection):
    connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
    network.until_closed(connection)


def close_at_once(connection):
    connection.close()


def close_after_request(connection):
    network.request_of(connection)
    connection.close()


def reset_in_the_head(connection):
    network.request_of(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nServer: ")
    network.reset(connection)


def reset_at_once(connection):
    network.reset(connection)


def end_in_the_head(connection):
    network.request_of(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nServer: ")
    connection.close()


def endless_body(connection):
    network.request_of(connection)
    connection.sendall(b"HTTP/1.1 203 So it is\r\n\r\n")
    while True:
        connection.sendall(b"for ever and " * 1000)


def endless_head(connection):
    network.request_of(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sendall(b"X-Ever: and ever\r\n" * 100)


def redirect(connection):
    network.request_of(connection)
    connection.sendall(b"HTTP/1.1 301 Elsewhere\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n")
    network.until_closed(connection)


def body_that_never_comes(connection):
    network.request_of(connection)
    connection.sendall(b"HTTP/1.1 404 Nothing\r\nContent-Length: 1000\r\n\r\n")
    network.until_closed(connection)


def one_byte_at_a_time(connection):
    network.request_of(connection)
    for byte in b"HTTP/1.1 207 Slowly\r\nContent-Length: 0\r\n\r\n":
        connection.sendall(bytes([byte]))
    network.until_closed(connection)


MANNERS = {
    # name: (state, http_response_code, part of the reason)
    garbage: (FAILED, None, "no HTTP"),
    other_protocol: (FAILED, None, "no HTTP"),
    close_at_once: (FAILED, None, ""),
    close_after_request: (FAILED, None, "closed without an answer"),
    reset_in_the_head: (FAILED, None, ""),
    reset_at_once: (FAILED, None, ""),
    end_in_the_head: (FAILED, None, "middle of the header"),
    endless_body: (OK, 203, ""),
    endless_head: (FAILED, None, "a header without end"),
    redirect: (OK, 301, ""),
    one_byte_at_a_time: (OK, 207, ""),
    network.polite: (OK, 200, ""),
}


def manners():
    """Nothing here takes as long as the time-out, and whoever sends for ever is not listened to for ever."""
    place = Lab()
    ports = {place.serve(manner): manner for manner in MANNERS}
    jobs = [{"dip": place.targets("clean", version), "dp": port, "version": version} for version in (4, 6) for port in ports]
    jobs.append({"dip": place.targets("clean", 4), "dp": 1, "version": 4})  # nobody listens there
    results, said = measure(jobs, *QUICK, "--output-flows", "ecn")
    assert len(results) == len(jobs), said
    for result in results:
        if result["dp"] == 1:
            assert states(result) == [FAILED, FAILED] and result["conditions"] == ["ecn.connectivity.offline"], result
            continue
        manner = ports[result["dp"]]
        state, code, reason = MANNERS[manner]
        for flow in result["flow_results"]:
            told = manner.__name__, result["version"], flow
            assert flow["spdr_state"] == state and flow.get("http_response_code") == code, told
            assert reason in flow.get("spdr_reason", ""), told
            assert flow["observed"] and flow["tcp_synflags_rev"] is not None, told
        connectivity = "ecn.connectivity.works" if state == OK else "ecn.connectivity.offline"
        assert connectivity in result["conditions"], (manner.__name__, result)
    # With less to do, a connection is enough.
    patient = [port for port, manner in ports.items() if manner is not reset_at_once]  # it may be faster than connect()
    results, _ = measure([{"dip": place.targets("clean", 4), "dp": port} for port in patient], *QUICK, "--output-flows", "ecn", "--connect", "tcp")
    assert all(states(result) == [OK, OK] and "http_response_code" not in result["flow_results"][0] for result in results), results


def the_silent_delay_nobody():
    """All others' results are there while one is still waited for, even where few are worked on at a time."""
    place = Lab()
    released = threading.Event()

    def mute(connection):
        network.request_of(connection)
        released.wait()
        connection.sendall(b"HTTP/1.1 200 At last\r\nContent-Length: 0\r\n\r\n")
        network.until_closed(connection)

    port, lingering = place.serve(mute), place.serve(body_that_never_comes)
    addresses = place.targets("clean", 4, 200) + place.targets("clean", 6, 200)
    jobs = [{"dip": addresses[0], "dp": port, "who": "mute"}, {"dip": addresses[200], "dp": lingering, "who": "lingering"}]
    jobs += [{"dip": address, "dp": 80, "who": address} for address in addresses[1:200] + addresses[201:]]
    with Measure("--linger", "0.1", "--timeout", "3600", "--output-flows", "-w", "3", "ecn") as running:
        running.tell(jobs)
        running.wait_for_results(len(jobs) - 2)
        found = by("who", running.results())
        assert "mute" not in found and "lingering" not in found
        assert all("ecn.connectivity.works" in result["conditions"] for result in found.values())
        released.set()
        running.wait_for_results(len(jobs) - 1)
        mute_result = by("who", running.results())["mute"]
        assert [flow["http_response_code"] for flow in mute_result["flow_results"]] == [200, 200], mute_result


def time_is_up():
    """Whoever says nothing costs the time-out, once for both connections."""
    place = Lab('[[host]]\nbox = "clean"\n[[host]]\nbox = "silent"\n')
    holding, partly = place.serve(network.silent), place.serve(body_that_never_comes)
    jobs = [{"dip": place.targets("clean", 4), "dp": holding, "who": "holding"}, {"dip": place.targets("silent", 6), "who": "silent"},
            {"dip": place.targets("clean", 6), "dp": partly, "who": "partly"}]
    began = time.monotonic()
    found = by("who", measure(jobs, "--linger", "0.1", "--output-flows", "ecn", "--timeout", "4")[0])
    assert time.monotonic() - began >= 4
    for who in ("holding", "silent"):
        assert states(found[who]) == [TIMEOUT, TIMEOUT], found[who]
        assert found[who]["conditions"] == ["ecn.connectivity.offline"], found[who]
        assert all(flow["observed"] for flow in found[who]["flow_results"]), found[who]
    assert [flow["tcp_connected"] for flow in found["holding"]["flow_results"]] == [True, True]
    assert [flow["tcp_connected"] for flow in found["silent"]["flow_results"]] == [False, False]
    assert states(found["partly"]) == [OK, OK], "what was asked for has come"
    assert [flow["http_response_code"] for flow in found["partly"]["flow_results"]] == [404, 404]


# --- the original's false "works"

def false_works():
    """A box drops SYNs that ask for ECN; the kernel retreats, and connect() succeeds."""
    place = Lab('[[host]]\nbox = "clean"\n[[host]]\nbox = "ecn-syn-dropped"\n')
    # What PATHspider did, and concluded: both connections stand, so ECN works.
    target = place.targets("ecn-syn-dropped", 4)
    kept = sysctl("net.ipv4.tcp_ecn"), sysctl("net.ipv4.tcp_ecn_fallback")
    stands = []
    for value in (2, 1):
        sysctl("net.ipv4.tcp_ecn", value)
        sysctl("net.ipv4.tcp_ecn_fallback", 1)
        stands.append(socket.create_connection((target, 80), network.DEADLINE))
    assert len(stands) == 2, "this is where the original says ecn.connectivity.works"
    sysctl("net.ipv4.tcp_ecn", kept[0])
    sysctl("net.ipv4.tcp_ecn_fallback", kept[1])

    jobs = [{"dip": place.targets(host, version), "who": f"{host} {version}"}
            for host in ("clean", "ecn-syn-dropped") for version in (4, 6)]
    for configure in ("socket", "host"):
        how = "--output-flows", "--linger", "0.1", "--configure", configure, "ecn"
        found = by("who", measure(jobs, *how, "--fallback", "--timeout", "20")[0])
        for version in (4, 6):
            seen = found[f"ecn-syn-dropped {version}"]
            a, b = seen["flow_results"]
            assert seen["conditions"] == ["ecn.fallback.seen"], seen
            assert states(seen) == [OK, OK], "connect() succeeded: by this alone it would work"
            assert b["tcp_synflags_fwd"] == SYN_ASKING and b["syn_ecn_retreat_fwd"] is True and b["syn_count_fwd"] >= 2, b
            assert a["tcp_synflags_fwd"] == 2 and a["syn_ecn_retreat_fwd"] is False, a
        found |= {f"{who}, strict": one for who, one in by("who", measure(jobs, *how, "--timeout", "4")[0]).items()}
        for version in (4, 6):
            seen = found[f"ecn-syn-dropped {version}, strict"]
            assert seen["conditions"] == ["ecn.connectivity.broken"] and states(seen) == [OK, TIMEOUT], seen
            b = seen["flow_results"][1]
            assert b["tcp_synflags_fwd"] == SYN_ASKING and b["syn_ecn_retreat_fwd"] is False and b["syn_count_fwd"] >= 2, b
            for who in (f"clean {version}", f"clean {version}, strict"):
                assert found[who]["conditions"][:2] == ["ecn.connectivity.works", "ecn.negotiation.succeeded"], found[who]


# --- the whole, held against the truth

CHECKED_BY_TCP = """
[[host]]
box = "clean"
count = 20
ecn = ["ecn.connectivity.works", "ecn.negotiation.succeeded", "ecn.ipmark.*"]
[[host]]
box = "ecn-syn-dropped"
count = 2
ecn = ["ecn.connectivity.broken"]
[[host]]
box = "ecn-reflected"
count = 5
ecn = ["ecn.connectivity.works", "ecn.negotiation.reflected", "ecn.ipmark.*"]
[[host]]
box = "ecn-refused"
count = 5
ecn = ["ecn.connectivity.works", "ecn.negotiation.failed", "ecn.ipmark.*"]
[[host]]
name = "tls"
box = "clean"
port = 443
count = 5
ecn = ["ecn.connectivity.works", "ecn.negotiation.succeeded", "ecn.ipmark.*"]
[[host]]
box = "rst"
count = 5
ecn = ["ecn.connectivity.offline"]
[[host]]
box = "silent"
count = 2
ecn = ["ecn.connectivity.offline"]
"""
CHECKED_BY_HTTPS = CHECKED_BY_TCP.replace("count =", "port = 443\ncount =").replace("port = 443\nport = 443", "port = 443")


def check(path, *words, up=None):
    """`lab check`: it must find the truth."""
    verdict = json.loads(lab("check", path, "--json", *(["--keep"] if up else []), *words))
    assert verdict["all_right"] and verdict["targets"] == verdict["results"] > 0, verdict


def check_in_random_order():
    check("ecn", "--", "--interleave", "random", "--timeout", "4")


def check_configuring_the_host():
    names = "net.ipv4.tcp_ecn", "net.ipv4.tcp_ecn_fallback"
    lab("up", "ecn")
    before = lab("exec", "ecn", "--", "sysctl", *names), lab("exec", "ecn", "--", "sysctl", "-a", "--pattern", "^net")
    check("ecn", "--", "--configure", "host", "--timeout", "4", up=True)
    after = lab("exec", "ecn", "--", "sysctl", *names), lab("exec", "ecn", "--", "sysctl", "-a", "--pattern", "^net")
    assert before[0] == after[0], (before[0], after[0])
    volatile = ("nf_conntrack_count", "dentry", "random")
    changed = [(a, b) for a, b in zip(before[1].splitlines(), after[1].splitlines(), strict=True)
               if a != b and not any(word in a for word in volatile)]
    assert not changed, changed


def check_with_three_workers():
    check(network.scenario(CHECKED_BY_TCP), "--connect", "http", "--", "-w", "3", "--timeout", "3")


def check_by_tcp():
    check(network.scenario(CHECKED_BY_TCP), "--connect", "tcp", "--", "--timeout", "3")


def check_by_https():
    check(network.scenario(CHECKED_BY_HTTPS), "--connect", "https", "--", "--timeout", "4")


if __name__ == "__main__":
    network.main(globals())
