"""What stops a command: one line on standard error that names what is wrong and how to mend it, and an exit status that is not 0."""

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import run

import pytest

from .peers.processes import free_port
from .token_server import Installation, TokenServer

# Root passes by the permissions of files, unless it gives up these capabilities.
_MORTAL = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"] if os.geteuid() == 0 else []

Damage = Callable[[Installation], None]


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    """Make a complete installation with a project."""
    installation = Installation(tmp_path / "installation")
    installation.create_project("group/project")
    return installation


@pytest.fixture
def fresh(tmp_path: Path) -> Installation:
    """Give an empty directory."""
    return Installation(tmp_path / "installation")


def complaint(installation: Installation, *words: str) -> str:
    """Run `registry-auth`, bound by the permissions of files; give its one line of complaint."""
    done = run(
        [*_MORTAL, sys.executable, "-m", "registry_auth", *words],
        env=installation.env,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1, done
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("registry-auth: ")
    return line.removeprefix("registry-auth: ")


def serve(installation: Installation) -> str:
    """Give the complaint of `serve`."""
    return complaint(installation, "serve", "--port", str(free_port()))


def private_file(pattern: str) -> Callable[[Installation], Path]:
    """Name a private key file."""
    return lambda installation: next((installation.keys / "private").glob(pattern))


def replaced(path: Callable[[Installation], Path], content: str) -> Damage:
    """Damage a file's content; its permissions stay."""

    def damage(installation: Installation) -> None:
        path(installation).write_text(content)

    return damage


def mode(path: Callable[[Installation], Path], bits: int) -> Damage:
    """Change the permissions of a file or directory."""
    return lambda installation: path(installation).chmod(bits)


def made(directory: Callable[[Installation], Path], closed: Callable[[Installation], Path], bits: int) -> Damage:
    """Make an empty directory, then change the permissions of another, or of itself."""

    def damage(installation: Installation) -> None:
        directory(installation).mkdir()
        closed(installation).chmod(bits)

    return damage


def top(installation: Installation) -> Path:
    """Name the directory of the installation."""
    return installation.directory


def keys(installation: Installation) -> Path:
    """Name the key directory."""
    return installation.keys


def database(installation: Installation) -> Path:
    """Name the database."""
    return installation.database


def database_directory(installation: Installation) -> Path:
    """Name the directory of the database."""
    return installation.database.parent


def private_directory(installation: Installation) -> Path:
    """Name the directory of the private keys."""
    return installation.keys / "private"


def _take_the_authority_of_another(installation: Installation) -> None:
    other = Installation(installation.directory / "other")
    other.command("keys", "init").check()
    (other.keys / "private" / "ca.pem").replace(installation.keys / "private" / "ca.pem")


DAMAGED: dict[str, tuple[Damage, str]] = {
    "database-is-none": (
        replaced(database, "This is a shopping list.\n" * 50),
        r"The database {dir}/data/registry-auth.db cannot be used: file is not a database\. .+",
    ),
    "database-cannot-be-read": (
        mode(database, 0o000),
        (
            r"The database {dir}/data/registry-auth.db cannot be used: unable to open database file\. "
            r"Check that this user may read and write the file and its directory\."
        ),
    ),
    "database-directory-cannot-be-written": (
        mode(database_directory, 0o555),
        (
            r"The database {dir}/data/registry-auth.db cannot be used: attempt to write a readonly database\. "
            r"Check that this user may read and write the file and its directory\."
        ),
    ),
    "keys-cannot-be-read": (
        mode(private_directory, 0o000),
        r"The key directory {dir}/keys cannot be read \(Permission denied\): .+",
    ),
    "ca-cannot-be-read": (
        mode(private_file("ca.pem"), 0o000),
        r"The key file {dir}/keys/private/ca\.pem cannot be read \(Permission denied\): give it to this user\.",
    ),
    "ca-open-to-others": (
        mode(private_file("ca.pem"), 0o644),
        r"The key file {dir}/keys/private/ca\.pem is open to others \(mode 0644\): run `chmod 600 {dir}/keys/private/ca\.pem`\.",
    ),
    "signing-key-open-to-others": (
        mode(private_file("signing-*"), 0o644),
        r"The key file (?P<file>{dir}/keys/private/signing-\S+\.pem) is open to others \(mode 0644\): run `chmod 600 (?P=file)`\.",
    ),
    "secret-writable-for-the-group": (
        mode(private_file("server-secret-*"), 0o660),
        r"The key file (?P<file>{dir}/keys/private/server-secret-\S+\.key) is open to others \(mode 0660\): run `chmod 600 (?P=file)`\.",
    ),
    "signing-key-is-none": (
        replaced(private_file("signing-*"), "rubbish"),
        r"{dir}/keys/private/signing-\S+\.pem does not hold a private key, unencrypted, and its certificate in PEM form\.",
    ),
    "secret-is-none": (
        replaced(private_file("server-secret-*"), "rubbish"),
        r"{dir}/keys/private/server-secret-\S+\.key does not hold a server secret \(64 hexadecimal digits\).+",
    ),
    "key-of-another-installation": (
        _take_the_authority_of_another,
        r"{dir}/keys/private/signing-\S+\.pem was not signed by the CA in {dir}/keys/private/ca\.pem: move it away\. .+ keys import`\.",
    ),
}


@pytest.mark.parametrize(("damage", "pattern"), DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_installation(installation: Installation, damage: Damage, pattern: str) -> None:
    """Both the server and the commands say which file or directory is wrong, and stop; what is there stays."""
    before = {path.name for path in installation.directory.rglob("*.key")}
    damage(installation)
    expected = pattern.replace("{dir}", re.escape(str(installation.directory)))

    for said in (serve(installation), complaint(installation, "project", "list")):
        assert re.fullmatch(expected, said), said
    (installation.keys / "private").chmod(0o700)
    assert before <= {path.name for path in installation.directory.rglob("*.key")}


def test_a_database_that_can_only_be_read(installation: Installation) -> None:
    """The server does not start on a database in which no token could be revoked."""
    installation.database.chmod(0o444)

    said = serve(installation)

    assert said.startswith(f"The database {installation.database} cannot be used: attempt to write a readonly database. Check that")


FRESH: dict[str, tuple[Damage, str]] = {
    "database-below-a-file": (
        replaced(database_directory, ""),
        r"The database {dir}/data/registry-auth.db cannot be made \(File exists\): .+ REGISTRY_AUTH_DATABASE_URL\.",
    ),
    "database-is-a-directory": (
        lambda i: i.database.mkdir(parents=True),
        r"The database {dir}/data/registry-auth.db cannot be used: unable to open database file\. .+",
    ),
    "database-directory-cannot-be-made": (
        made(keys, top, 0o555),
        r"The database {dir}/data/registry-auth.db cannot be made \(Permission denied\): .+ REGISTRY_AUTH_DATABASE_URL\.",
    ),
    "keys-is-a-file": (
        replaced(keys, ""),
        r"The key directory {dir}/keys cannot be .+: .+ REGISTRY_AUTH_KEYS_DIR names another one\.",
    ),
    "keys-cannot-be-made": (
        made(keys, keys, 0o555),
        r"The key directory {dir}/keys cannot be used \(Permission denied\): .+ REGISTRY_AUTH_KEYS_DIR names another one\.",
    ),
}


@pytest.mark.parametrize(("damage", "pattern"), FRESH.values(), ids=FRESH)
def test_a_directory_in_which_nothing_can_be_made(fresh: Installation, damage: Damage, pattern: str) -> None:
    """Before the first start too, the line names the setting that leads to another place."""
    damage(fresh)

    for said in (serve(fresh), complaint(fresh, "project", "create", "a")):
        assert re.fullmatch(pattern.replace("{dir}", re.escape(str(fresh.directory))), said), said


def test_a_port_in_use(token_server: TokenServer) -> None:
    """Who listens on a port that another server has learns which option changes it; the other server goes on."""
    said = complaint(token_server, "serve", "--port", str(token_server.port))

    assert said == f"The address 127.0.0.1:{token_server.port} is in use: choose another port with --port."
    assert token_server.ask().status == 200


SETTINGS: dict[str, str] = {
    "REGISTRY_AUTH_DATABASE_URL": "mysql://database/registry",
    "REGISTRY_AUTH_TOKEN_LIFETIME": "5",
    "REGISTRY_AUTH_EXTERNAL_URL": "registry.example.com",
    "REGISTRY_AUTH_SERVICE": "two words",
    "REGISTRY_AUTH_ISSUER": '"quoted"',
}


@pytest.mark.parametrize("variable", SETTINGS)
def test_a_setting_that_is_not_usable(tmp_path: Path, variable: str) -> None:
    """The line names the environment variable and what it must be; nothing is written."""
    installation = Installation(tmp_path / "installation", **{variable: SETTINGS[variable]})

    assert re.match(rf"{variable}\b.* must be .+", serve(installation))
    assert {path.name for path in installation.directory.iterdir()} == {"home"}
