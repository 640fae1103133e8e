"""Looks for secrets where none may be: in the log and in the database."""

import re
from collections.abc import Iterator

from .token_server import KNOWN_SECRETS, TokenServer

_SHORT = 8  # characters; below that a text is found by chance
_JWT = re.compile(r"eyJ[A-Za-z0-9_-]{20,}\.")


def check_nothing_secret(server: TokenServer) -> None:
    """Raise AssertionError if the log holds a secret, a key or a token, or the database holds a secret in the clear."""
    log = server.log()
    found = [secret for secret in (*KNOWN_SECRETS, *_key_material(server)) if len(secret) >= _SHORT and secret in log]
    assert not found, f"the token server logged {found}"
    assert not _JWT.search(log), "the token server logged a token"
    stored = b"".join(path.read_bytes() for path in server.database.parent.iterdir())
    assert not [secret for secret in KNOWN_SECRETS if len(secret) >= _SHORT and secret.encode() in stored]


def _key_material(server: TokenServer) -> Iterator[str]:
    for path in (server.keys / "private").iterdir():
        yield from path.read_text().split("\n")
