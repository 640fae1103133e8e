"""`registry-auth group` and `registry-auth project`."""

from pathlib import Path

import pytest

from registry_auth.database import check_schema
from tests.unit.cli.command_line import run, run_json, usage_error
from tests.unit.stores import TriedStore

pytestmark = pytest.mark.usefixtures("environment")


def test_first_command_makes_the_installation(bare_environment: Path, bare_store: TriedStore) -> None:
    """In a new place a command makes tables and keys first."""
    run("project", "create", "g/p")
    check_schema(bare_store.database)
    assert (bare_environment / "keys" / "public" / "ca.crt").is_file()


@pytest.mark.parametrize(("noun", "path_field"), [("group", "full_path"), ("project", "path_with_namespace")])
def test_verbs_of_both_nouns(noun: str, path_field: str) -> None:
    """Create, show, update, list and delete give the same document, with the fields of the REST API."""
    created = run_json(noun, "create", "g/x", "--visibility", "internal", "--name", "The X")
    assert created[path_field] == "g/x"
    assert (created["name"], created["path"], created["visibility"]) == ("The X", "x", "internal")
    assert run_json(noun, "show", "g/x") == created
    assert run_json(noun, "update", "g/x") == created
    updated = run_json(noun, "update", "g/x", "--visibility", "private", "--name", "Y")
    assert updated == created | {"name": "Y", "visibility": "private"}
    assert updated in run_json(noun, "list")
    deleted = run(noun, "delete", "g/x").stdout
    assert deleted == f"Deleted the {noun} 'g/x' with its deploy tokens and memberships. The path stays reserved.\n"
    assert updated not in run_json(noun, "list")


def test_fields_and_tables_for_people() -> None:
    """Without `--json` one thing is a list of fields, several are a table."""
    fields = "id          2\npath        g/p\nname        p\nvisibility  private\n"
    assert run("project", "create", "g/p").stdout == fields
    assert run("project", "show", "g/p").stdout == fields
    assert run("project", "list").stdout == "ID  PATH  VISIBILITY  NAME\n2   g/p   private     p\n"
    assert run("project", "delete", "g/p").exit_code == 0
    assert run("project", "list").stdout == "ID  PATH  VISIBILITY  NAME\n"


def test_dependency_proxy_of_a_group_is_switched() -> None:
    """It is on at first; `update` switches it, `show` says it, in words for people; other changes leave it alone."""
    created = run_json("group", "create", "g")
    assert created["dependency_proxy_enabled"] is True
    off = run("group", "update", "g", "--dependency-proxy", "off").stdout
    assert off == "id                1\npath              g\nname              g\nvisibility        private\ndependency proxy  off\n"
    assert run("group", "show", "g").stdout == off
    assert run_json("group", "update", "g", "--name", "g") == created | {"dependency_proxy_enabled": False}
    assert run("group", "update", "g", "--dependency-proxy", "on").stdout.endswith("dependency proxy  on\n")
    assert run_json("group", "show", "g") == created


def test_project_shows_no_dependency_proxy() -> None:
    """What is switched for groups is no field of a project."""
    assert "dependency_proxy_enabled" not in run_json("project", "create", "g/p")


def test_recursive_deletion_names_everything() -> None:
    """All that goes is named."""
    run("project", "create", "g/sub/p")
    lines = run("group", "delete", "g", "--recursive").stdout.splitlines()
    assert [line.split("'")[1] for line in lines] == ["g/sub/p", "g/sub", "g"]


def test_reused_path_warns_on_standard_error() -> None:
    """Taking a deleted path again warns of the images that come with it, and leaves the document whole."""
    run("project", "create", "g/p")
    run("group", "delete", "g", "--recursive")
    result = run("project", "create", "g/p", "--reuse-path", "--json")
    assert result.stdout.startswith("{")
    assert [line.split("'")[1] for line in result.stderr.splitlines()] == ["g", "g/p"]
    assert all(line.startswith("Warning: the images that the registry still has under") for line in result.stderr.splitlines())


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["group", "create", "g", "--visibility", "secret"], "'secret' is none of private, internal, public."),
        (["group", "create", "g", "--visibility", "PUBLIC"], "'PUBLIC' is none of private, internal, public."),
        (["group", "create"], "Missing argument 'PATH'"),
        (["project", "delete", "p", "--recursive"], "No such option"),
        (["project", "rename", "p"], "No such command"),
        (["project", "update", "p", "--dependency-proxy", "off"], "No such option"),
        (["group", "create", "g", "--dependency-proxy", "off"], "No such option"),
        (["group", "update", "g", "--dependency-proxy", "false"], "'false' is none of on, off."),
    ],
)
def test_wrong_usage_is_explained(arguments: list[str], sentence: str) -> None:
    """Unknown words are answered with those that can be used, as they are typed."""
    assert sentence in usage_error(*arguments)
