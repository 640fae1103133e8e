"""The secret by which the gate knows nginx, and the file that gives it to nginx."""

import logging
import stat
from hmac import compare_digest
from pathlib import Path

from pydantic import SecretStr

from registry_auth.signing.key_files import PRIVATE_MODE, write_private
from registry_auth.token_secrets import SecretDigester, ServerSecret

SECRET_HEADER = "X-Gate-Secret"  # noqa: S105

_FILE = Path("dependency-proxy") / "gate-secret.conf"
_PURPOSE = "dependency proxy gate"

logger = logging.getLogger(__name__)


def gate_secret(server_secret: ServerSecret) -> SecretStr:
    """Derive the secret from the server secret: it is the same in every process, and the same after every start."""
    return SecretStr(server_secret.digest(_PURPOSE).hex())


def is_gate_secret(shown: str, digester: SecretDigester) -> bool:
    """Say whether it was derived from any of the server secrets: nginx goes on with the one that it has read."""
    return any(compare_digest(shown.encode(), digest.hex().encode()) for digest in digester.all_digests(_PURPOSE))


def file_for_nginx(keys_dir: Path) -> Path:
    """Give the file that nginx includes."""
    return keys_dir / _FILE


def write_for_nginx(keys_dir: Path, server_secret: ServerSecret) -> None:
    """Write the line that nginx includes into the key directory, unless it stands there already.

    It is that of the newest server secret, which the gate accepts before anything else is made with it. That it cannot be written is only
    logged: the key directory may be a read-only mount, and nginx somewhere else.
    """
    path = file_for_nginx(keys_dir)
    line = f'proxy_set_header {SECRET_HEADER} "{gate_secret(server_secret).get_secret_value()}";\n'.encode()
    try:
        if path.exists() and path.read_bytes() == line and stat.S_IMODE(path.stat().st_mode) == PRIVATE_MODE:
            return
        path.parent.mkdir(mode=0o700, exist_ok=True)
        write_private(path, line)
    except OSError as error:
        logger.warning("the file for nginx, %s, could not be written (%s): the dependency proxy needs it", path, error.strerror or error)
