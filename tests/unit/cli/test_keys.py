"""`registry-auth keys`."""

from pathlib import Path

import pytest

from registry_auth.signing import KeyDirectory
from tests.unit.cli.command_line import run, run_json
from tests.unit.installation import NOW

pytestmark = pytest.mark.one_store("keys are files")


def test_init_makes_keys_and_names_the_bundle(environment: Path) -> None:
    """The command says where the keys are and what the registry has to be given; a second time changes nothing."""
    for _ in range(2):
        said = run("keys", "init").stdout
        assert said == (
            f"The keys are in {environment}/keys. Configure the registry with rootcertbundle: {environment}/keys/public/ca.crt\n"
        )
    assert (environment / "keys" / "public" / "ca.crt").is_file()


def test_list_shows_ids_and_dates_and_no_key(environment: Path) -> None:
    """CA, signing key and server secret are listed with their ids; what is secret is not shown."""
    ring = KeyDirectory(environment / "keys").ready(NOW)
    (signing,) = ring.signing_keys
    assert run_json("keys", "list") == [
        {"kind": "ca", "id": ring.authority.kid, "not_before": "2026-06-30T12:00:00.000Z", "not_after": "2036-06-28T12:00:00.000Z"},
        {"kind": "signing", "id": signing.pair.kid, "not_before": "2026-06-30T12:00:00.000Z", "not_after": "2026-09-29T12:00:00.000Z"},
        {"kind": "server-secret", "id": ring.server_secret.id, "not_before": None, "not_after": None},
    ]
    table = run("keys", "list").stdout
    assert [line.split()[0] for line in table.splitlines()] == ["KIND", "ca", "signing", "server-secret"]
    assert table.splitlines()[3].split()[2:] == ["-", "-"]
    assert ring.server_secret.value.hex() not in table
