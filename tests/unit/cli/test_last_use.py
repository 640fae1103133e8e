"""What the commands for tokens show of their last use."""

from datetime import UTC, datetime

import pytest

from registry_auth.cli.context import opened_services
from registry_auth.errors import UnavailableError
from registry_auth.last_use import LastUse, LastUses, service
from registry_auth.values import CallerKind
from tests.unit.cli.command_line import run, run_json
from tests.unit.lookups import deploy_token_lookup

USE = LastUse(datetime(2026, 11, 21, 15, 30, 59, 500_000, UTC), "10.1.2.3", "container_registry")
TEXT = "2026-11-21 15:30 UTC from 10.1.2.3 (container_registry)"
JSON = {"last_used_at": "2026-11-21T15:30:59.500Z", "last_used_ip": "10.1.2.3", "last_used_service": "container_registry"}
NEVER_USED = {"last_used_at": None, "last_used_ip": None, "last_used_service": None}


@pytest.fixture(autouse=True)
def used(environment: object) -> None:
    """Make two tokens of each kind, of which the first ones were used."""
    assert environment
    run("project", "create", "g/p")
    run("user", "create", "ada")
    for _ in range(2):
        run("deploy-token", "create", "--project", "g/p", "--name", "ci", "--scope", "read_registry")
        run("user", "token", "ada", "--name", "laptop", "--scope", "api")
    with opened_services() as services:
        services.last_uses.write({(CallerKind.DEPLOY_TOKEN, 1): USE, (CallerKind.PERSONAL_ACCESS_TOKEN, 1): USE})


def fields(*words: str) -> dict[str, str]:
    """Run a command that prints one thing, and give its fields."""
    return {line[:9]: line[11:] for line in run(*words).stdout.splitlines()}


@pytest.mark.parametrize("verb", ["show", "revoke", "rotate"])
def test_one_deploy_token(verb: str) -> None:
    """The last use of a token is among its fields, and stays whatever is done to it."""
    assert [fields("deploy-token", verb, number)["last used"] for number in "12"] == [TEXT, "never"]


@pytest.mark.parametrize("verb", ["show", "revoke", "rotate"])
def test_document_of_one_deploy_token(verb: str) -> None:
    """The document has the last use with the names of the REST API."""
    assert JSON.items() <= run_json("deploy-token", verb, "1").items()
    assert NEVER_USED.items() <= run_json("deploy-token", verb, "2").items()


@pytest.mark.parametrize("words", [["deploy-token", "list"], ["user", "token", "ada", "--list"]])
def test_lists(words: list[str]) -> None:
    """The last column says when each token was used, and so does each document."""
    heading, *rows = run(*words).stdout.splitlines()
    assert [line[heading.index("LAST USED") :] for line in (heading, *rows)] == ["LAST USED", TEXT, "never"]
    first, second = run_json(*words)
    assert JSON.items() <= first.items()
    assert NEVER_USED.items() <= second.items()


def test_revoked_personal_access_token() -> None:
    """A token that is revoked shows its last use, so that one sees whether it was still needed."""
    revoke = ("user", "token", "ada", "--revoke")
    assert [fields(*revoke, number)["last used"] for number in "12"] == [TEXT, "never"]
    assert JSON.items() <= run_json(*revoke, "1").items()
    assert NEVER_USED.items() <= run_json(*revoke, "2").items()


def test_lists_of_any_length(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists have no pages here: the last uses of more tokens than one query takes are shown too."""
    for _ in range(3):
        run("deploy-token", "create", "--project", "g/p", "--name", "ci", "--scope", "read_registry")
    with opened_services() as services:
        services.last_uses.write({(CallerKind.DEPLOY_TOKEN, 5): USE})
    monkeypatch.setattr(service, "_MOST_IDS", 2)
    shown = [token["last_used_ip"] for token in run_json("deploy-token", "list")]
    assert shown == ["10.1.2.3", None, None, None, "10.1.2.3"]


def test_a_rotation_that_cannot_be_shown_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the last uses cannot be read the token keeps its secret: another one would be lost."""
    secret = run_json("deploy-token", "rotate", "1")["token"]

    def fail(*_: object) -> None:
        raise UnavailableError("The database is away.")

    with monkeypatch.context() as patch:
        patch.setattr(LastUses, "of", fail)
        with pytest.raises(UnavailableError):
            run("deploy-token", "rotate", "1")
    with opened_services() as services:
        found = deploy_token_lookup(services).find(secret)
    assert found is not None
    assert found.why_dead(services.clock()) is None
