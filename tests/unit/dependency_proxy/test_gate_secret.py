"""The secret between nginx and the gate, and its file."""

import logging
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

from registry_auth.dependency_proxy.gate_secret import gate_secret, write_for_nginx
from registry_auth.signing import KeyDirectory
from registry_auth.token_secrets import SecretDigester
from tests.unit.dependency_proxy.door import Door
from tests.unit.installation import Installation, installed_at, make_template

SECRET = SecretStr("0123456789abcdef" * 4)
LINE = f'proxy_set_header X-Gate-Secret "{"0123456789abcdef" * 4}";\n'


def digester(keys_dir: Path, installation: Installation) -> SecretDigester:
    """Read the server secret anew, as a process does at its start."""
    secret = KeyDirectory(keys_dir).ready(installation.clock()).server_secret
    return SecretDigester(secret.id, secret.value)


def test_every_process_knows_the_same_secret(installation: Installation, doors: Callable[..., Door]) -> None:
    """It is derived, not made up: each process and each start comes to the same, and each gate takes it."""
    secrets = {gate_secret(digester(installation.keys_dir, installation)).get_secret_value() for _ in range(3)}
    assert len(secrets) == 1
    for _ in range(2):
        assert doors().ask("GET", "/nothing", X_Gate_Secret=next(iter(secrets))).status_code == 403


def test_every_installation_has_another_secret(installation: Installation, tmp_path: Path, door: Door) -> None:
    """Nobody can come to it without the server secret of this very installation, and its gate takes no other's."""
    (tmp_path / "other").mkdir()
    make_template(tmp_path / "other")
    theirs = gate_secret(digester(installed_at(tmp_path / "other").keys_dir, installation)).get_secret_value()
    assert theirs != door.secret
    assert door.ask("GET", "/nothing", X_Gate_Secret=theirs).status_code == 404


def test_secret_is_of_no_other_use(installation: Installation, door: Door) -> None:
    """It is long, fits into a header, and is neither the server secret, nor in the database, nor what another part derives."""
    secret = door.secret
    assert len(secret) == 64
    assert set(secret) <= set("0123456789abcdef")
    assert secret not in {
        installation.digester.key.hex(),
        installation.digester.digest("throttle").hex(),
        installation.digester.digest("").hex(),
    }
    assert secret not in str(gate_secret(installation.digester)) + repr(gate_secret(installation.digester))
    keys = b"".join(file.read_bytes() for file in installation.root.rglob("*") if file.is_file())
    assert secret.encode() not in keys + installation.store.content()


def test_file_for_nginx(tmp_path: Path) -> None:
    """It is one line that nginx includes, for its owner alone, and is left alone when it is right."""
    write_for_nginx(tmp_path, SECRET)
    file = tmp_path / "dependency-proxy" / "gate-secret.conf"
    before = file.stat()
    assert file.read_text() == LINE
    assert (stat.S_IMODE(before.st_mode), stat.S_IMODE(file.parent.stat().st_mode)) == (0o600, 0o700)
    write_for_nginx(tmp_path, SECRET)
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert [*file.parent.iterdir()] == [file]


@pytest.mark.parametrize("content", ["", LINE[:-1], LINE + LINE, LINE.replace("0", "1"), "\xff"])
def test_file_with_anything_else_is_written_anew(tmp_path: Path, content: str) -> None:
    """After a new server secret, or a crash, nginx gets the secret that is good now."""
    file = tmp_path / "dependency-proxy" / "gate-secret.conf"
    file.parent.mkdir()
    file.write_text(content, "latin-1")
    write_for_nginx(tmp_path, SECRET)
    assert file.read_text() == LINE
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("obstacle", ["no key directory", "a file in the way", "a directory in the way"])
def test_file_that_cannot_be_written_stops_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture, obstacle: str) -> None:
    """The server may run without the file; the log names it, and not the secret."""
    keys_dir = tmp_path / "keys"
    if obstacle != "no key directory":
        keys_dir.mkdir()
        place = keys_dir / "dependency-proxy"
        if obstacle == "a file in the way":
            place.write_text("")
        else:
            (place / "gate-secret.conf").mkdir(parents=True)
    with caplog.at_level(logging.DEBUG):
        write_for_nginx(keys_dir, SECRET)
    assert f"{keys_dir / 'dependency-proxy' / 'gate-secret.conf'}, could not be written (" in caplog.text
    assert SECRET.get_secret_value() not in caplog.text
