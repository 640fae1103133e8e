"""Authentication: a credential becomes its caller, or is refused; only its holder learns why."""

from collections.abc import Callable
from datetime import date

import pytest
from pydantic import SecretStr

from registry_auth.credentials.basic import Credential
from registry_auth.deploy_tokens.service import Issued
from registry_auth.errors import WrongCredentialError
from registry_auth.values import Caller, CallerKind, NamespaceKind, Owner, TokenScope
from tests.unit.installation import Installation, secret_of

WRONG = "The user name or the secret is wrong, or the token does not exist any more."


@pytest.fixture
def issued(installation: Installation) -> Issued:
    """Make a token that expires tomorrow."""
    installation.project("g/p")
    return installation.token("g/p", username="robot", expires_at=date(2026, 7, 2))


def expire(installation: Installation, _issued: Issued) -> None:
    """Let the day of expiry come."""
    installation.clock.advance(days=1)


def revoke(installation: Installation, issued: Issued) -> None:
    """Revoke the token."""
    installation.deploy_tokens.revoke(issued.token.id)


def rotate(installation: Installation, issued: Issued) -> None:
    """Give the token another secret."""
    installation.deploy_tokens.rotate(issued.token.id)


def delete(installation: Installation, _issued: Issued) -> None:
    """Delete the project."""
    installation.namespaces.delete(NamespaceKind.PROJECT, "g/p")


ENDS = {
    revoke: "This deploy token was revoked on 2026-07-01.",
    expire: "This deploy token expired on 2026-07-02 at 00:00 UTC.",
    rotate: "This secret was replaced on 2026-07-01: the deploy token was rotated, use its newer secret.",
    delete: WRONG,
}


def refusal(installation: Installation, username: str, secret: str) -> str:
    """Give the sentence with which a credential is refused."""
    with pytest.raises(WrongCredentialError) as error:
        installation.authentication.caller(Credential(username, SecretStr(secret)))
    return str(error.value)


def test_good_credential_becomes_its_caller(installation: Installation, issued: Issued) -> None:
    """The caller has the token's name, id, reach and scopes, and nothing from elsewhere (S13)."""
    assert installation.authentication.caller(Credential("robot", issued.secret)) == Caller(
        CallerKind.DEPLOY_TOKEN,
        "robot",
        issued.token.id,
        frozenset({Owner(NamespaceKind.PROJECT, "g/p")}),
        frozenset({TokenScope.READ_REGISTRY, TokenScope.WRITE_REGISTRY}),
    )


@pytest.mark.parametrize(("end", "sentence"), ENDS.items(), ids=[end.__name__ for end in ENDS])
def test_only_the_holder_learns_why_a_token_is_dead(
    installation: Installation, issued: Issued, end: Callable[[Installation, Issued], None], sentence: str
) -> None:
    """Right user name and right secret are told the reason; everybody else hears the same sentence for everything (D22, S10)."""
    secret = secret_of(issued)
    end(installation, issued)
    assert refusal(installation, "robot", secret) == sentence
    assert refusal(installation, "Robot", secret) == WRONG
    assert refusal(installation, "robot", secret[:-1] + ("a" if secret[-1] != "a" else "b")) == WRONG
    assert refusal(installation, "", secret) == WRONG


@pytest.mark.parametrize(
    "secret",
    [
        "",
        ":",
        "x",
        "a:b+c@d é",
        "p\x00q",
        "gldt-",
        "gldt-" + "x" * 32,
        "glpat-" + "x" * 32,
        "x" * 73,
        "x" * 1_000,
        "x" * 100_000,
        "." * 2**20,
    ],
    ids=lambda secret: f"{secret[:10]!r}x{len(secret)}",
)
def test_wrong_secrets_of_any_form_are_refused_alike(installation: Installation, issued: Issued, secret: str) -> None:
    """No form of a wrong secret is an error of ours or a hint for theirs, known user name or not (S3, S10, S22)."""
    assert issued.token.username == "robot"
    assert {refusal(installation, username, secret) for username in ("robot", "nobody", "", "a\x00b", "é" * 10_000)} == {WRONG}


def test_secret_does_not_match_by_its_beginning(installation: Installation, issued: Issued) -> None:
    """A secret with something behind it is another secret (S22)."""
    assert {refusal(installation, "robot", secret_of(issued) + tail) for tail in ("x", "\x00", "\n", ":")} == {WRONG}


def test_user_name_has_to_belong_to_the_secret(installation: Installation, issued: Issued) -> None:
    """The secret of one token does not work with the user name of another."""
    other = installation.token("g/p", username="other")
    assert refusal(installation, "other", secret_of(issued)) == WRONG
    assert refusal(installation, "robot", secret_of(other)) == WRONG
