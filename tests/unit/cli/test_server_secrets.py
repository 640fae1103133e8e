"""`registry-auth keys`, for the server secrets."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from registry_auth.cli.context import opened_services
from registry_auth.errors import ConfigurationError, ConflictError, NotFoundError
from registry_auth.signing import KeyDirectory
from registry_auth.values import NamespaceKind
from tests.unit.cli.command_line import run, run_json
from tests.unit.installation import READ, Clock

pytestmark = [pytest.mark.one_store("keys are files"), pytest.mark.usefixtures("clock")]


@pytest.fixture
def rotated(directory: KeyDirectory, clock: Clock) -> Iterator[KeyDirectory]:
    """Give a key directory with two server secrets, of which tokens hang on the former one."""
    clock.advance(days=1)
    with opened_services() as services:
        services.namespaces.create(NamespaceKind.PROJECT, "g/p")
        for _ in range(2):
            services.deploy_tokens.create(NamespaceKind.PROJECT, "g/p", name="token", scopes=READ)
        run("keys", "rotate", "--server-secret")
        clock.advance(minutes=5)
        yield directory


def test_rotate_the_server_secret(directory: KeyDirectory, clock: Clock) -> None:
    """Once; another one follows when this one makes digests."""
    said = (
        "A new server secret is made. In 5 minutes, when every server has it, tokens come under it as they are used; "
        "`registry-auth keys list` says how many still hang on which one.\n"
    )
    clock.advance(days=1)
    assert run("keys", "rotate", "--server-secret").stdout == said
    assert run("keys", "rotate", "--server-secret").stdout == (
        "Nothing is made: there is a server secret that was made within the last minutes.\n"
    )
    assert len(directory.loaded().server_secrets) == 2
    clock.advance(minutes=5)
    assert run("keys", "rotate", "--server-secret").stdout == said


def test_file_of_the_dependency_proxy_follows_the_server_secret(directory: KeyDirectory, clock: Clock) -> None:
    """Where nginx has one it is written anew, and has to be read by it."""
    file = directory.path / "dependency-proxy" / "gate-secret.conf"
    file.parent.mkdir()
    file.write_text("of before")
    clock.advance(days=1)
    assert run("keys", "rotate", "--server-secret").stdout.splitlines()[1:] == [
        "Reload the nginx of the dependency proxy before you delete a former one: its secret is new too."
    ]
    new = directory.loaded().server_secrets[0]
    assert new.digest("dependency proxy gate").hex() in file.read_text()


def test_delete_a_server_secret(rotated: KeyDirectory) -> None:
    """Not while tokens hang on it, unless somebody accepts that they stop working; the list says how many do."""
    new, old = rotated.loaded().server_secrets
    assert [(row["id"], row["state"], row["tokens"]) for row in run_json("keys", "list")[-2:]] == [
        (new.id, "active", 0),
        (old.id, "former", 2),
    ]
    for hanging in ("2 tokens still hang", "1 token still hangs"):
        with pytest.raises(ConflictError) as error:
            run("keys", "delete", old.id)
        assert str(error.value) == f"{hanging} on the server secret {old.id}. With --force, what hangs on it stops working."
        run("deploy-token", "revoke", "1")
    assert len(rotated.loaded().server_secrets) == 2
    assert run("keys", "delete", old.id, "--force").stdout == f"The server secret {old.id} is deleted.\n"
    assert rotated.loaded().server_secrets == (new,)


def test_delete_needs_no_force_where_nothing_hangs_on_it(directory: KeyDirectory, clock: Clock) -> None:
    """A secret under which no token is stored goes without a word more."""
    clock.advance(days=1)
    run("keys", "rotate", "--server-secret")
    clock.advance(minutes=5)
    new, old = directory.loaded().server_secrets
    assert run("keys", "delete", old.id).stdout == f"The server secret {old.id} is deleted.\n"
    for secret, error in ((new.id, ConflictError), (old.id, NotFoundError), ("x", NotFoundError)):
        for force in ([], ["--force"]):
            with pytest.raises(error):
                run("keys", "delete", secret, *force)
    assert directory.loaded().server_secrets == (new,)


def test_delete_without_a_database_takes_force(bare_environment: Path, clock: Clock) -> None:
    """Nobody can say what hangs on the secret."""
    run("keys", "init")
    clock.advance(days=1)
    run("keys", "rotate", "--server-secret")
    clock.advance(minutes=5)
    old = KeyDirectory(bare_environment / "keys").loaded().server_secrets[1]
    with pytest.raises(ConfigurationError, match="The database cannot be asked how many tokens still hang on it"):
        run("keys", "delete", old.id)
    assert run("keys", "delete", old.id, "--force").stdout == f"The server secret {old.id} is deleted.\n"
