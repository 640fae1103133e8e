"""Bad requests over the production web server: a clear JSON refusal for each, never a 500, never HTML, no secret in the log."""

import base64
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPConnection

import pytest

from .http_calls import FORM, Answer, basic, call, post_form
from .refused import WRONG
from .token_server import Token, TokenServer

MALFORMED = "The Authorization header must be Basic, with the base64 of user name, colon and secret in UTF-8."
CONTENT_TYPE = "A token request by POST has the content type application/x-www-form-urlencoded."
TOO_LARGE = "The request is too large."
MEGABYTE = 1024 * 1024


@pytest.fixture
def address(token_server: TokenServer) -> Iterator[str]:
    """Give the address of the token endpoint; after the test the server has the workers it had, and logged no error."""
    position, workers = len(token_server.log()), token_server.process.group()
    yield f"{token_server.url}/jwt/auth"
    assert call(f"{token_server.url}/-/readiness").status == 200
    assert token_server.process.group() == workers
    assert "Traceback" not in token_server.log_since(position)
    assert "ERROR" not in token_server.log_since(position)


def encoded(credential: bytes) -> str:
    """Give a header Authorization with any bytes in it."""
    return f"Basic {base64.b64encode(credential).decode()}"


@pytest.mark.parametrize(
    ("header", "message"),
    [
        pytest.param("", MALFORMED, id="empty"),
        pytest.param("Basic", MALFORMED, id="nothing-after-the-scheme"),
        pytest.param("Basic !!!!", MALFORMED, id="no-base64"),
        pytest.param("Basic dXNlcjp4eA", MALFORMED, id="base64-cut-off"),
        pytest.param("Basic dTpw dTpw", MALFORMED, id="two-words"),
        pytest.param(encoded(b"user"), MALFORMED, id="no-colon"),
        pytest.param(encoded(b"\xff\xfe:\xff"), MALFORMED, id="no-utf-8"),
        pytest.param("Bearer dTpw", MALFORMED, id="bearer"),
        pytest.param('Digest username="u"', MALFORMED, id="digest"),
        pytest.param(encoded(b":"), WRONG, id="both-empty"),
        pytest.param(encoded(b":secret"), WRONG, id="no-user-name"),
        pytest.param(encoded(b"user:"), WRONG, id="no-secret"),
        pytest.param(encoded(b"us\0er:se\0cret"), WRONG, id="nul"),
        pytest.param(encoded("usér:sécret日本".encode()), WRONG, id="non-ascii"),
        pytest.param(encoded(b"user:" + b"x" * 10_000), WRONG, id="10-kB-secret"),
        pytest.param(encoded(b"user:" + b"x" * 100_000), MALFORMED, id="100-kB-secret"),
        pytest.param(encoded(b"user:" + b"." * 250_000), MALFORMED, id="250-kB-of-dots"),
    ],
)
def test_credentials_by_get(address: str, header: str, message: str) -> None:
    """Whatever is wrong with the credentials, the answer is 401 with a Basic challenge; it is never an anonymous token."""
    answer = call(address, headers={"Authorization": header})

    assert answer.refusal() == (401, "UNAUTHORIZED", message)
    assert answer.document["error"] == "invalid_grant"
    assert answer.headers["www-authenticate"] == 'Basic realm="registry-auth", charset="UTF-8"'


@pytest.mark.parametrize(
    "secret", ["", "x", "\0", "日本", "gldt-", "gldt-" + "é" * 32, "gldt-" + "." * 32, "x" * 100_000], ids=lambda secret: ascii(secret[:12])
)
def test_secrets_by_post(address: str, name: str, secret: str) -> None:
    """A wrong secret in a form is refused with 401 and the word that OAuth2 has for it."""
    answer = post_form(address, [("grant_type", "password"), ("username", name), ("password", secret)])

    assert answer.refusal() == (401, "UNAUTHORIZED", WRONG)
    assert answer.document["error"] == "invalid_grant"


@pytest.mark.parametrize("case", ["swapped", "cut", "longer", "with-a-space", "under-another-name"])
def test_almost_right(token_server: TokenServer, address: str, project: str, reader: Token, case: str) -> None:
    """A secret counts only whole and with its own user name."""
    token = token_server.create_token(project=project)
    cases = {
        "swapped": token.secret.swapcase(),
        "cut": token.secret[:-1],
        "longer": token.secret + "x",
        "with-a-space": token.secret + " ",
        "under-another-name": reader.secret,
    }

    assert token_server.ask(token=token.with_secret(cases[case])).refusal() == (401, "UNAUTHORIZED", WRONG)
    assert call(address, credentials=token.credentials).status == 200


def form(**changes: str | None) -> list[tuple[str, str]]:
    """Give the form of a password grant, with other values, or without a field."""
    fields = {"grant_type": "password", "username": "u", "password": "p"} | changes
    return [(name, value) for name, value in fields.items() if value is not None]


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        pytest.param([], "invalid_request", "The parameter 'grant_type' is missing.", id="nothing"),
        pytest.param(form(username=None), "invalid_request", "The parameter 'username' is missing.", id="no-username"),
        pytest.param(form(password=None), "invalid_request", "The parameter 'password' is missing.", id="no-password"),
        pytest.param(
            [*form(), ("password", "q")], "invalid_request", "The parameter 'password' was given more than once.", id="two-passwords"
        ),
        pytest.param(
            form(grant_type="refresh_token"), "unsupported_grant_type", "Only the grant type 'password' is supported.", id="refresh-token"
        ),
        pytest.param(form(grant_type="\0ÿ"), "unsupported_grant_type", "Only the grant type 'password' is supported.", id="nul-grant"),
    ],
)
def test_forms(address: str, fields: list[tuple[str, str]], error: str, message: str) -> None:
    """A form that is no password grant is refused with what is missing."""
    answer = post_form(address, fields)

    assert answer.refusal() == (400, "UNSUPPORTED", message)
    assert answer.document["error"] == error


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "multipart/form-data; boundary=x", "", None], ids=str)
def test_content_types(address: str, content_type: str | None) -> None:
    """A body that is no form is refused with the content type that is wanted."""
    headers = {} if content_type is None else {"Content-Type": content_type}
    answer = call(address, method="POST", headers=headers, body=b'{"grant_type": "password"}')

    assert answer.refusal() == (400, "UNSUPPORTED", CONTENT_TYPE)


@pytest.mark.parametrize("body", [b"\xff\x00\xfe", b"%", b"=&=&%zz=%ff", b"&" * 1000, b"grant_type=\xff\x00"], ids=ascii)
def test_bytes_that_are_no_form(address: str, body: bytes) -> None:
    """Bytes that mean nothing are a bad request."""
    status, code, _message = call(address, method="POST", headers={"Content-Type": FORM}, body=body).refusal()

    assert (status, code) == (400, "UNSUPPORTED")


@pytest.mark.parametrize(
    "query",
    [
        "scope=repository:a%00/b:pull",
        "scope=repository:a/%ff%feb:pull",
        "scope=%ed%a0%80:%ed%a0%80:%ed%a0%80",
        "scope=%00&account=%00%ff&client_id=%ff",
        "scope=repository:a/b:pull%0d%0aSet-Cookie:x",
        "%ff=%00&&&=&scope=&scope",
    ],
)
def test_odd_bytes_in_a_query_grant_nothing(token_server: TokenServer, address: str, query: str) -> None:
    """Scopes with NUL, invalid UTF-8 or line ends are not understood; the log line that says so stays one line."""
    position = len(token_server.log())
    document = call(f"{address}?{query}").granted()
    lines = token_server.log_since(position).splitlines()

    assert document["token"]
    assert all(" INFO registry_auth.token_endpoint.issuing: not understood: " in line for line in lines), lines


@pytest.mark.parametrize(
    "service", ["other", "CONTAINER_REGISTRY", "container_registry/", 'a"b\\c', "\0", "é", "x" * 5000], ids=lambda s: ascii(s[:20])
)
def test_an_unknown_service(address: str, service: str) -> None:
    """For another service there is no token; the answer names those there are, and repeats only a harmless name."""
    status, code, message = call(address, query=[("service", service)]).refusal()

    assert (status, code) == (404, "UNSUPPORTED")
    assert message.startswith("This server issues no tokens for the service")
    assert message.endswith(". It knows: container_registry, dependency_proxy.")
    assert len(message) < 250
    assert message.isascii()
    assert not set('"\\\0') & set(message)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "NONSENSE"])
def test_methods(address: str, method: str) -> None:
    """Another method is refused with a list of those there are."""
    answer = call(address, method=method)

    assert answer.refusal() == (405, "UNSUPPORTED", "This method is not supported here. The header Allow names those that are.")
    assert {word.strip() for word in answer.headers["allow"].split(",")} == {"GET", "HEAD", "POST", "OPTIONS"}


@pytest.mark.parametrize(
    "path", ["/", "/nothing", "/jwt", "/jwt/auth/more", "/jwt//auth", "/jwt/%00%ff", "/jwt/auth/%2e%2e/x", "/v2/a/tags/list"]
)
def test_addresses(token_server: TokenServer, path: str) -> None:
    """Where there is nothing, the answer says where tokens are."""
    refusal = call(token_server.url + path).refusal()

    assert refusal == (404, "UNSUPPORTED", "There is nothing at this address. Tokens are issued at /jwt/auth.")


def scopes(number: int) -> list[tuple[str, str]]:
    """Give so many scopes."""
    return [("scope", f"repository:a/b{index}:pull") for index in range(number)]


def test_more_scopes_than_are_answered(address: str, writer: Token) -> None:
    """256 scopes are answered; one more, or ten thousand in one parameter, are refused with the limit."""
    limit = "at most 256 are answered at once."
    grant = [("grant_type", "password"), ("username", writer.username), ("password", writer.secret)]
    joined = " ".join(["a:b:pull"] * 10_000)

    assert call(address, query=scopes(256)).status == 200
    assert call(address, query=scopes(257)).refusal() == (400, "UNSUPPORTED", f"The request has 257 scopes; {limit}")
    assert post_form(address, [*grant, ("scope", joined)]).refusal() == (400, "UNSUPPORTED", f"The request has 10000 scopes; {limit}")
    assert post_form(address, [*grant, *scopes(10_000)]).refusal() == (413, "UNSUPPORTED", TOO_LARGE)


def test_a_megabyte_of_dots(address: str) -> None:
    """A secret of a megabyte is refused: in a header by the web server, in a form by the application, in chunks too."""
    dots = form(password="." * MEGABYTE)

    assert_refused_early(call(address, credentials=("u", "." * MEGABYTE)), status=431)
    assert post_form(address, dots).refusal() == (413, "UNSUPPORTED", TOO_LARGE)
    assert post_form(address, dots, chunk=8192).refusal()[0] == 413


def test_an_address_of_more_than_64_kib(address: str) -> None:
    """A query that is too long is refused by the web server."""
    assert_refused_early(call(f"{address}?padding={'x' * 66_000}"), status=414)


def assert_refused_early(answer: Answer, status: int) -> None:
    """Check a refusal of the web server itself: the right status, and no page."""
    assert (answer.status, answer.body) == (status, b"")


def test_a_connection_survives_refusals(token_server: TokenServer, writer: Token) -> None:
    """On one connection good and bad requests are each answered for themselves."""
    with closing(HTTPConnection(token_server.url.removeprefix("http://"), timeout=10)) as connection:
        for header, status in ((None, 200), ("Basic x", 401), (basic(*writer.credentials), 200), ("Bearer x", 401), (None, 200)):
            connection.request("GET", "/jwt/auth", headers={} if header is None else {"Authorization": header})
            response = connection.getresponse()
            response.read()
            assert response.status == status


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/jwt/auth", 400),
        ("DELETE", "/jwt/auth", 405),
        ("POST", "/nowhere", 404),
        ("POST", "/api/v4/projects", 401),
        ("POST", "/api/v4/nowhere", 404),
        ("DELETE", "/api/v4/projects/1", 404),
    ],
)
def test_a_connection_survives_refusals_of_requests_with_bodies(token_server: TokenServer, method: str, path: str, status: int) -> None:
    """A body that does not count is read all the same: left unread, it makes the web server drop the connection."""
    with closing(HTTPConnection(token_server.url.removeprefix("http://"), timeout=10)) as connection:
        connection.connect()
        used = connection.sock
        for _ in range(3):
            connection.putrequest(method, path)
            connection.putheader("Content-Type", "application/json")
            connection.putheader("Content-Length", "1000")
            connection.endheaders()
            time.sleep(0.05)  # as on a slow line: the headers are there, the body is not
            connection.send(b"{" * 1_000)
            response = connection.getresponse()
            response.read()
            assert response.status == status
        assert connection.sock is used


MISPLACED: dict[str, Callable[[str, str], Answer]] = {
    "user-name": lambda address, secret: call(address, credentials=(secret, "x")),
    "user-name-of-a-form": lambda address, secret: post_form(address, form(username=secret)),
    "account": lambda address, secret: call(address, query=[("account", secret), ("scope", "x")]),
    "scope": lambda address, secret: call(address, query=[("scope", secret)]),
    "repository": lambda address, secret: call(address, query=[("scope", f"repository:{secret}:pull")]),
    "action": lambda address, secret: call(address, query=[("scope", f"repository:a/b:{secret}")]),
    "service": lambda address, secret: call(address, query=[("service", secret)]),
    "path": lambda address, secret: call(f"{address}/{secret}"),
    "grant-type": lambda address, secret: post_form(address, form(grant_type=secret)),
    "content-type": lambda address, secret: call(address, method="POST", headers={"Content-Type": secret}),
    "bearer": lambda address, secret: call(address, headers={"Authorization": f"Bearer {secret}"}),
    "no-scheme": lambda address, secret: call(address, headers={"Authorization": secret}),
    "user-agent": lambda address, secret: call(address, credentials=("u", "p"), headers={"User-Agent": secret}),
}


@pytest.mark.parametrize("send", MISPLACED.values(), ids=MISPLACED)
def test_a_secret_in_the_wrong_place_is_not_logged(
    token_server: TokenServer, address: str, writer: Token, send: Callable[[str, str], Answer]
) -> None:
    """People paste secrets where they do not belong; neither the log nor the answer repeats it."""
    secret = writer.with_invented_secret().secret
    position = len(token_server.log())
    answer = send(address, secret)

    assert answer.status < 500
    assert secret not in token_server.log_since(position)
    assert secret.encode() not in answer.body
