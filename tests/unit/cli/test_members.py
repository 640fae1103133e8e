"""`registry-auth member`."""

import re

import pytest

from registry_auth.errors import RegistryAuthError
from registry_auth.values import Role
from tests.unit.cli.command_line import run, run_json, usage_error

OF_PROJECT = ["--project", "g/p"]
OF_GROUP = ["--group", "g"]


@pytest.fixture(autouse=True)
def users_and_project(environment: object) -> None:
    """Make two users and a project in a group."""
    assert environment
    run("project", "create", "g/p")
    run("user", "create", "Ada", "--name", "Ada Lovelace")
    run("user", "create", "bob")


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("place", [OF_PROJECT, OF_GROUP], ids=["project", "group"])
def test_verbs_of_both_places(place: list[str], role: Role) -> None:
    """Add, list, update and remove give the same document, with the fields of the REST API; roles are lower-case words."""
    added = run_json("member", "add", *place, "aDA", "--role", role.name.lower())
    assert {**added, "created_at": ""} == {
        "id": 1,
        "username": "Ada",
        "name": "Ada Lovelace",
        "state": "active",
        "access_level": int(role),
        "created_at": "",
    }
    assert run_json("member", "list", *place) == [added]
    updated = run_json("member", "update", *place, "ada", "--role", "reporter")
    assert updated == added | {"access_level": 20}
    assert run_json("member", "remove", *place, "ada") == updated
    assert run_json("member", "list", *place) == []


def test_fields_and_tables_for_people() -> None:
    """One membership is a list of fields, several are a table, and an end is a sentence."""
    assert run("member", "add", *OF_PROJECT, "ada", "--role", "developer").stdout.splitlines() == [
        "user name  Ada",
        "role       developer",
        "in         project g/p",
    ]
    run("member", "add", *OF_PROJECT, "bob", "--role", "guest")
    assert "role       owner" in run("member", "update", *OF_PROJECT, "bob", "--role", "owner").stdout.splitlines()
    run("user", "block", "bob")
    assert run("member", "list", *OF_PROJECT).stdout.splitlines() == [
        "USER NAME  NAME          ROLE       STATE",
        "Ada        Ada Lovelace  developer  active",
        "bob        bob           owner      blocked",
    ]
    assert run("member", "remove", *OF_PROJECT, "ada").stdout == "The user 'Ada' is no longer a member of the project 'g/p'.\n"


def test_members_of_a_group_are_not_listed_in_its_projects() -> None:
    """A list holds those to whom a role was given right there."""
    run("member", "add", *OF_GROUP, "ada", "--role", "owner")
    run("member", "add", *OF_PROJECT, "bob", "--role", "guest")
    assert [[member["username"] for member in run_json("member", "list", *place)] for place in (OF_GROUP, OF_PROJECT)] == [["Ada"], ["bob"]]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["add", "ada", "--role", "guest"], "Say whose members: --project PATH or --group PATH."),
        (["list"], "Say whose members: --project PATH or --group PATH."),
        (["list", *OF_PROJECT, *OF_GROUP], "--project and --group exclude each other."),
        (["add", *OF_PROJECT, "ada"], "It takes one of guest, reporter, developer, maintainer, owner."),
        (["add", *OF_PROJECT, "ada", "--role", "30"], "'30' is none of guest, reporter, developer, maintainer, owner."),
        (["add", *OF_PROJECT, "ada", "--role", "Owner"], "'Owner' is none of guest, reporter, developer, maintainer, owner."),
        (["add", *OF_PROJECT, "--role", "guest"], "Missing argument 'USER'"),
        (["remove", *OF_PROJECT, "ada", "--role", "guest"], "No such option"),
    ],
)
def test_wrong_usage_is_explained(arguments: list[str], sentence: str) -> None:
    """Each wrong or missing word is answered with what can be written."""
    assert sentence in " ".join(usage_error("member", *arguments).split())


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["add", *OF_PROJECT, "ada", "--role", "owner"], "The user 'Ada' is a member of the project 'g/p' already."),
        (["add", *OF_PROJECT, "nobody", "--role", "owner"], "There is no user 'nobody'."),
        (["add", "--project", "g", "bob", "--role", "owner"], "There is no project 'g'."),
        (["update", *OF_PROJECT, "bob", "--role", "owner"], "The user 'bob' is not a member of the project 'g/p'."),
        (["remove", *OF_GROUP, "ada"], "The user 'Ada' is not a member of the group 'g'."),
        (["list", "--group", "h"], "There is no group 'h'."),
    ],
)
def test_refusal_is_one_sentence(arguments: list[str], sentence: str) -> None:
    """What cannot be done is said, and changes nothing."""
    added = run_json("member", "add", *OF_PROJECT, "ada", "--role", "guest")
    with pytest.raises(RegistryAuthError, match=re.escape(sentence)):
        run("member", *arguments)
    assert run_json("member", "list", *OF_PROJECT) == [added]
