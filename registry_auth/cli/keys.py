"""`registry-auth keys …`."""

import click

from registry_auth.cli.output import json_option, print_json, print_table
from registry_auth.errors import NotFoundError
from registry_auth.json_form import instant_json
from registry_auth.services import utc_now
from registry_auth.settings import load_settings
from registry_auth.signing import KeyDirectory
from registry_auth.signing.certificates import KeyPair
from registry_auth.signing.key_ring import KeyRing


@click.group()
def keys() -> None:
    """Make and list the keys that tokens are signed with."""


@keys.command()
def init() -> None:
    """Make the keys that are missing. The server does so too when it starts."""
    directory = KeyDirectory(load_settings().keys_dir)
    directory.ready(utc_now())
    click.echo(f"The keys are in {directory.path}. Configure the registry with rootcertbundle: {directory.bundle.resolve()}")


@keys.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the CA, the signing keys and the server secret, with their dates (UTC)."""
    directory = KeyDirectory(load_settings().keys_dir)
    ring = directory.read()
    if ring is None:
        raise NotFoundError(f"There are no complete keys in {directory.path}: run `registry-auth keys init`.")
    rows = _rows(ring)
    if as_json:
        print_json(rows)
        return
    print_table(("KIND", "ID", "NOT BEFORE", "NOT AFTER"), (tuple(row.values()) for row in rows))


def _rows(ring: KeyRing) -> list[dict[str, object]]:
    return [
        _certificate_row("ca", ring.authority),
        *(_certificate_row("signing", key.pair) for key in ring.signing_keys),
        {"kind": "server-secret", "id": ring.server_secret.id, "not_before": None, "not_after": None},
    ]


def _certificate_row(kind: str, pair: KeyPair) -> dict[str, object]:
    return {
        "kind": kind,
        "id": pair.kid,
        "not_before": instant_json(pair.not_before),
        "not_after": instant_json(pair.not_after),
    }
