"""`registry-auth deploy-token`."""

import pytest

from registry_auth.cli.context import opened_services
from tests.unit.cli.command_line import run, run_json, usage_error
from tests.unit.installation import NOW, Clock
from tests.unit.lookups import deploy_token_lookup

FOR_PROJECT = ["--project", "g/p", "--name", "ci", "--scope", "read_registry"]


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch, environment: object) -> Clock:
    """Set the clock of the command line, and make a project."""
    assert environment
    clock = Clock()
    for module in ("registry_auth.services", "registry_auth.cli.deploy_tokens"):
        monkeypatch.setattr(f"{module}.utc_now", clock)
    run("project", "create", "g/p")
    return clock


def finds(secret: str) -> bool:
    """Say whether a log-in with this secret would work."""
    with opened_services() as services:
        found = deploy_token_lookup(services).find(secret)
    return found is not None and found.why_dead(NOW) is None


def test_document_of_a_new_token() -> None:
    """The document has the fields of the REST API, and the secret this once."""
    created = run_json(
        "deploy-token", "create", *FOR_PROJECT, "--scope", "write_registry", "--username", "robot", "--expires-at", "2026-08-01"
    )
    secret = created.pop("token")
    assert created == {
        "id": 1,
        "name": "ci",
        "username": "robot",
        "expires_at": "2026-08-01T00:00:00.000Z",
        "scopes": ["read_registry", "write_registry"],
        "revoked": False,
        "expired": False,
        "owner": {"kind": "project", "full_path": "g/p"},
        "created_by": None,
        "last_used_at": None,
        "last_used_ip": None,
        "last_used_service": None,
    }
    assert finds(secret)
    assert run_json("deploy-token", "show", "1") == created
    assert run_json("deploy-token", "list") == [created]


@pytest.mark.parametrize("scope", ["read_virtual_registry", "write_virtual_registry"])
def test_scopes_for_groups_on_a_token_of_a_project(scope: str) -> None:
    """It is made, as in GitLab, but whoever makes it is told that the dependency proxy will not take it."""
    words = ("deploy-token", "create", "--name", "cache", "--scope", scope)
    assert run(*words, "--project", "g/p", "--json").stderr == (
        "Warning: the dependency proxy takes deploy tokens of groups alone; the scopes for it count for nothing here.\n"
    )
    assert run(*words, "--group", "g").stderr == ""
    assert run(*words[:-1], "read_registry", "--project", "g/p").stderr == ""


def test_fields_and_tables_for_people(clock: Clock) -> None:
    """A new token is shown with its secret, later without; a list has one line each, with the state of today."""
    lines = run("deploy-token", "create", "--group", "g", "--name", "gitlab-deploy-token", "--scope", "read_repository").stdout.splitlines()
    shown = run("deploy-token", "show", "1").stdout
    assert shown.splitlines() == [
        "id         1",
        "for        group g",
        "name       gitlab-deploy-token",
        "scopes     read_repository, read_registry, write_registry",
        "expires    never",
        "state      active",
        "last used  never",
        "user name  gitlab+deploy-token-1",
    ]
    assert lines[:8] == shown.splitlines()
    assert lines[8].startswith("secret     gldt-")
    assert lines[8].endswith("  (shown only now)")
    run("deploy-token", "create", *FOR_PROJECT, "--expires-at", "2026-07-02")
    run("deploy-token", "create", *FOR_PROJECT)
    run("deploy-token", "revoke", "3")
    clock.advance(days=1)
    heading, *rows = run("deploy-token", "list").stdout.splitlines()
    assert heading.split("  ")[0] == "ID"
    assert [row.split()[-2:] for row in rows] == [["active", "never"], ["expired", "never"], ["revoked", "never"]]
    assert "2026-07-02 at 00:00 UTC" in run("deploy-token", "show", "2").stdout


def test_lists_are_bounded_by_owner_and_state() -> None:
    """A list may have one owner only, and only what works."""
    run("deploy-token", "create", *FOR_PROJECT)
    run("deploy-token", "create", "--group", "g", "--name", "g", "--scope", "read_registry")
    run("deploy-token", "revoke", "1")
    ids = {
        words: [token["id"] for token in run_json("deploy-token", "list", *words)]
        for words in ((), ("--project", "g/p"), ("--group", "g"), ("--active",), ("--project", "g/p", "--active"))
    }
    assert list(ids.values()) == [[1, 2], [1], [2], [2], []]


def test_rotation_shows_the_new_secret_and_keeps_the_rest() -> None:
    """The new secret works; the old one for as long as was asked."""
    created = run_json("deploy-token", "create", *FOR_PROJECT)
    first = run_json("deploy-token", "rotate", "1", "--overlap", "60")
    assert finds(created["token"])
    second = run_json("deploy-token", "rotate", "1")
    assert (finds(created["token"]), finds(first["token"]), finds(second["token"])) == (False, False, True)
    assert created | {"token": ""} == second | {"token": ""}
    assert "(shown only now)" in run("deploy-token", "rotate", "1").stdout


def test_revocation_shows_the_token_as_revoked() -> None:
    """After it the secret is refused."""
    created = run_json("deploy-token", "create", *FOR_PROJECT)
    assert run_json("deploy-token", "revoke", "1")["revoked"] is True
    assert "state      revoked" in run("deploy-token", "revoke", "1").stdout
    assert not finds(created["token"])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["create", "--name", "n", "--scope", "read_registry"], "Say what the token is for: --project PATH or --group PATH."),
        (["create", *FOR_PROJECT, "--group", "g"], "--project and --group exclude each other."),
        (["list", "--project", "g/p", "--group", "g"], "--project and --group exclude each other."),
        (["create", "--project", "g/p", "--name", "n"], "It takes one of read_repository, read_registry"),
        (["create", "--project", "g/p", "--scope", "read_registry"], "Missing option '--name'"),
        (["create", *FOR_PROJECT, "--scope", "admin"], "'admin' is none of read_repository, read_registry"),
        (["create", *FOR_PROJECT, "--expires-at", "soon"], "An expiry date is written YYYY-MM-DD"),
        (["create", *FOR_PROJECT, "--expires-at", "0001-01-01T00:00+23:00"], "The expiry date is out of range."),
        (["show", "one"], "'one' is not a valid id"),
        (["show", "0"], "0 is not in the range"),
        (["show", "9" * 30], "is not in the range"),
        (["rotate", "1", "--overlap", "-1"], "-1 is not in the range"),
        (["rotate", "1", "--overlap", "9" * 30], "is not in the range"),
    ],
)
def test_wrong_usage_is_explained(arguments: list[str], sentence: str) -> None:
    """Each wrong word is answered with what can be written, whatever its size."""
    said = " ".join(usage_error("deploy-token", *arguments).split())
    assert sentence in said
