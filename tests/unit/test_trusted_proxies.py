"""X-Forwarded-For: believed as far as there are trusted proxies, and never further."""

import pytest

from registry_auth.application import create_app
from tests.unit.installation import Installation

pytestmark = pytest.mark.one_store("addresses are read without the store")

PEER = "192.0.2.99"


def address_in_log(installation: Installation, caplog: pytest.LogCaptureFixture, proxies: int, forwarded: str | None) -> str:
    """Give the address that the log tells of a refused request."""
    app = create_app(installation.settings.model_copy(update={"trusted_proxies": proxies}))
    headers = {"Authorization": "x"} | ({} if forwarded is None else {"X-Forwarded-For": forwarded})
    response = app.test_client().get("/jwt/auth", headers=headers, environ_base={"REMOTE_ADDR": PEER})
    app.extensions["registry_auth"].close()
    assert response.status_code == 401
    (line,) = caplog.messages
    return line.removeprefix("refused: status=401 address=").partition(" caller=")[0]


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        pytest.param(0, "203.0.113.1", PEER, id="nobody-trusted"),
        pytest.param(1, None, PEER, id="no-header"),
        pytest.param(1, "203.0.113.1", "203.0.113.1", id="one-proxy"),
        pytest.param(1, "10.6.6.6, 203.0.113.1", "203.0.113.1", id="one-proxy-and-an-invention"),
        pytest.param(1, "2001:db8::1", "2001:db8::1", id="ipv6"),
        pytest.param(2, "10.6.6.6, 203.0.113.1, 198.51.100.1", "203.0.113.1", id="two-proxies-and-an-invention"),
        pytest.param(2, "203.0.113.1", PEER, id="fewer-than-trusted"),
        pytest.param(1, "", PEER, id="empty"),
        pytest.param(1, ",,", PEER, id="only-commas"),
        pytest.param(1, '"10.6.6.6, 203.0.113.1', PEER, id="open-quote"),
        pytest.param(1, '"10.6.6.6", 203.0.113.1', "203.0.113.1", id="quoted-invention"),
        pytest.param(1, "unknown", PEER, id="no-address"),
        pytest.param(1, "203.0.113.1:4711", PEER, id="with-a-port"),
        pytest.param(1, "\x1b[2J\x85caller='admin'", PEER, id="control-characters"),
        pytest.param(1, "fe80::1%\x85refused: status=200", PEER, id="text-in-a-zone"),
        pytest.param(1, "1" * 100_000, PEER, id="endless"),
    ],
)
def test_address_of_the_client(
    installation: Installation, caplog: pytest.LogCaptureFixture, proxies: int, forwarded: str | None, address: str
) -> None:
    """The entry that the outermost trusted proxy made counts; what is no address, or missing, leaves the address of the peer."""
    assert address_in_log(installation, caplog, proxies, forwarded) == address


def test_other_forwarded_headers_are_not_believed(installation: Installation) -> None:
    """Proxies are believed about the client's address only."""
    app = create_app(installation.settings.model_copy(update={"trusted_proxies": 1}))
    headers = {f"X-Forwarded-{name}": value for name, value in (("Prefix", "/x"), ("Host", "h"), ("Proto", "https"), ("Port", "1"))}
    response = app.test_client().get("/-/liveness", headers=headers)
    app.extensions["registry_auth"].close()
    assert response.status_code == 200
