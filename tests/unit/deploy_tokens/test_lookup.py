"""The look-up of a token by its secret."""

import pytest

from registry_auth.deploy_tokens.lookup import DeployTokenLookup, FoundToken
from registry_auth.token_secrets import SecretDigester
from registry_auth.values import NamespaceKind, Owner, TokenScope
from tests.unit.installation import NOW, READ, Installation, secret_of


def test_token_is_found_by_its_secret(installation: Installation) -> None:
    """What a log-in needs is found with one secret: user name, scopes, owner and dates."""
    installation.group("g")
    issued = installation.token("g", READ, kind=NamespaceKind.GROUP)
    found = installation.lookup.find(secret_of(issued))
    assert found == FoundToken(
        id=issued.token.id,
        username=issued.token.username,
        scopes=frozenset({TokenScope.READ_REGISTRY}),
        owner=Owner(NamespaceKind.GROUP, "g"),
        expires_at=None,
        revoked_at=None,
        secret_expires_at=None,
    )
    assert found.why_dead(NOW) is None


@pytest.mark.parametrize("change", [str.upper, str.lower, lambda secret: secret[:-1], lambda secret: secret + "a", lambda _: ""])
def test_similar_secret_finds_nothing(installation: Installation, change: object) -> None:
    """Only the whole secret, character by character, finds the token."""
    installation.project("app")
    secret = secret_of(installation.token("app"))
    assert callable(change)
    assert installation.lookup.find(change(secret)) is None


def test_secret_of_another_installation_finds_nothing(installation: Installation) -> None:
    """The digest is keyed: the same database with another server secret knows nobody."""
    installation.project("app")
    secret = secret_of(installation.token("app"))
    assert DeployTokenLookup(installation.database, SecretDigester("x", b"x" * 32)).find(secret) is None
