"""`registry-auth keys …`."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import click

from registry_auth.cli.durations import Duration
from registry_auth.cli.key_rows import key_rows
from registry_auth.cli.output import json_option, print_json, print_table
from registry_auth.database import check_schema
from registry_auth.dependency_proxy.gate_secret import file_for_nginx, write_for_nginx
from registry_auth.errors import ConfigurationError, ConflictError, RegistryAuthError
from registry_auth.services import key_directory, open_database, tokens_by_server_secret, utc_now
from registry_auth.settings import Settings, load_settings
from registry_auth.signing import KeyDirectory
from registry_auth.signing.key_changes import KeyChanges, Rotation
from registry_auth.signing.key_exports import JWKS, bundle_name, exports
from registry_auth.signing.key_files import write_public
from registry_auth.signing.key_import import read_importable
from registry_auth.signing.key_ring import SERVER_SECRET_USED_AFTER
from registry_auth.signing.key_warnings import key_warnings
from registry_auth.values import TokenHeader

_MOST_FILES = 2
_ACTIVATE = "then run `registry-auth keys activate`."


@click.group()
def keys() -> None:
    """Make, rotate and list the keys that tokens are signed with."""


@keys.command()
def init() -> None:
    """Make the keys that are missing. The server does so too when it starts."""
    directory = _directory()
    directory.ready(utc_now())
    click.echo(f"The keys are in {directory.path}. Configure the registry with rootcertbundle: {directory.bundle.resolve()}")


@keys.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List all keys with their states and dates (UTC)."""
    settings = load_settings()
    directory, now = key_directory(settings), utc_now()
    ring = directory.loaded()
    rows = key_rows(ring, now, _tokens_by_server_secret(settings))
    if as_json:
        print_json(rows)
        return
    print_table(("KIND", "ID", "STATE", "NOT BEFORE", "NOT AFTER", "TOKENS"), (tuple(row.values()) for row in rows))
    for sentence in key_warnings(ring, now, settings.token_header):
        click.echo(sentence, err=True)


@keys.command()
@click.option(
    "--if-older-than",
    type=Duration(),
    default="0s",
    help="Do nothing while the signing key is younger: 30d, 12h. For a timer.",
)
@click.option("--ca", is_flag=True, help="Make the next CA, and publish it in the bundle.")
@click.option("--server-secret", is_flag=True, help="Make a new secret for the digests of token secrets.")
def rotate(if_older_than: timedelta, ca: bool, server_secret: bool) -> None:
    """Make a new signing key.

    Running servers take it up within seconds, and registries notice nothing. Where tokens carry a key id alone, or the key was imported,
    the new one is published and signs from `keys activate` on.
    """
    if ca and server_secret:
        raise click.UsageError("--ca and --server-secret are two rotations: run one after the other.")
    if (ca or server_secret) and if_older_than:
        raise click.UsageError("--if-older-than goes with signing keys alone.")
    if ca:
        _rotate_authority()
    elif server_secret:
        _rotate_server_secret()
    else:
        directory = _directory()
        click.echo(_said_of(KeyChanges(directory).rotate(utc_now(), if_older_than=if_older_than), directory))


@keys.command()
def activate() -> None:
    """Let the keys that are published come into use. Restart the registries with the new bundle before."""
    activation = KeyChanges(_directory()).activate(utc_now())
    if activation.authority is not None:
        click.echo(f"The CA is now {activation.authority.kid}. The former one stays in the bundle for a day.")
    if activation.signing_key is not None:
        click.echo(f"Tokens are now signed with {activation.signing_key.pair.kid}. The former key stays published for a day.")


@keys.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(dir_okay=False, path_type=Path), metavar="KEY_FILE [CERTIFICATE_FILE]")
def import_(files: tuple[Path, ...]) -> None:
    """Publish a signing key of your own.

    It is an RSA or elliptic private key, with its certificate, in PEM files.
    """
    if len(files) > _MOST_FILES:
        raise click.UsageError("There are the private key and its certificate, in one file or in two.")
    directory = _directory()
    key = KeyChanges(directory).import_key(read_importable(b"\n".join(_content(path) for path in files)), utc_now())
    click.echo(f"The key {key.pair.kid} is published in {directory.bundle.resolve()}: restart the registries with it, {_ACTIVATE}")


@keys.command()
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
def export(directory: Path) -> None:
    """Write what registries need into a directory.

    That is the bundle for `rootcertbundle`, and jwks.json for `jwks`.
    """
    header = load_settings().token_header
    contents = exports(_directory().loaded())
    for name in (bundle_name(header), JWKS):
        _write(directory / name, contents[name])
    click.echo(_how_to_configure(directory.resolve(), header))


@keys.command()
@click.argument("server_secret_id")
@click.option("--force", is_flag=True, help="Even if tokens still hang on it: they stop working.")
def delete(server_secret_id: str, force: bool) -> None:
    """Take a former server secret out of use, by its id."""
    settings = load_settings()
    changes = KeyChanges(key_directory(settings))
    changes.former_server_secret(server_secret_id, utc_now())
    hanging = _tokens_by_server_secret(settings)
    if hanging is None and not force:
        raise ConfigurationError("The database cannot be asked how many tokens still hang on it. --force deletes it all the same.")
    count = (hanging or {}).get(server_secret_id, 0)
    if count and not force:
        hang = "1 token still hangs" if count == 1 else f"{count} tokens still hang"
        raise ConflictError(f"{hang} on the server secret {server_secret_id}. With --force, what hangs on it stops working.")
    changes.delete_server_secret(server_secret_id, utc_now())
    click.echo(f"The server secret {server_secret_id} is deleted.")


def _directory() -> KeyDirectory:
    return key_directory(load_settings())


def _said_of(rotation: Rotation, directory: KeyDirectory) -> str:
    key = f"signing key {rotation.signing_key.pair.kid}"
    made_at = f"{rotation.signing_key.created_at:%Y-%m-%d %H:%M:%S} UTC"
    if rotation.is_next:
        began = "The" if rotation.is_new else f"Nothing is made: since {made_at} the"
        return f"{began} {key} is published in {directory.bundle.resolve()}. Restart the registries with it, {_ACTIVATE}"
    if rotation.is_new:
        return f"Tokens are now signed with the new {key}. Servers that run take it up within seconds."
    return f"Nothing is made: the {key} of {made_at} is new enough."


def _rotate_authority() -> None:
    directory = _directory()
    is_new = KeyChanges(directory).rotate_authority(utc_now())
    began = "The next CA is" if is_new else "Nothing is made: a next CA is"
    click.echo(f"{began} published in {directory.public.resolve()}. Restart the registries with the new bundle, {_ACTIVATE}")


def _rotate_server_secret() -> None:
    directory = _directory()
    if not KeyChanges(directory).rotate_server_secret(utc_now()):
        click.echo("Nothing is made: there is a server secret that was made within the last minutes.")
        return
    minutes = SERVER_SECRET_USED_AFTER // timedelta(minutes=1)
    click.echo(
        f"A new server secret is made. In {minutes} minutes, when every server has it, tokens come under it as they are used; "
        "`registry-auth keys list` says how many still hang on which one."
    )
    if file_for_nginx(directory.path).exists():
        write_for_nginx(directory.path, directory.loaded().server_secrets[0])
        click.echo("Reload the nginx of the dependency proxy before you delete a former one: its secret is new too.")


def _tokens_by_server_secret(settings: Settings) -> Mapping[str, int] | None:
    """Give None where the database cannot be asked: the keys are listed all the same."""
    try:
        if settings.sqlite_file is not None and not settings.sqlite_file.exists():
            return None  # to open it would make it
        with open_database(settings) as database:
            check_schema(database)
            return tokens_by_server_secret(database, utc_now())
    except (RegistryAuthError, OSError):
        return None


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read ({error.strerror}).") from error


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_public(path, content)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written ({error.strerror}).") from error


def _how_to_configure(directory: Path, header: TokenHeader) -> str:
    bundle = directory / bundle_name(header)
    lines = [f"Configure the registry with rootcertbundle: {bundle}"]
    if header is not TokenHeader.X5C:
        lines.append(f"or, from Distribution 3.0 on, with jwks: {directory / JWKS}")
    return "\n".join(lines)
