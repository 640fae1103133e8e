"""Preparing an installation, and checking the port; the web server itself runs in the end-to-end tests."""

import logging
import os
import platform
import re
import shutil
import socket
import stat
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from registry_auth.accounts.personal_access_tokens import PersonalAccessTokens
from registry_auth.cli.context import opened_services
from registry_auth.database import Database, check_schema
from registry_auth.dependency_proxy.gate_secret import gate_secret
from registry_auth.deploy_tokens.service import DeployTokens
from registry_auth.errors import ConfigurationError
from registry_auth.services import utc_now
from registry_auth.serving import check_port_free, default_workers, prepare_installation
from registry_auth.settings import load_settings
from registry_auth.signing.key_changes import KeyChanges
from registry_auth.signing.key_ring import SERVER_SECRET_USED_AFTER
from registry_auth.values import NamespaceKind, TokenScope
from tests.unit.installation import NOW, installed_at
from tests.unit.server_secrets import digester_with, known_secrets

pytestmark = pytest.mark.one_store("keys, files and processes are the same with any store")


@pytest.mark.both_stores
def test_new_installation_is_prepared_once(bare_environment: Path) -> None:
    """Database and keys are made, and a second start changes neither."""
    environment = bare_environment
    prepare_installation()
    with Database(load_settings().database_url) as database:
        check_schema(database)
    before = {path: path.read_bytes() for path in (environment / "keys").rglob("*.*")}
    prepare_installation()
    assert {path: path.read_bytes() for path in (environment / "keys").rglob("*.*")} == before


@pytest.mark.both_stores
def test_lost_server_secret_is_told_at_start(environment: Path, caplog: pytest.LogCaptureFixture) -> None:
    """When secrets were made with another server secret, the log says how many and how to mend it."""
    assert environment.is_dir()
    with opened_services() as services:
        services.namespaces.create(NamespaceKind.PROJECT, "app")
        other = digester_with(b"x" * 32)
        deploy_tokens = DeployTokens(services.database, other, lambda: NOW)
        deploy_tokens.create(NamespaceKind.PROJECT, "app", name="n", scopes=[TokenScope.READ_REGISTRY])
        personal = PersonalAccessTokens(services.database, other, lambda: NOW)
        personal.create(services.users.create("ada").id, name="n", scopes=[TokenScope.API])
    with caplog.at_level(logging.WARNING):
        prepare_installation()
    assert "and 2 of their secrets are refused" in caplog.text


@pytest.mark.both_stores
def test_tokens_of_a_former_server_secret_are_not_lost(environment: Path, caplog: pytest.LogCaptureFixture) -> None:
    """While a former server secret is there the tokens that hang on it work, and the start warns of none."""
    assert environment.is_dir()
    with opened_services() as services:
        services.personal_access_tokens.create(services.users.create("ada").id, name="n", scopes=[TokenScope.API])
        former = services.keys.ring().server_secrets[0]
        KeyChanges(services.keys.directory).rotate_server_secret(services.clock())
        prepare_installation()
        assert "are refused" not in caplog.text
        later = services.clock() + SERVER_SECRET_USED_AFTER + timedelta(minutes=1)
        KeyChanges(services.keys.directory).delete_server_secret(former.id, later)
    prepare_installation()
    assert "and 1 of their secrets are refused" in caplog.text
    assert former.id not in caplog.text
    assert former.value.hex() not in caplog.text


def gate_file(environment: Path) -> Path:
    """Give the file that nginx includes."""
    return environment / "keys" / "dependency-proxy" / "gate-secret.conf"


def mode(path: Path) -> int:
    """Give the permissions of a file or directory."""
    return stat.S_IMODE(path.stat().st_mode)


def bound_by_modes() -> list[str]:
    """Give the beginning of a command that permissions bind, whoever runs the tests: root has to give up what lifts them."""
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("root ignores permission bits, and setpriv (util-linux) is not there to change that")
    return ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search"]


def test_nginx_is_given_the_secret_of_the_gate(environment: Path) -> None:
    """One line for nginx, closed to others: the secret by which this installation's gate knows it, and nothing else."""
    prepare_installation()
    file = gate_file(environment)
    secret = installed_at(environment).digester.digest("dependency proxy gate").hex()
    assert file.read_text() == f'proxy_set_header X-Gate-Secret "{secret}";\n'
    assert re.fullmatch("[0-9a-f]{64}", secret)
    assert (mode(file), mode(file.parent)) == (0o600, 0o700)
    assert list(file.parent.iterdir()) == [file]
    keys = [path.read_bytes() for path in (environment / "keys").rglob("*") if path.is_file() and path != file]
    assert not [content for content in keys if secret.encode() in content]


def test_nginx_is_given_the_secret_of_the_newest_server_secret(environment: Path) -> None:
    """The next start writes it, though nothing else is made with the new server secret yet."""
    prepare_installation()
    before = gate_file(environment).read_text()
    installation = installed_at(environment)
    KeyChanges(installation.keys.directory).rotate_server_secret(utc_now())
    prepare_installation()
    newest, former = known_secrets(installation)
    assert gate_secret(newest).get_secret_value() in gate_file(environment).read_text()
    assert gate_secret(former).get_secret_value() in before


def test_file_for_nginx_is_kept_while_it_is_right(environment: Path) -> None:
    """A start that finds the right line leaves the file alone; what is wrong or gone is written anew, whole and closed to others."""
    prepare_installation()
    file = gate_file(environment)
    content, before = file.read_bytes(), (file.stat().st_ino, file.stat().st_mtime_ns)
    prepare_installation()
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == before
    for damage in (lambda: file.write_bytes(b"proxy_set_header X-Gate-Secret old;\n"), lambda: file.write_bytes(content * 2), file.unlink):
        damage()
        prepare_installation()
        assert (file.read_bytes(), mode(file)) == (content, 0o600)
    shutil.rmtree(file.parent)
    prepare_installation()
    assert (file.read_bytes(), mode(file), mode(file.parent)) == (content, 0o600, 0o700)


def test_installations_have_secrets_of_their_own(environment: Path, template: Path) -> None:
    """What nginx of one installation shows opens no other's gate."""
    prepare_installation()
    (server_secret,) = known_secrets(installed_at(template))
    other = gate_secret(server_secret)
    assert other.get_secret_value() not in gate_file(environment).read_text()
    assert other.get_secret_value() not in repr(other)


def test_place_that_cannot_be_written_is_only_told(environment: Path, caplog: pytest.LogCaptureFixture) -> None:
    """When the file for nginx cannot be written, the start goes on; the log names the file, says why, and does not tell the secret."""
    prepare_installation()
    file = gate_file(environment)
    secret = file.read_text().split('"')[1]
    shutil.rmtree(file.parent)
    file.parent.write_bytes(b"in the way")
    prepare_installation()
    (message,) = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert message.startswith(f"the file for nginx, {file}, could not be written (")
    assert message.endswith("): the dependency proxy needs it")
    assert secret not in caplog.text
    assert file.parent.read_bytes() == b"in the way"


def test_read_only_key_directory_is_survived(environment: Path) -> None:
    """A complete key directory may be a read-only mount: the start says what nginx lacks, and changes nothing."""
    prepare_installation()
    keys = environment / "keys"
    shutil.rmtree(gate_file(environment).parent)
    before = {path: path.read_bytes() for path in keys.rglob("*") if path.is_file()}
    script = "import logging; logging.basicConfig(); from registry_auth.serving import prepare_installation; prepare_installation()"
    keys.chmod(0o500)
    done = subprocess.run([*bound_by_modes(), sys.executable, "-c", script], capture_output=True, text=True, check=False)
    keys.chmod(0o700)
    (line,) = done.stderr.splitlines()
    assert done.returncode == 0
    assert f"{gate_file(environment)}, could not be written (Permission denied): the dependency proxy needs it" in line
    assert {path: path.read_bytes() for path in keys.rglob("*") if path.is_file()} == before


def test_port_in_use_is_named_with_its_setting() -> None:
    """A port that somebody has is refused, a free one is not, on both families."""
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        try:
            taken = socket.create_server((host, 0), family=family)
        except OSError:
            continue  # a machine without this family
        port = taken.getsockname()[1]
        with taken, pytest.raises(ConfigurationError, match=rf"{host}:{port} is in use: choose another port with --port"):
            check_port_free(host, port, "--port")
        check_port_free(host, port, "--port")


def test_address_of_another_machine_is_named() -> None:
    """An address that is not this machine's is refused with the reason."""
    with pytest.raises(ConfigurationError, match=r"Nobody can listen at 192\.0\.2\.1:5001 \(.+\): choose another address or port"):
        check_port_free("192.0.2.1", 5001, "--port")


@pytest.mark.parametrize(("processors", "workers"), [({0}, 1), ({0, 1}, 2), (set(range(64)), 4)])
def test_one_worker_for_each_processor_up_to_four(monkeypatch: pytest.MonkeyPatch, processors: set[int], workers: int) -> None:
    """What this process may use counts, and more than four is for those who ask."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: processors, raising=False)
    assert default_workers() == workers


@pytest.mark.parametrize(("processors", "workers"), [(None, 1), (2, 2)])
def test_systems_without_affinity_count_processors(monkeypatch: pytest.MonkeyPatch, processors: int | None, workers: int) -> None:
    """Where affinity is unknown the number of processors counts."""
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: processors)
    assert default_workers() == workers


def statements(*lines: str) -> int:
    """Run statements in a process of their own and give its exit status."""
    return subprocess.run([sys.executable, "-c", "\n".join(lines)], check=False).returncode


@pytest.mark.parametrize("module", ["alembic", "redis"])
def test_worker_does_without_what_others_need(environment: Path, module: str) -> None:
    """Where nothing is migrated and no Redis is set, these are not imported: each would be in the memory of every worker."""
    assert environment.is_dir()
    prepare_installation()
    outcome = statements(
        "import sys",
        "from registry_auth.serving import prepare_installation, worker_app",
        "prepare_installation()",
        "assert worker_app().test_client().get('/-/readiness').status_code == 200",
        f"sys.exit({module!r} in sys.modules)",
    )
    assert outcome == 0


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries return memory by rules of their own")
def test_memory_of_a_password_check_is_returned() -> None:
    """The 19 MiB of a check are gone when it is over, from the second check on too."""
    outcome = statements(
        "import sys",
        "from pathlib import Path",
        "from pydantic import SecretStr",
        "from registry_auth.accounts.passwords import PasswordCheck",
        "from registry_auth.serving import _let_memory_be_returned",
        "pages = lambda: int(Path('/proc/self/statm').read_text().split()[1])",
        "_let_memory_be_returned()",
        "check, before = PasswordCheck(), pages()",
        "assert not any(check.is_right(SecretStr('a wrong one'), None) for _ in range(3))",
        "sys.exit((pages() - before) * 4096 > 10 * 2**20)",
    )
    assert outcome == 0


def test_web_server_finds_the_options_of_its_memory() -> None:
    """It reads them once, when it is imported; what whoever starts the server has set stays."""
    outcome = statements(
        "import os, sys",
        "from registry_auth import serving",
        "assert 'granian' not in sys.modules",
        "serving._let_memory_be_returned()",
        "given = os.environ['_RJEM_MALLOC_CONF']",
        "os.environ['_RJEM_MALLOC_CONF'] = 'narenas:1'",
        "serving._let_memory_be_returned()",
        "sys.exit((given, os.environ['_RJEM_MALLOC_CONF']) != ('dirty_decay_ms:0,muzzy_decay_ms:0', 'narenas:1'))",
    )
    assert outcome == 0
