"""Requests of HTTP. With options of curl they are made by pycurl, which must be installed for that."""
import http.client
import io
import ssl
import time

from pathspider import _current
from pathspider.base import CONN_FAILED, CONN_OK, CONN_TIMEOUT
from pathspider.helpers.tcp import open_tcp, set_time_left

MOST_BODY = 1 << 20  # bytes of an answer that are kept


class _Until(io.RawIOBase):
    """What a socket receives up to a moment, however little comes at a time."""

    def __init__(self, sock, deadline):
        self._sock, self._deadline = sock, deadline

    def readable(self):
        return True

    def readinto(self, buffer):
        set_time_left(self._sock, self._deadline)
        return self._sock.recv_into(buffer)


class _Conversation:
    """A socket as http.client uses it: all that comes has one deadline."""

    def __init__(self, sock, deadline):
        self.sendall = sock.sendall
        self._received = io.BufferedReader(_Until(sock, deadline))

    def makefile(self, mode):
        return self._received

    def close(self):
        """Who has opened the socket closes it."""


class _Kept(io.BytesIO):
    """The first MOST_BODY bytes of what is written; of more, curl is told to end."""

    def write(self, data):
        room = MOST_BODY - self.tell()
        return super().write(data[:room])

    def is_full(self):
        return self.tell() == MOST_BODY


def connect_http(source, job, conn_timeout, curlopts=None, curlinfos=None):
    """One request for `/`, to the job's domain if it has one, at its address."""
    if curlopts or curlinfos:
        return _by_curl("http", source, job, conn_timeout, dict(curlopts or {}), curlinfos)
    return _by_ourselves(source, job, conn_timeout, None)


def connect_https(source, job, conn_timeout, curlopts=None, curlinfos=None):
    """The same inside TLS. Certificates are not verified: that is not what is measured."""
    if curlopts or curlinfos:
        return _by_curl("https", source, job, conn_timeout, dict(curlopts or {}), curlinfos)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return _by_ourselves(source, job, conn_timeout, context)


def _host(job):
    domain = job.get("domain")
    if domain:
        return domain
    return f"[{job['dip']}]" if ":" in job["dip"] else job["dip"]


def _by_ourselves(source, job, conn_timeout, tls):
    deadline = None if conn_timeout is None else time.monotonic() + conn_timeout
    opened = open_tcp(source, job, conn_timeout)
    if opened.sock is None:
        return opened.record()
    sock = opened.sock
    try:
        if tls is not None:
            sock = tls.wrap_socket(sock, server_hostname=job.get("domain") or None)
        return {**opened.record(), **_ask(sock, job, tls is not None, deadline)}
    except OSError as problem:
        return {"sp": opened.sp, "spdr_state": CONN_TIMEOUT if isinstance(problem, TimeoutError) else CONN_FAILED}
    except (http.client.HTTPException, ValueError):
        return {"sp": opened.sp, "spdr_state": CONN_FAILED}
    finally:
        sock.close()


def _ask(sock, job, tls, deadline):
    port = int(job["dp"])
    host = _host(job)
    asking = http.client.HTTPConnection(host, port)
    asking.sock = _Conversation(sock, deadline)
    usual = port == (443 if tls else 80)
    asking.putrequest("GET", "/", skip_host=True, skip_accept_encoding=True)
    asking.putheader("Host", host if usual else f"{host}:{port}")
    asking.putheader("User-Agent", _current.user_agent)
    asking.putheader("Accept", "*/*")
    asking.putheader("Connection", "close")
    asking.endheaders()
    with asking.getresponse() as answer:
        body = _body(answer)
    version = "1.0" if answer.version == 10 else "1.1"
    lines = [f"HTTP/{version} {answer.status} {answer.reason}", *(f"{name}: {value}" for name, value in answer.getheaders())]
    return {"http_response_code": answer.status, "http_response_header": "\r\n".join(lines) + "\r\n\r\n",
            "http_response_body": body.decode("utf-8", "replace"), "http_info": {}}


def _body(answer):
    body = bytearray()
    while len(body) < MOST_BODY:
        more = answer.read1(MOST_BODY - len(body))
        if not more:
            break
        body += more
    return body


def _perform(asking, pycurl, body):
    try:
        asking.perform()
    except pycurl.error as problem:
        if not (problem.args[:1] == (pycurl.E_WRITE_ERROR,) and body.is_full()):
            raise


def _by_curl(scheme, source, job, conn_timeout, curlopts, curlinfos):
    import pycurl
    address = f"[{job['dip']}]" if ":" in job["dip"] else job["dip"]
    port = int(job["dp"])
    header, body = _Kept(), _Kept()
    curlopts.setdefault(pycurl.URL, f"{scheme}://{_host(job)}:{port}/")
    curlopts.setdefault(pycurl.USERAGENT, _current.user_agent)
    if scheme == "https":
        curlopts.setdefault(pycurl.SSL_VERIFYHOST, 0)
        curlopts.setdefault(pycurl.SSL_VERIFYPEER, 0)
    own = source[1 if ":" in job["dip"] else 0] if source else None
    if own is not None:
        curlopts.setdefault(pycurl.INTERFACE, own)
    if conn_timeout is not None:
        curlopts[pycurl.TIMEOUT_MS] = max(1, int(conn_timeout * 1000))
    curlopts.update({pycurl.CONNECT_TO: [f"::{address}:{port}"], pycurl.HEADERFUNCTION: header.write, pycurl.WRITEFUNCTION: body.write,
                     pycurl.FRESH_CONNECT: 1, pycurl.FORBID_REUSE: 1, pycurl.NOSIGNAL: 1})
    asking = pycurl.Curl()
    try:
        for option, value in curlopts.items():
            asking.setopt(option, value)
        _perform(asking, pycurl, body)
        return {"sp": asking.getinfo(pycurl.LOCAL_PORT), "spdr_state": CONN_OK,
                "http_response_code": asking.getinfo(pycurl.RESPONSE_CODE),
                "http_response_header": header.getvalue().decode("utf-8", "replace"),
                "http_response_body": body.getvalue().decode("utf-8", "replace"),
                "http_info": {one: asking.getinfo(one) for one in curlinfos or ()}}
    except TypeError:
        return {"sp": 0, "spdr_state": CONN_FAILED}
    except pycurl.error as problem:
        timed_out = problem.args[:1] == (pycurl.E_OPERATION_TIMEDOUT,)
        return {"sp": max(0, asking.getinfo(pycurl.LOCAL_PORT)), "spdr_state": CONN_TIMEOUT if timed_out else CONN_FAILED}
    finally:
        asking.close()
