"""Who is let in: addresses, tokens, origins, TLS, numbers of connections.

Usage: access.py CASE      (the program is $SPIDERLING)
"""
import json
import pathlib
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile

from hub_process import PROGRAM, Client, Hub, Refused, dumpling, run_case, wait_for

TOKEN = "0123456789abcdef0123456789abcdef"


class Folder(tempfile.TemporaryDirectory):
    def __init__(self):
        super().__init__(prefix="spiderling-hub-")
        self.path = pathlib.Path(self.name)

    def token_file(self, text=TOKEN, mode=0o600):
        path = self.path / "token"
        path.write_text(text + "\n", encoding="ascii")
        path.chmod(mode)
        return str(path)

    def certificate(self, name="hub"):
        if not shutil.which("openssl"):
            print("SKIPPED: openssl is missing")
            sys.exit(77)
        cert, key = str(self.path / f"{name}.pem"), str(self.path / f"{name}.key")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                        "-keyout", key, "-out", cert], check=True, stderr=subprocess.DEVNULL)
        return cert, key


def refused(port, **more):
    """The status with which an upgrade is refused; 101 if it is not."""
    try:
        Client(port, **more).close()
        return 101
    except Refused as problem:
        return problem.status


def fails(*options):
    done = subprocess.run([PROGRAM, "hub", "--in-port", "0", "--out-port", "0", *options], stderr=subprocess.PIPE,
                          text=True, check=False, timeout=60)
    assert done.returncode == 2 and done.stderr.count("\n") == 1, done
    return done.stderr


def loopback_by_default():
    with Hub() as hub:
        for port in hub.in_port, hub.out_port:
            socket.create_connection(("127.0.0.1", port)).close()
            listening = set()
            for table in "/proc/net/tcp", "/proc/net/tcp6":
                with open(table, encoding="ascii") as file:
                    for line in file.readlines()[1:]:
                        local, state = line.split()[1], line.split()[3]
                        if state == "0A" and int(local.split(":")[1], 16) == port:
                            listening.add(local.split(":")[0])
            assert listening <= {"0100007F", "00000000000000000000000001000000"}, listening


def other_addresses_need_a_token():
    assert "--token-file" in fails("--address", "0.0.0.0")
    assert "--insecure" in fails("--address", "::")
    with Hub("--address", "0.0.0.0", "--insecure") as hub:
        assert refused(hub.in_port) == 101
    folder = Folder()
    with folder, Hub("--address", "0.0.0.0", "--token-file", folder.token_file()) as hub:
        assert refused(hub.in_port) == 401


def token():
    folder = Folder()
    with folder, Hub("--token-file", folder.token_file()) as hub:
        right = {"Authorization": f"Bearer {TOKEN}"}
        for port in hub.in_port, hub.out_port:
            assert refused(port) == 401
            assert refused(port, headers={"Authorization": "Bearer " + TOKEN[:-1]}) == 401
            assert refused(port, headers={"Authorization": "Basic " + TOKEN}) == 401
            assert refused(port, path="/?token=wrong") == 401
            assert refused(port, headers=right) == 101
            assert refused(port, path=f"/?a=b&token={TOKEN}") == 101
        assert hub.http("/healthz") == (200, "ok\n"), "who only looks whether it is there needs none"
        assert hub.http("/status")[0] == 401 and hub.http("/metrics")[0] == 401
        status = json.loads(hub.http("/status", headers=right)[1])
        assert status["rejected_connections"] >= 10
        assert hub.event("connection rejected")["why"] == "no_token"
        assert not any(TOKEN in line for line in hub.stderr), "the log must not tell the token"


def token_files():
    folder = Folder()
    with folder:
        assert "No such file" in fails("--token-file", str(folder.path / "none"))
        assert "at least 16" in fails("--token-file", folder.token_file("secret"))
        assert "no token" in fails("--token-file", folder.token_file(""))
        assert "chmod 600" in fails("--token-file", folder.token_file(mode=0o644))


def origins():
    with Hub("--allow-origin", "https://dashboard.example", "--allow-origin", "null") as hub:
        for port in hub.in_port, hub.out_port:
            for origin in "http://evil.example", f"http://evil.example:{hub.out_port}", "http://localhost:1":
                assert refused(port, headers={"Origin": origin}) == 403, origin
            for origin in (f"http://localhost:{hub.out_port}", f"http://127.0.0.1:{hub.in_port}", "null",
                           "https://dashboard.example"):
                assert refused(port, headers={"Origin": origin}) == 101, origin
        assert hub.http("/status", headers={"Origin": "http://evil.example"})[0] == 403
        assert hub.metric("connections_rejected_total", reason="origin") == 7


def tls():
    folder = Folder()
    with folder:
        cert, key = folder.certificate()
        with Hub("--tls-cert", cert, "--tls-key", key) as hub:
            context = ssl.create_default_context(cafile=cert)
            kitchen = Client(hub.in_port, tls=context)
            kitchen.send_json({"kitchen_name": "k"})
            eater = Client(hub.out_port, tls=context)
            eater.send_json({"eater_name": "e"})
            https = {"scheme": "https", "context": context}
            wait_for(lambda: hub.status(**https)["dumpling_eater_count"] == 1, "the eater is known")
            texts = [dumpling("x" * size) for size in (1, 1000, 20_000, 300_000, 5)]
            for text in texts:
                kitchen.send(text)
            for text in texts:
                assert eater.receive_dumpling() == text
            plain = socket.create_connection(("localhost", hub.out_port))
            plain.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert not plain.recv(1000).startswith(b"HTTP/1.1 2")
            wait_for(lambda: hub.events("connection rejected"), "it is logged")
            assert hub.event("connection rejected")["why"] == "tls"
            old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
            old.maximum_version = ssl.TLSVersion.TLSv1_1
            try:
                Client(hub.out_port, tls=old)
                raise AssertionError("TLS 1.1 is too old")
            except ssl.SSLError:
                pass


def tls_eater_that_never_reads():
    folder = Folder()
    with folder:
        cert, key = folder.certificate()
        with Hub("--tls-cert", cert, "--tls-key", key, "--eater-queue", "1000", "--status-freq", "0.2") as hub:
            context = ssl.create_default_context(cafile=cert)
            stuck = Client(hub.out_port, tls=context, receive_buffer=4096)
            stuck.send_json({"eater_name": "stuck"})
            kitchen = Client(hub.in_port, tls=context)
            kitchen.send_json({"kitchen_name": "k"})
            https = {"scheme": "https", "context": context}
            wait_for(lambda: hub.status(**https)["dumpling_eater_count"] == 1, "the eater is known")
            for number in range(20_000):
                kitchen.send(dumpling({"number": number, "filling": "x" * 1000}))
            wait_for(lambda: hub.status(**https)["total_dumplings_dropped"] > 1000, "it is slow")
            last = -1
            while last < 19_999:  # whole dumplings in order, with a gap
                number = json.loads(stuck.receive_dumpling())["payload"]["number"]
                assert number > last
                last = number


def tls_files():
    folder = Folder()
    with folder:
        cert, key = folder.certificate()
        _, other_key = folder.certificate("other")
        assert "both" in fails("--tls-cert", cert)
        assert "certificate" in fails("--tls-cert", str(folder.path / "none"), "--tls-key", key)
        assert "key" in fails("--tls-cert", cert, "--tls-key", str(folder.path / "none"))
        assert "key" in fails("--tls-cert", cert, "--tls-key", other_key)
        assert "certificate" in fails("--tls-cert", key, "--tls-key", key)


def numbers_of_connections():
    with Hub("--max-kitchens", "2", "--max-eaters", "2") as hub:
        kitchens = [hub.kitchen(), hub.kitchen()]
        eaters = [hub.eater(), hub.eater()]
        wait_for(lambda: hub.status()["dumpling_kitchen_count"] == 2, "the kitchens are known")
        assert refused(hub.in_port) == 503 and refused(hub.out_port) == 503
        eaters[0].close()
        wait_for(lambda: hub.status()["dumpling_eater_count"] == 1, "one is gone")
        eaters.append(hub.eater())
        kitchens[0].close()
        wait_for(lambda: hub.status()["dumpling_kitchen_count"] == 1, "one is gone")
        hub.kitchen()
        assert hub.metric("connections_rejected_total", reason="full") == 2


run_case([value for value in list(globals().values()) if callable(value)], sys.argv[1])
