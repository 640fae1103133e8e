"""Tokens that a registry's client is turned away with, and what it is told."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from secrets import token_hex

from .token_server import Token, TokenServer

WRONG = "The user name or the secret is wrong, or the token does not exist any more."
_DAY = r"\d{4}-\d\d-\d\d"


@dataclass(frozen=True, slots=True)
class Refused:
    """A token that is refused; `message` matches what its owner reads."""

    token: Token
    message: str


def _wrong_secret(server: TokenServer, project: str) -> Refused:
    return Refused(server.create_token(project=project).with_invented_secret(), re.escape(WRONG))


def _wrong_username(server: TokenServer, project: str) -> Refused:
    token = server.create_token(project=project)
    return Refused(Token(token.id, f"{token.username}0", token.secret), re.escape(WRONG))


def _of_deleted_project(server: TokenServer, project: str) -> Refused:
    doomed = server.create_project(f"{project}-{token_hex(4)}")
    token = server.create_token(project=doomed)
    server.command("project", "delete", doomed).check()
    return Refused(token, re.escape(WRONG))


def _expired(server: TokenServer, project: str) -> Refused:
    token, day = server.create_expired_token(project)
    return Refused(token, re.escape(f"This deploy token expired on {day} at 00:00 UTC."))


def _revoked(server: TokenServer, project: str) -> Refused:
    token = server.create_token(project=project)
    server.revoke(token)
    return Refused(token, rf"This deploy token was revoked on {_DAY}\.")


def _rotated_away(server: TokenServer, project: str) -> Refused:
    token = server.create_token(project=project)
    server.rotate(token)
    return Refused(token, rf"This secret was replaced on {_DAY}: the deploy token was rotated, use its newer secret\.")


REFUSED: dict[str, Callable[[TokenServer, str], Refused]] = {
    "wrong-secret": _wrong_secret,
    "wrong-user-name": _wrong_username,
    "of-deleted-project": _of_deleted_project,
    "expired": _expired,
    "revoked": _revoked,
    "rotated-away": _rotated_away,
}
