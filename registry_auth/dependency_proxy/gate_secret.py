"""The secret by which the gate knows nginx, and the file that gives it to nginx."""

import logging
import stat
from pathlib import Path

from pydantic import SecretStr

from registry_auth.signing.key_files import write_file
from registry_auth.token_secrets import SecretDigester

SECRET_HEADER = "X-Gate-Secret"  # noqa: S105

_FILE = Path("dependency-proxy") / "gate-secret.conf"
_MODE = 0o600

logger = logging.getLogger(__name__)


def gate_secret(digester: SecretDigester) -> SecretStr:
    """Derive the secret from the server secret: it is the same in every process, and the same after every start."""
    return SecretStr(digester.digest("dependency proxy gate").hex())


def write_for_nginx(keys_dir: Path, secret: SecretStr) -> None:
    """Write the line that nginx includes into the key directory, unless it stands there already.

    That it cannot be written is only logged: the key directory may be a read-only mount, and nginx somewhere else.
    """
    path = keys_dir / _FILE
    line = f'proxy_set_header {SECRET_HEADER} "{secret.get_secret_value()}";\n'.encode()
    try:
        if path.exists() and path.read_bytes() == line and stat.S_IMODE(path.stat().st_mode) == _MODE:
            return
        path.parent.mkdir(mode=0o700, exist_ok=True)
        write_file(path, line, _MODE)
    except OSError as error:
        logger.warning("the file for nginx, %s, could not be written (%s): the dependency proxy needs it", path, error.strerror or error)
