"""HTTP Basic (RFC 7617): what is read, and what is refused."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_auth.credentials.basic import parse_basic
from registry_auth.errors import WrongCredentialError


def encoded(text: str | bytes) -> str:
    """Give the base64 of a text in UTF-8."""
    return base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()


@given(st.text().filter(lambda name: ":" not in name), st.text())
def test_every_user_name_and_secret_is_read_as_sent(username: str, secret: str) -> None:
    """The user name ends at the first colon; the secret may hold colons, any script and control characters (S25)."""
    header = f"Basic {encoded(f'{username}:{secret}')}"
    if len(header) <= 16_384:
        credential = parse_basic(header)
        assert (credential.username, credential.secret.get_secret_value()) == (username, secret)


@pytest.mark.parametrize("form", ["Basic {}", "basic {}", "BASIC {}", "bAsIc {}", "Basic   {}", "  Basic {}  "])
def test_scheme_is_read_in_any_case(form: str) -> None:
    """RFC 7235 makes schemes case-insensitive; spaces around do no harm."""
    assert parse_basic(form.format(encoded("a:b:c"))).username == "a"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic",
        "Basic ",
        "Basic !!!!",
        "Basic YTp",
        "Basic a:b",
        "Basic é",
        f"Basic {encoded('no colon')}",
        f"Basic {encoded('')}",
        "Basic " + encoded(b"a:\xff\xfe"),
        f"Basic {encoded('a:b')} {encoded('c:d')}",
        f"Basic\t{encoded('a:b')}",
        f"Basic{encoded('a:b')}",
        f"Bearer {encoded('a:b')}",
        "Bearer a.b.c",
        'Digest username="a"',
        encoded("a:b"),
        f"Basic {encoded('a:' + 'x' * 100_000)}",
        "Basic " + "." * 1_048_576,
        "." * 1_048_576,
    ],
    ids=lambda header: f"{header[:30]!r}x{len(header)}",
)
def test_malformed_header_is_refused(header: str) -> None:
    """All that is not well-formed Basic, or too long to hold a secret of ours, is refused with one sentence (S3, S22, S25)."""
    with pytest.raises(WrongCredentialError, match="must be Basic, with the base64 of user name, colon and secret"):
        parse_basic(header)


def test_credential_does_not_show_its_secret() -> None:
    """A credential in a log line or a trace does not tell the secret."""
    assert "hidden" not in repr(parse_basic(f"Basic {encoded('robot:hidden')}"))
