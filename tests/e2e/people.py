"""Users of the tests, and what they log in with."""

from dataclasses import dataclass, field
from itertools import count
from secrets import token_hex

from .token_server import Token, TokenServer

_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Person:
    """A user with everything that the user logs in with; the token has the scope `api`."""

    username: str
    email: str
    password: str = field(repr=False)
    token: Token


def create_person(server: TokenServer, *, admin: bool = False) -> Person:
    """Make a user with an e-mail address, a password and a personal access token, who is a member of nothing."""
    username, password = f"Person-{next(_numbers)}", f"correct horse {token_hex(8)}"
    email = f"{username.lower()}@example.com"
    server.create_user(username, email=email, password=password, admin=admin)
    return Person(username, email, password, server.create_personal_token(username))
