"""`registry-auth user`."""

import re

import pytest

from registry_auth.cli.context import opened_services
from registry_auth.errors import RegistryAuthError
from registry_auth.values import NamespaceKind, TokenScope
from tests.unit.cli.command_line import run, run_json, usage_error
from tests.unit.installation import Clock


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch, environment: object) -> Clock:
    """Set the clock of the command line."""
    assert environment
    clock = Clock()
    monkeypatch.setattr("registry_auth.services.utc_now", clock)
    return clock


def test_document_of_a_new_user() -> None:
    """The document has the fields of the REST API; a user is found by the user name in any letter case."""
    created = run_json("user", "create", "Ada", "--admin", "--name", "Ada Lovelace", "--email", "Ada@Example.com")
    assert created == {
        "id": 1,
        "username": "Ada",
        "name": "Ada Lovelace",
        "state": "active",
        "email": "ada@example.com",
        "is_admin": True,
        "created_at": "2026-07-01T12:00:00.000Z",
    }
    assert run_json("user", "show", "aDA") == created
    assert run_json("user", "list") == [created]


def test_update_changes_what_is_given_alone() -> None:
    """What is not given stays as it is."""
    created = run_json("user", "create", "ada")
    assert run_json("user", "update", "ada") == created
    changed = run_json("user", "update", "ada", "--admin", "--name", "Ada Lovelace")
    assert changed == created | {"is_admin": True, "name": "Ada Lovelace"}
    assert run_json("user", "update", "ada", "--email", "ada@example.com") == changed | {"email": "ada@example.com"}
    assert run_json("user", "update", "ada", "--no-admin")["is_admin"] is False


def test_fields_and_tables_for_people() -> None:
    """One user is a list of fields, several are a table."""
    fields = [
        "id             1",
        "user name      ada",
        "name           ada",
        "e-mail         -",
        "administrator  no",
        "password       no",
        "state          active",
    ]
    assert run("user", "create", "ada").stdout.splitlines() == fields
    assert run("user", "show", "ada").stdout.splitlines() == fields
    run("user", "create", "bob", "--admin", "--email", "bob@example.com")
    run("user", "block", "bob")
    assert run("user", "list").stdout.splitlines() == [
        "ID  USER NAME  NAME  E-MAIL           ADMINISTRATOR  STATE",
        "1   ada        ada   -                no             active",
        "2   bob        bob   bob@example.com  yes            blocked",
    ]


def test_each_outcome_is_one_sentence() -> None:
    """Blocking, unblocking and deleting say what they did."""
    run("user", "create", "Ada")
    assert [run("user", verb, "ada").stdout for verb in ("block", "unblock", "delete")] == [
        "The user 'Ada' is blocked: the password and all personal access tokens are refused.\n",
        "The user 'Ada' may log in.\n",
        "The user 'Ada' is deleted with all memberships and personal access tokens; deploy tokens that the user made stay.\n",
    ]


def test_each_outcome_as_a_document() -> None:
    """Blocking and unblocking give the user as the user is then, deleting as the user was."""
    created = run_json("user", "create", "ada")
    assert run_json("user", "block", "ada") == created | {"state": "blocked"}
    assert run_json("user", "unblock", "ada") == created
    assert run_json("user", "delete", "ada") == created
    assert run_json("user", "list") == []


def test_deletion_takes_what_only_the_user_had() -> None:
    """Memberships and personal access tokens go, deploy tokens that the user made stay."""
    run("project", "create", "g/p")
    run("user", "create", "ada")
    run("member", "add", "--project", "g/p", "ada", "--role", "owner")
    run("user", "token", "ada", "--name", "laptop", "--scope", "api")
    with opened_services() as services:
        services.deploy_tokens.create(
            NamespaceKind.PROJECT, "g/p", name="ci", scopes=[TokenScope.READ_REGISTRY], created_by=run_json("user", "show", "ada")["id"]
        )
    run("user", "delete", "ada")
    with opened_services() as services:
        assert services.personal_access_tokens.list() == []
    assert run_json("member", "list", "--project", "g/p") == []
    assert [token["created_by"] for token in run_json("deploy-token", "list")] == [None]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["create"], "Missing argument 'NAME'"),
        (["show"], "Missing argument 'NAME'"),
        (["create", "ada", "--no-admin"], "No such option"),
        (["create", "ada", "--password", "correct-horse"], "No such option"),
        (["rename", "ada"], "No such command"),
    ],
)
def test_wrong_usage_is_explained(arguments: list[str], sentence: str) -> None:
    """Unknown words are refused; so is a password among the arguments, which others on the machine could read."""
    assert sentence in usage_error("user", *arguments)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["create", "ADA"], "The user name 'ADA' is taken."),
        (["create", "a b"], "A user name has 1 to 255 letters"),
        (["create", "bob", "--email", "bob"], "An e-mail address has one '@'"),
        (["create", "bob", "--email", "ADA@example.com"], "Another user has this e-mail address."),
        (["create", "bob", "--name", "\n"], "A name cannot be blank"),
        *(([verb, "nobody"], "There is no user 'nobody'.") for verb in ("show", "update", "block", "unblock", "delete")),
    ],
)
def test_refusal_is_one_sentence(arguments: list[str], sentence: str) -> None:
    """What cannot be done is said, and changes nothing."""
    run("user", "create", "ada", "--email", "ada@example.com")
    with pytest.raises(RegistryAuthError, match=re.escape(sentence)):
        run("user", *arguments)
    assert [user["username"] for user in run_json("user", "list")] == ["ada"]
