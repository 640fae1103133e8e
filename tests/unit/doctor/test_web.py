"""One bounded request, and a sentence for each way in which it can fail."""

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from socket import SHUT_RDWR, socket
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from urllib3 import Timeout

from registry_auth.doctor import web
from registry_auth.doctor.unreachable import UnreachableError
from registry_auth.doctor.web import fetch
from registry_auth.services import utc_now
from registry_auth.signing.certificates import KeyPair, new_authority, new_signing_pair
from tests.unit.doctor.scripted_server import Asked, Reply, scripted_server

DAY = timedelta(days=1)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


@contextmanager
def listener(converse: Callable[[socket], object]) -> Iterator[int]:
    """Give the port of a server that has this to say to each connection, and closes it."""

    class Handler(BaseRequestHandler):
        def handle(self) -> None:
            try:
                converse(self.request)
                self.request.shutdown(SHUT_RDWR)
            except OSError:
                pass  # the client has gone

    with ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def answer(content: bytes) -> Callable[[socket], None]:
    """Make a conversation of one answer."""

    def converse(connection: socket) -> None:
        connection.recv(65_536)
        connection.sendall(content)

    return converse


def certificate(authority: KeyPair, name: str, first: int, last: int) -> KeyPair:
    """Make a certificate for a web server of this name, valid from and to these days from now."""
    pair, now = new_signing_pair(authority, utc_now()), utc_now()
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(authority.certificate.subject)
        .public_key(pair.key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + first * DAY)
        .not_valid_after(now + last * DAY)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False)
    )
    return KeyPair(pair.key, builder.sign(authority.key, SHA256()))


@pytest.fixture(scope="module")
def authority() -> KeyPair:
    """Make a CA for web servers."""
    return new_authority(utc_now())


def with_tls(pair: KeyPair, directory: Path) -> Callable[[socket], None]:
    """Make a conversation over TLS with this certificate."""
    file = directory / "server.pem"
    file.write_bytes(pair.private_pem())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)

    def converse(connection: socket) -> None:
        with context.wrap_socket(connection, server_side=True) as wrapped:
            answer(OK)(wrapped)

    return converse


def test_answer_is_given_whole() -> None:
    """Status, headers, body and the time of our clock; no redirect is followed."""
    moved = Reply(302, [("Location", "http://127.0.0.1:1/"), ("WWW-Authenticate", "Basic"), ("WWW-Authenticate", "Bearer")], b"gone")
    with scripted_server(lambda _asked: moved) as server:
        now = utc_now()
        response = fetch(f"{server.url}/path?query=1", lambda: now, {"Authorization": "Bearer x"})
        (asked,) = server.asked
    assert (response.status, response.body, response.received_at, response.document) == (302, b"gone", now, None)
    assert response.headers.getlist("www-authenticate") == ["Basic", "Bearer"]
    assert (asked.path, asked.headers["authorization"]) == ("/path?query=1", "Bearer x")


@pytest.mark.parametrize(("body", "document"), [(b'{"a": 1}', {"a": 1}), (b"[1]", None), (b"<html>", None), (b"", None), (b"\xff", None)])
def test_document_is_a_json_object(body: bytes, document: object) -> None:
    """Everything else counts as none."""
    with scripted_server(lambda _asked: Reply(body=body)) as server:
        assert fetch(server.url, utc_now).document == document


def test_long_body_is_cut() -> None:
    """64 KiB are read, whatever comes after."""
    with scripted_server(lambda _asked: Reply(body=b"x" * 1_000_000)) as server:
        assert len(fetch(server.url, utc_now).body) == 65_536


def test_body_that_drips_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that sends a byte now and then keeps nobody waiting for ever."""
    monkeypatch.setattr(web, "READ_TIMEOUT", 0.2)

    def drip(connection: socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(b"x")
            connection.settimeout(0.05)
            try:
                if connection.recv(1_024) == b"":
                    return
            except TimeoutError:
                continue

    with listener(drip) as port:
        assert set(fetch(f"http://127.0.0.1:{port}/", utc_now).body) == {ord("x")}


@pytest.mark.parametrize(
    ("scheme", "content", "sentence"),
    [
        ("http", b"", "ends the connection without an answer."),
        ("http", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi", "ends the connection without an answer."),
        ("http", b"SSH-2.0-OpenSSH_9.2\r\n", "ends the connection without an answer."),
        ("http", b"\x15\x03\x01\x00\x02\x02\x46", "wants TLS, and was asked in plain HTTP."),
        (
            "http",
            b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n",
            "wants TLS, and was asked in plain HTTP.",
        ),
        (
            "http",
            b"HTTP/1.1 400 Bad Request\r\n\r\n<center>The plain HTTP request was sent to HTTPS port</center>",
            "wants TLS, and was asked in plain HTTP.",
        ),
        ("https", OK, "answers https with plain HTTP."),
        ("https", b"HTTP/1.1 400 Bad Request\r\n\r\n", "answers https with plain HTTP."),
        ("https", b"\x15\x03\x01\x00\x02\x02\x28", "agrees on no TLS connection (SSLV3_ALERT_HANDSHAKE_FAILURE)."),
        ("https", b"", "agrees on no TLS connection (UNEXPECTED_EOF_WHILE_READING)."),
    ],
)
def test_wrong_answer_has_a_sentence(scheme: str, content: bytes, sentence: str) -> None:
    """It names the place and what is wrong there, and there is something to do about it."""
    with listener(answer(content)) as port, pytest.raises(UnreachableError) as failed:
        fetch(f"{scheme}://user:password@127.0.0.1:{port}/", utc_now)
    assert str(failed.value) == f"127.0.0.1:{port} {sentence}"
    assert failed.value.remedy


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a web server shows: the name and the dates, in days from now, of a certificate whose CA is trusted or not."""

    name: str = "localhost"
    days: tuple[int, int] = (-1, 1)
    is_trusted: bool = True


@pytest.mark.parametrize(
    ("shown", "sentence"),
    [
        (Certificate(), None),
        (Certificate(name="registry.example.com"), "is for another name."),
        (Certificate(days=(-2, -1)), "has expired."),
        (Certificate(days=(1, 2)), "is not valid yet."),
        (Certificate(is_trusted=False), "is not trusted (unable to get local issuer certificate)."),
    ],
)
def test_certificate_is_checked(
    authority: KeyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shown: Certificate, sentence: str | None
) -> None:
    """As this machine trusts certificates; each fault has its sentence."""
    trust = tmp_path / "trust.pem"
    trust.write_bytes((authority if shown.is_trusted else new_authority(utc_now())).certificate.public_bytes(Encoding.PEM))
    monkeypatch.setenv("SSL_CERT_FILE", str(trust))
    with listener(with_tls(certificate(authority, shown.name, *shown.days), tmp_path)) as port:
        if sentence is None:
            assert fetch(f"https://localhost:{port}/", utc_now).body == b"hi"
            return
        with pytest.raises(UnreachableError) as failed:
            fetch(f"https://localhost:{port}/", utc_now)
    assert str(failed.value) == f"The TLS certificate of localhost:{port} {sentence}"


def test_nobody_there() -> None:
    """A closed port and a name that does not exist are told apart."""
    with listener(answer(b"")) as port:
        pass
    with pytest.raises(UnreachableError, match=rf"^127\.0\.0\.1:{port} cannot be connected to \(Connection refused\)\.$"):
        fetch(f"http://127.0.0.1:{port}/", utc_now)
    with pytest.raises(UnreachableError, match=r"^The name of registry\.invalid is not found\.$"):
        fetch("http://registry.invalid/", utc_now)


def test_silence_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that takes the connection and says nothing is given up."""
    monkeypatch.setattr(web, "_TIMEOUT", Timeout(connect=1, read=0.1))

    def listen_only(connection: socket) -> None:
        while connection.recv(65_536):
            pass

    with listener(listen_only) as port, pytest.raises(UnreachableError, match=r" does not answer within 10 seconds\.$"):
        fetch(f"http://127.0.0.1:{port}/", utc_now)


def test_connection_that_nobody_takes_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine behind a firewall that drops packets, here a full queue of connections, is given up."""
    monkeypatch.setattr(web, "_TIMEOUT", Timeout(connect=0.1, read=1))
    with socket() as full, socket() as waiting:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting.connect(full.getsockname())
        with pytest.raises(UnreachableError, match="takes no connection within 5 seconds"):
            fetch(f"http://127.0.0.1:{full.getsockname()[1]}/", utc_now)


def test_nothing_is_asked_twice() -> None:
    """Each request is one, so that a secret is sent once."""

    def fails(_asked: Asked) -> Reply:
        return Reply(503, [("Retry-After", "0")])

    with scripted_server(fails) as server:
        assert fetch(server.url, utc_now).status == 503
        assert len(server.asked) == 1
