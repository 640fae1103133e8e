"""`registry-auth user token`."""

import re

import pytest

from registry_auth.cli.context import opened_services
from registry_auth.errors import RegistryAuthError
from tests.unit.cli.command_line import run, run_json, usage_error
from tests.unit.installation import NOW, Clock
from tests.unit.lookups import account_lookup

NEW = ["user", "token", "ada", "--name", "laptop", "--scope", "api"]


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch, environment: object) -> Clock:
    """Set the clock of the command line, and make two users."""
    assert environment
    clock = Clock()
    for module in ("registry_auth.services", "registry_auth.cli.personal_access_tokens"):
        monkeypatch.setattr(f"{module}.utc_now", clock)
    run("user", "create", "ada")
    run("user", "create", "bob")
    return clock


def finds(secret: str) -> bool:
    """Say whether a log-in with this secret would work."""
    with opened_services() as services:
        found = account_lookup(services).find_token(secret)
    return found is not None and found.why_dead(NOW) is None


def test_document_of_a_new_token() -> None:
    """The document has the fields of the REST API, and the secret this once."""
    created = run_json(*NEW, "--scope", "read_registry", "--expires-at", "2026-08-01")
    secret = created.pop("token")
    assert created == {
        "id": 1,
        "name": "laptop",
        "revoked": False,
        "created_at": "2026-07-01T12:00:00.000Z",
        "scopes": ["api", "read_registry"],
        "user_id": 1,
        "active": True,
        "expires_at": "2026-08-01",
        "last_used_at": None,
        "last_used_ip": None,
        "last_used_service": None,
    }
    assert secret.startswith("glpat-")
    assert finds(secret)
    assert run_json("user", "token", "ada", "--list") == [created]
    assert run_json("user", "token", "bob", "--list") == []


def test_fields_and_tables_for_people(clock: Clock) -> None:
    """A new token is shown with its secret; a list has one line each, with the state of today."""
    *fields, secret = run(*NEW).stdout.splitlines()
    assert fields == [
        "id         1",
        "user name  ada",
        "name       laptop",
        "scopes     api",
        "expires    never",
        "state      active",
        "last used  never",
    ]
    assert re.fullmatch(r"secret     glpat-\S{32}  \(shown only now\)", secret)
    run(*NEW, "--scope", "read_api", "--expires-at", "2026-07-02")
    run(*NEW)
    assert "state      revoked" in run("user", "token", "ada", "--revoke", "3").stdout
    clock.advance(days=1)
    assert run("user", "token", "ada", "--list").stdout.splitlines() == [
        "ID  NAME    SCOPES        EXPIRES     STATE    LAST USED",
        "1   laptop  api           -           active   never",
        "2   laptop  api,read_api  2026-07-02  expired  never",
        "3   laptop  api           -           revoked  never",
    ]


def test_revocation_refuses_the_secret() -> None:
    """The token stays in the list, revoked; a second revocation changes nothing."""
    created = run_json(*NEW)
    secret = created.pop("token")
    revoked = created | {"revoked": True, "active": False}
    assert [run_json("user", "token", "ADA", "--revoke", "1") for _ in range(2)] == [revoked, revoked]
    assert run_json("user", "token", "ada", "--list") == [revoked]
    assert not finds(secret)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "A new token needs --name and --scope; --list and --revoke ID are for those there are."),
        (["--name", "laptop"], "A new token needs --name and --scope"),
        (["--scope", "api"], "A new token needs --name and --scope"),
        (["--expires-at", "2030-01-01"], "A new token needs --name and --scope"),
        (["--list", "--revoke", "1"], "A new token, --list and --revoke exclude each other."),
        (["--list", "--scope", "api"], "A new token, --list and --revoke exclude each other."),
        (["--revoke", "1", "--name", ""], "A new token, --list and --revoke exclude each other."),
        (["--revoke", "1", "--expires-at", "2030-01-01"], "A new token, --list and --revoke exclude each other."),
        (["--name", "n", "--scope", "read_repository"], "'read_repository' is none of api, read_api, read_registry, write_registry"),
        (["--name", "n", "--scope", "api", "--expires-at", "soon"], "An expiry date is written YYYY-MM-DD"),
        (["--revoke", "one"], "'one' is not a valid id"),
    ],
)
def test_wrong_usage_is_explained(arguments: list[str], sentence: str) -> None:
    """One thing at a time, and all that it needs."""
    assert sentence in " ".join(usage_error("user", "token", "ada", *arguments).split())


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nobody", "--list"], "There is no user 'nobody'."),
        (["nobody", "--revoke", "1"], "There is no user 'nobody'."),
        (["nobody", "--name", "n", "--scope", "api"], "There is no user 'nobody'."),
        (["bob", "--revoke", "1"], "There is no personal access token 1."),
        (["ada", "--name", "", "--scope", "api"], "A name cannot be blank"),
        (["ada", "--name", "n", "--scope", "api", "--expires-at", "2026-07-01"], "The expiry date 2026-07-01 is not in the future"),
    ],
)
def test_refusal_is_one_sentence(arguments: list[str], sentence: str) -> None:
    """What cannot be done is said, and changes nothing; the tokens of others count as missing."""
    secret = run_json(*NEW)["token"]
    with pytest.raises(RegistryAuthError, match=re.escape(sentence)):
        run("user", "token", *arguments)
    assert finds(secret)
    assert len(run_json("user", "token", "ada", "--list")) == 1
