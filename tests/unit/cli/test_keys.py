"""`registry-auth keys`."""

from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from registry_auth.cli import cli
from registry_auth.errors import ConfigurationError, ConflictError, InvalidValueError, RegistryAuthError
from registry_auth.signing import KeyDirectory
from registry_auth.signing.key_ring import KeyRing
from registry_auth.values import TokenHeader
from tests.unit.cli.command_line import run, run_json, usage_error
from tests.unit.installation import NOW, Clock
from tests.unit.signing.own_keys import certificate_pem, certified, key_pem, own_key, own_pair
from tests.unit.signing.registry import Registry
from tests.unit.stores import TriedStore

pytestmark = [pytest.mark.one_store("keys are files"), pytest.mark.usefixtures("clock")]

DAY = timedelta(days=1)
KID_HEADERS = [TokenHeader.LIBTRUST_KID, TokenHeader.RFC7638_KID]


@pytest.fixture(params=KID_HEADERS)
def kid_directory(directory: KeyDirectory, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> KeyDirectory:
    """Give the key directory of an installation whose tokens carry a key id alone."""
    monkeypatch.setenv("REGISTRY_AUTH_TOKEN_HEADER", request.param)
    return KeyDirectory(directory.path, request.param)


def active(ring: KeyRing) -> str:
    """Give the id of the key that signs."""
    return ring.signing_keys[0].pair.kid


def following(ring: KeyRing) -> str:
    """Give the id of the key that is to sign."""
    assert ring.next_signing_key is not None
    return ring.next_signing_key.pair.kid


def files(directory: KeyDirectory) -> dict[Path, bytes]:
    """Give every file of the key directory."""
    return {path: path.read_bytes() for path in directory.path.rglob("*") if path.is_file()}


def test_init_makes_keys_and_names_the_bundle(environment: Path) -> None:
    """The command says where the keys are and what the registry has to be given; a second time changes nothing."""
    for _ in range(2):
        said = run("keys", "init").stdout
        assert said == (
            f"The keys are in {environment}/keys. Configure the registry with rootcertbundle: {environment}/keys/public/ca.crt\n"
        )
    assert (environment / "keys" / "public" / "ca.crt").is_file()


def test_init_names_the_bundle_of_the_mode(kid_directory: KeyDirectory) -> None:
    """Where tokens carry a key id alone, the registry needs the signing certificates."""
    assert run("keys", "init").stdout.endswith(f"rootcertbundle: {kid_directory.path}/public/signing.crt\n")


def test_list_shows_ids_and_dates_and_no_key(directory: KeyDirectory) -> None:
    """CA, signing key and server secret are listed with their ids and states; what is secret is not shown."""
    ring = directory.loaded()
    (signing,) = ring.signing_keys
    (secret,) = ring.server_secrets
    start = {"state": "active", "not_before": "2026-06-30T12:00:00.000Z"}
    assert run_json("keys", "list") == [
        {"kind": "ca", "id": ring.authority.kid, **start, "not_after": "2036-06-28T12:00:00.000Z", "tokens": None},
        {"kind": "signing", "id": signing.pair.kid, **start, "not_after": "2026-09-29T12:00:00.000Z", "tokens": None},
        {"kind": "server-secret", "id": secret.id, "state": "active", "not_before": None, "not_after": None, "tokens": 0},
    ]
    table = run("keys", "list")
    lines = table.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["KIND", "ca", "signing", "server-secret"]
    assert lines[0].split() == ["KIND", "ID", "STATE", "NOT", "BEFORE", "NOT", "AFTER", "TOKENS"]
    assert lines[3].split() == ["server-secret", secret.id, "active", "-", "-", "0"]
    assert secret.value.hex() not in table.output
    assert "PRIVATE" not in table.output
    assert table.stderr == ""


def test_list_makes_nothing(directory: KeyDirectory) -> None:
    """Also when a renewal is due and a public file is gone: whoever looks changes nothing."""
    directory.bundle.unlink()
    before = files(directory)
    for arguments in (["list"], ["list", "--json"]):
        run("keys", *arguments)
    assert files(directory) == before


def test_list_where_nothing_is_makes_nothing(bare_environment: Path) -> None:
    """No keys and no database, and the sentence says what makes keys."""
    with pytest.raises(ConfigurationError, match=f"There are no complete keys in {bare_environment}/keys: run `registry-auth keys init`"):
        run("keys", "list")
    assert list(bare_environment.iterdir()) == []


def test_list_does_not_need_the_database(bare_environment: Path) -> None:
    """The keys are listed all the same; only how many tokens hang on each server secret is not known. No database is made."""
    run("keys", "init")
    assert [row["tokens"] for row in run_json("keys", "list")] == [None, None, None]
    assert [path.name for path in bare_environment.iterdir()] == ["keys"]


def test_list_says_what_ends_soon(directory: KeyDirectory, clock: Clock) -> None:
    """Beside the table, on standard error; the JSON document is one of rows alone."""
    clock.advance(days=80)
    result = run("keys", "list")
    assert result.stderr == (
        "The signing certificate ends on 2026-09-29. The server has not renewed it: its log says why. "
        "`registry-auth keys rotate` makes the next one.\n"
    )
    assert len(result.stdout.splitlines()) == 4
    assert len(run_json("keys", "list")) == 3
    assert len(directory.loaded().signing_keys) == 1


def test_rotate_at_once(directory: KeyDirectory, clock: Clock) -> None:
    """The new key signs; at the same moment there is no other, nor while the key is younger than what a timer says."""
    clock.advance(days=1)
    said = run("keys", "rotate").stdout
    kid = active(directory.loaded())
    assert said == f"Tokens are now signed with the new signing key {kid}. Servers that run take it up within seconds.\n"
    made = f"Nothing is made: the signing key {kid} of 2026-07-02 12:00:00 UTC is new enough.\n"
    assert run("keys", "rotate").stdout == made
    clock.advance(hours=47)
    assert run("keys", "rotate", "--if-older-than", "2d").stdout == made
    assert active(directory.loaded()) == kid
    clock.advance(hours=1)
    assert "the new signing key" in run("keys", "rotate", "--if-older-than", "2d").stdout
    assert active(directory.loaded()) != kid


def test_rotate_and_activate_in_two_steps(kid_directory: KeyDirectory, clock: Clock) -> None:
    """The next key is published, which is said again as often as asked; then it signs."""
    clock.advance(days=1)
    old = active(kid_directory.loaded())
    said = run("keys", "rotate").stdout
    kid = following(kid_directory.loaded())
    rest = (
        f"signing key {kid} is published in {kid_directory.path}/public/signing.crt. "
        "Restart the registries with it, then run `registry-auth keys activate`.\n"
    )
    assert said == f"The {rest}"
    clock.advance(days=1)
    assert run("keys", "rotate").stdout == f"Nothing is made: since 2026-07-02 12:00:00 UTC the {rest}"
    assert active(kid_directory.loaded()) == old
    assert [row["state"] for row in run_json("keys", "list")] == ["active", "next", "active", "active"]
    assert run("keys", "activate").stdout == f"Tokens are now signed with {kid}. The former key stays published for a day.\n"
    assert active(kid_directory.loaded()) == kid


def test_replace_the_ca(directory: KeyDirectory, clock: Clock) -> None:
    """The next CA is published once, and activated, with a signing key of its own."""
    clock.advance(days=1)
    old, rest = (
        active(directory.loaded()),
        f"published in {directory.path}/public. Restart the registries with the new bundle, then run `registry-auth keys activate`.\n",
    )
    assert run("keys", "rotate", "--ca").stdout == f"The next CA is {rest}"
    assert run("keys", "rotate", "--ca").stdout == f"Nothing is made: a next CA is {rest}"
    next_authority = directory.loaded().next_authority
    assert next_authority is not None
    assert run("keys", "activate").stdout == f"The CA is now {next_authority.kid}. The former one stays in the bundle for a day.\n"
    assert directory.loaded().authority.kid == next_authority.kid
    assert active(directory.loaded()) != old
    with pytest.raises(ConflictError, match="No key waits to be activated"):
        run("keys", "activate")


def test_activate_both(kid_directory: KeyDirectory, clock: Clock) -> None:
    """Each has its line."""
    clock.advance(days=1)
    run("keys", "rotate")
    run("keys", "rotate", "--ca")
    assert [line.split(" now")[0] for line in run("keys", "activate").stdout.splitlines()] == ["The CA is", "Tokens are"]
    assert kid_directory.loaded().next_signing_key is None


@pytest.mark.parametrize("as_one_file", [True, False])
def test_import_and_activate(directory: KeyDirectory, tmp_path: Path, as_one_file: bool) -> None:
    """Key and certificate come in one file or two."""
    pair = own_pair("RSA-2048")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    key.write_bytes(pair.private_pem() if as_one_file else key_pem(pair.key).rstrip())
    certificate.write_bytes(certificate_pem(pair))
    said = run("keys", "import", str(key), *([] if as_one_file else [str(certificate)])).stdout
    assert said == (
        f"The key {pair.kid} is published in {directory.path}/public/ca.crt: restart the registries with it, "
        "then run `registry-auth keys activate`.\n"
    )
    assert [(row["kind"], row["state"]) for row in run_json("keys", "list")][1] == ("imported", "next")
    run("keys", "activate")
    assert active(directory.loaded()) == pair.kid


def test_import_refuses(directory: KeyDirectory, tmp_path: Path) -> None:
    """A file that is not there, and what is in a file, with the sentence on it and without what it holds."""
    before, file = files(directory), tmp_path / "key.pem"
    with pytest.raises(ConfigurationError, match=rf"{file} cannot be read \(No such file or directory\)\."):
        run("keys", "import", str(file))
    file.write_bytes(key_pem(own_key("P-256")))
    with pytest.raises(InvalidValueError, match="There is no certificate in PEM form"):
        run("keys", "import", str(file))
    file.write_bytes(certified(own_key("P-256"), is_authority=True).private_pem())
    with pytest.raises(InvalidValueError, match="The certificate is that of a CA"):
        run("keys", "import", str(file))
    assert files(directory) == before


def test_export_writes_what_a_registry_needs(directory: KeyDirectory, tmp_path: Path) -> None:
    """The bundle, for a registry that reads tokens with their certificate, and the key set; no directory has to be there."""
    place = tmp_path / "for" / "registry"
    assert run("keys", "export", str(place)).stdout == f"Configure the registry with rootcertbundle: {place}/ca.crt\n"
    assert {path.name: path.read_bytes() for path in place.iterdir()} == {
        name: (directory.public / name).read_bytes() for name in ("ca.crt", "jwks.json")
    }
    assert {path.stat().st_mode & 0o777 for path in place.iterdir()} == {0o644}


def test_export_of_a_key_id_mode(kid_directory: KeyDirectory, tmp_path: Path) -> None:
    """The signing certificates, or the key set instead; both from the keys themselves, whatever the public files hold."""
    (kid_directory.public / "signing.crt").write_bytes(b"changed")
    assert run("keys", "export", str(tmp_path)).stdout == (
        f"Configure the registry with rootcertbundle: {tmp_path}/signing.crt\n"
        f"or, from Distribution 3.0 on, with jwks: {tmp_path}/jwks.json\n"
    )
    signing_key = kid_directory.loaded().signing_keys[0]
    assert Registry((tmp_path / "signing.crt").read_bytes()).accepts(signing_key.token({}, kid_directory.header), NOW)


def test_export_where_nothing_can_be_written(directory: KeyDirectory, tmp_path: Path) -> None:
    """The refusal names the file."""
    assert directory.path.is_dir()
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match=f"{tmp_path}/file/x/ca.crt cannot be written \\(Not a directory\\)"):
        run("keys", "export", str(tmp_path / "file" / "x"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["rotate", "--if-older-than", "30"], "'30' is not a number with one of the units d, h, m and s, such as 30d."),
        (["rotate", "--if-older-than"], "Option '--if-older-than' requires an argument."),
        (["rotate", "--ca", "--server-secret"], "--ca and --server-secret are two rotations: run one after the other."),
        (["rotate", "--server-secret", "--ca"], "--ca and --server-secret are two rotations: run one after the other."),
        (["rotate", "--ca", "--if-older-than", "30d"], "--if-older-than goes with signing keys alone."),
        (["rotate", "--server-secret", "--if-older-than", "30d"], "--if-older-than goes with signing keys alone."),
        (["import"], "Missing argument 'KEY_FILE [CERTIFICATE_FILE]'"),
        (["export"], "Missing argument 'DIRECTORY'"),
        (["delete"], "Missing argument 'SERVER_SECRET_ID'"),
        (["list", "x"], "Got unexpected extra argument (x)"),
        (["turn"], "No such command 'turn'."),
    ],
)
def test_wrong_command_line_is_refused_and_changes_nothing(directory: KeyDirectory, clock: Clock, arguments: list[str], said: str) -> None:
    """What is wrong is said, with exit status 2."""
    before = files(directory)
    clock.advance(days=1)
    assert said in usage_error("keys", *arguments)
    assert files(directory) == before


def test_broken_database_does_not_keep_the_keys_from_being_listed(environment: Path, store: TriedStore) -> None:
    """It is as if there were none."""
    assert environment.is_dir()
    run("keys", "init")
    store.take_away()
    assert [row["tokens"] for row in run_json("keys", "list")] == [None, None, None]


@pytest.mark.parametrize("command", ["init", "list", "rotate", "activate", "import", "export", "delete"])
def test_every_command_explains_itself(bare_environment: Path, command: str) -> None:
    """`--help` needs neither keys nor database, and each command is in the list of all."""
    said = run("keys", command, "--help").stdout
    assert said.startswith(f"Usage: cli keys {command}")
    assert f"  {command} " in run("keys", "--help").stdout
    assert list(bare_environment.iterdir()) == []


@pytest.mark.parametrize(
    "arguments", [["rotate"], ["rotate", "--ca"], ["activate"], ["export", "x"], ["import"], ["delete", "x", "--force"], ["list"]]
)
def test_commands_make_no_keys_by_themselves(bare_environment: Path, tmp_path: Path, arguments: list[str]) -> None:
    """On a directory without keys, such as a mistyped one, each says how they are made."""
    file = tmp_path / "own.pem"
    file.write_bytes(own_pair().private_pem())
    result = CliRunner().invoke(cli, ["keys", *arguments, *([str(file)] if arguments == ["import"] else [])])
    assert isinstance(result.exception, RegistryAuthError)
    assert str(result.exception) == f"There are no complete keys in {bare_environment}/keys: run `registry-auth keys init`."
    assert not list(bare_environment.rglob("*.pem"))
