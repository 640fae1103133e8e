"""Looks for secrets where none may be: in the log and in the database."""

import re
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import select

from registry_auth.database import Base, Database, Recorded

from .token_server import KNOWN_SECRETS, TokenServer

_SHORT = 8  # characters; below that a text is found by chance
_JWT = re.compile(r"eyJ[A-Za-z0-9_-]{20,}\.")


def check_nothing_secret(server: TokenServer) -> None:
    """Raise AssertionError if the log holds a secret, a key or a token, or the database holds a secret in the clear."""
    log = server.log()
    found = [secret for secret in (*KNOWN_SECRETS, *_key_material(server)) if len(secret) >= _SHORT and secret in log]
    assert not found, f"the token server logged {found}"
    assert not _JWT.search(log), "the token server logged a token"
    stored = _stored(server)
    assert not [secret for secret in KNOWN_SECRETS if len(secret) >= _SHORT and secret.encode() in stored]


def _stored(server: TokenServer) -> bytes:
    """Give all that is in the store: the files of SQLite, with what was deleted in them, or the rows of PostgreSQL."""
    url = server.env["REGISTRY_AUTH_DATABASE_URL"]
    if url.startswith("sqlite:"):
        return b"".join(path.read_bytes() for path in server.database.parent.iterdir())
    tables = (*Base.metadata.sorted_tables, *Recorded.metadata.sorted_tables)
    with Database(url) as database, database.reading() as connection:
        return repr([connection.execute(select(table)).all() for table in tables]).encode()


def _key_material(server: TokenServer) -> Iterator[str]:
    for path in filter(Path.is_file, (server.keys / "private").iterdir()):
        yield from path.read_text().split("\n")
