"""The look-up of a token by its secret, or by its ids."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from registry_auth.deploy_tokens.lookup import DeployTokenLookup, FoundToken
from registry_auth.deploy_tokens.models import DeployTokenSecret
from registry_auth.values import NamespaceKind, Owner, TokenScope
from tests.unit.installation import NOW, READ, Installation, secret_of
from tests.unit.namespaces.statements import counted_statements
from tests.unit.server_secrets import digester_with


def secret_ids(installation: Installation, token_id: int) -> list[int]:
    """Give the ids of a token's secrets, the oldest first."""
    statement = select(DeployTokenSecret.id).where(DeployTokenSecret.token_id == token_id).order_by(DeployTokenSecret.id)
    with installation.database.reading() as connection:
        return list(connection.scalars(statement))


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
        secret_id=secret_ids(installation, issued.token.id)[0],
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
    other = DeployTokenLookup(installation.database, digester_with(b"x" * 32), installation.projects, installation.upgrades)
    assert other.find(secret) is None


def test_token_is_found_by_its_ids(installation: Installation) -> None:
    """The ids that a signed token carries find what the secret finds, dead or alive, as it is now."""
    installation.project("g/p")
    issued = installation.token("g/p", expires_at=date(2026, 8, 1))
    by_secret = installation.lookup.find(secret_of(issued))
    assert by_secret is not None
    assert installation.lookup.find_by_id(issued.token.id, by_secret.secret_id) == by_secret
    installation.deploy_tokens.revoke(issued.token.id)
    found = installation.lookup.find_by_id(issued.token.id, by_secret.secret_id)
    assert found == installation.lookup.find(secret_of(issued))
    assert found is not None
    assert found.why_dead(NOW) == "This deploy token was revoked on 2026-07-01."


def test_ids_have_to_belong_together(installation: Installation) -> None:
    """The secret's id of one token finds no other token, nor does any id that never was or is no more."""
    installation.project("g/p")
    installation.project("q")
    first, second, gone = installation.token("g/p"), installation.token("g/p"), installation.token("q")
    ids = {issued.token.id: secret_ids(installation, issued.token.id)[0] for issued in (first, second, gone)}
    installation.namespaces.delete(NamespaceKind.PROJECT, "q")
    alive = {first.token.id, second.token.id}
    numbers = {-1, 0, 99, *ids, *ids.values()}
    found = {(token_id, secret_id) for token_id in numbers for secret_id in numbers if installation.lookup.find_by_id(token_id, secret_id)}
    assert found == {(token_id, secret_id) for token_id, secret_id in ids.items() if token_id in alive}


def test_each_secret_of_a_token_is_found_by_its_own_id(installation: Installation) -> None:
    """After a rotation each id tells whether its secret has ended, and by which it was found."""
    installation.project("g/p")
    token_id = installation.token("g/p").token.id
    installation.deploy_tokens.rotate(token_id, overlap=timedelta(hours=1))
    old, new = (installation.lookup.find_by_id(token_id, secret_id) for secret_id in secret_ids(installation, token_id))
    assert old is not None
    assert new is not None
    assert [found.secret_id for found in (old, new)] == secret_ids(installation, token_id)
    assert (old.secret_expires_at, new.secret_expires_at) == (NOW + timedelta(hours=1), None)


def test_each_look_up_is_one_statement(installation: Installation) -> None:
    """The database is asked once, by secret or by id."""
    installation.project("g/p")
    issued = installation.token("g/p")
    with counted_statements(installation.database) as statements:
        installation.lookup.find(secret_of(issued))
        installation.lookup.find_by_id(issued.token.id, 1)
    assert len(statements) == 2
