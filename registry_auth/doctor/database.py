"""Whether the database can be used, and whether the server secrets are those of its tokens. Nothing is made or migrated."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from registry_auth.database import Database, check_schema, check_writable
from registry_auth.doctor.findings import Finding, broken, fine, warning
from registry_auth.errors import RegistryAuthError
from registry_auth.services import open_database, tokens_by_server_secret
from registry_auth.settings import PREFIX, Settings
from registry_auth.token_secrets import ServerSecret

_CHECK = "database"


def examine_database(settings: Settings, server_secrets: Sequence[ServerSecret], now: datetime) -> list[Finding]:
    """Look at the database, at `now` (UTC). Without server secrets, which stands for keys that cannot be read, no tokens are counted."""
    if settings.sqlite_file is not None and _is_missing(settings.sqlite_file):
        return [_missing(settings.sqlite_file)]
    try:
        with open_database(settings) as database:
            check_schema(database)
            check_writable(database)
            return [_usable(database, settings), *_of_tokens(tokens_by_server_secret(database, now), server_secrets)]
    except RegistryAuthError as error:
        return [_unusable(error)]


def _is_missing(file: Path) -> bool:
    try:
        return not file.exists()
    except OSError:
        return False  # its directory cannot be read, which opening it says better


def _missing(file: Path) -> Finding:
    seen = f"There is no database yet: {file.absolute()} is missing."
    meaning = "Either the server has not been started yet, or it has another database, or the file was lost."
    remedy = f"Run this with the server's settings ({PREFIX}DATABASE_URL), in its directory; or start the server, which makes the file."
    return broken(_CHECK, seen, meaning, remedy)


def _unusable(error: RegistryAuthError) -> Finding:
    meaning = "The server does not start, or answers 503 to everybody with a log-in."
    return broken(_CHECK, str(error), meaning, "Do that, and see with `registry-auth database check` that all is well.")


def _usable(database: Database, settings: Settings) -> Finding:
    label = str(Path(database.label).absolute()) if settings.uses_sqlite else database.label
    return fine(_CHECK, f"{label} is reached, has the tables of this version, and can be changed.")


def _of_tokens(counts: Mapping[str, int], server_secrets: Sequence[ServerSecret]) -> Iterator[Finding]:
    known = {each.id for each in server_secrets}
    total, refused = sum(counts.values()), sum(count for key_id, count in counts.items() if key_id not in known)
    if known and refused:
        seen = f"{refused} of {total} token secrets were stored with a server secret that is not in the key directory."
        remedy = "Bring the lost private/server-secret-*.key back beside the others; or rotate those tokens, or make them anew."
        yield (broken if refused == total else warning)("token secrets", seen, "They are refused as wrong.", remedy)
