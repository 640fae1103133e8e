"""The secret between nginx and the gate, and its file."""

import logging
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from registry_auth.dependency_proxy.gate_secret import gate_secret, is_gate_secret, write_for_nginx
from registry_auth.token_secrets import ServerSecret
from tests.unit.dependency_proxy.door import Door
from tests.unit.installation import NOW, Installation, installed_at, make_template
from tests.unit.server_secrets import add_server_secret, delete_server_secret, digester_with, known_secrets, replace_server_secret

SERVER_SECRET = ServerSecret(b"x" * 32, NOW)
SECRET = gate_secret(SERVER_SECRET).get_secret_value()
LINE = f'proxy_set_header X-Gate-Secret "{SECRET}";\n'


def test_every_process_knows_the_same_secret(installation: Installation, doors: Callable[..., Door]) -> None:
    """It is derived, not made up: each process and each start comes to the same, and each gate takes it."""
    secrets = {gate_secret(known_secrets(installation)[0]).get_secret_value() for _ in range(3)}
    assert len(secrets) == 1
    for _ in range(2):
        assert doors().ask("GET", "/nothing", X_Gate_Secret=next(iter(secrets))).status_code == 403


def test_every_installation_has_another_secret(tmp_path: Path, door: Door) -> None:
    """Nobody can come to it without the server secret of this very installation, and its gate takes no other's."""
    (tmp_path / "other").mkdir()
    make_template(tmp_path / "other")
    theirs = gate_secret(known_secrets(installed_at(tmp_path / "other"))[0]).get_secret_value()
    assert theirs != door.secret
    assert door.ask("GET", "/nothing", X_Gate_Secret=theirs).status_code == 404


def test_secret_is_of_no_other_use(installation: Installation, door: Door) -> None:
    """It is long, fits into a header, and is neither the server secret, nor in the database, nor what another part derives."""
    secret = door.secret
    assert len(secret) == 64
    assert set(secret) <= set("0123456789abcdef")
    (server_secret,) = known_secrets(installation)
    assert secret not in {
        server_secret.value.hex(),
        installation.digester.digest("throttle").hex(),
        installation.digester.digest("").hex(),
    }
    assert secret not in str(gate_secret(server_secret)) + repr(gate_secret(server_secret))
    keys = b"".join(file.read_bytes() for file in installation.root.rglob("*") if file.is_file())
    assert secret.encode() not in keys + installation.store.content()


def test_file_for_nginx(tmp_path: Path) -> None:
    """It is one line that nginx includes, for its owner alone, and is left alone when it is right."""
    write_for_nginx(tmp_path, SERVER_SECRET)
    file = tmp_path / "dependency-proxy" / "gate-secret.conf"
    before = file.stat()
    assert file.read_text() == LINE
    assert (stat.S_IMODE(before.st_mode), stat.S_IMODE(file.parent.stat().st_mode)) == (0o600, 0o700)
    write_for_nginx(tmp_path, SERVER_SECRET)
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert [*file.parent.iterdir()] == [file]


@pytest.mark.parametrize("content", ["", LINE[:-1], LINE + LINE, LINE.replace(SECRET, SECRET[::-1]), "\xff"])
def test_file_with_anything_else_is_written_anew(tmp_path: Path, content: str) -> None:
    """After a new server secret, or a crash, nginx gets the secret that is good now."""
    file = tmp_path / "dependency-proxy" / "gate-secret.conf"
    file.parent.mkdir()
    file.write_text(content, "latin-1")
    write_for_nginx(tmp_path, SERVER_SECRET)
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
        write_for_nginx(keys_dir, SERVER_SECRET)
    assert f"{keys_dir / 'dependency-proxy' / 'gate-secret.conf'}, could not be written (" in caplog.text
    assert SECRET not in caplog.text


def test_gate_takes_the_secret_of_every_server_secret(installation: Installation, door: Door) -> None:
    """So nginx can go on with the one that it has read: each counts as long as its server secret is there, the newest at once."""

    def taken() -> list[bool]:
        answers = [door.ask("GET", "/nothing", X_Gate_Secret=gate_secret(each).get_secret_value()) for each in server_secrets]
        return [{403: True, 404: False}[answer.status_code] for answer in answers]

    server_secrets = list(known_secrets(installation))
    server_secrets.append(add_server_secret(installation))
    assert taken() == [True, True]
    installation.clock.advance(minutes=5)
    server_secrets.append(replace_server_secret(installation))
    assert taken() == [True, True, True]
    delete_server_secret(installation, server_secrets[0].id)
    assert taken() == [False, True, True]
    delete_server_secret(installation, server_secrets[1].id)
    assert taken() == [False, False, True]


@pytest.mark.parametrize(
    "shown", ["", " ", "0" * 64, SECRET[:-1], SECRET + "0", SECRET.upper(), SERVER_SECRET.id, SERVER_SECRET.value.hex(), "\xff", "é" * 64]
)
def test_nothing_else_is_the_secret(shown: str) -> None:
    """Only the whole secret, character by character, of one of the server secrets."""
    digester = digester_with(b"y" * 32, SERVER_SECRET.value)
    assert is_gate_secret(SECRET, digester)
    assert not is_gate_secret(shown, digester)
    assert not is_gate_secret(SECRET, digester_with(b"y" * 32))
