"""python-gitlab, a real client of the REST API: people who are logged in with it, and the group in which they have their roles."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from gitlab import Gitlab
from gitlab.const import AccessLevel

from .token_server import KNOWN_SECRETS, Token, TokenServer

People = Mapping[str, Gitlab]

TEAM = "team"
ROLES = {
    "guest": AccessLevel.GUEST,
    "reporter": AccessLevel.REPORTER,
    "developer": AccessLevel.DEVELOPER,
    "maintainer": AccessLevel.MAINTAINER,
    "owner": AccessLevel.OWNER,
}


def remembered(secret: str) -> str:
    """Give the secret back, as one that no log may tell."""
    KNOWN_SECRETS.add(secret)
    return secret


def as_token(made: Any) -> Token:
    """Give a deploy token that the REST API has made in the form of the other tests."""
    return Token(made.id, made.username, remembered(made.token))


@contextmanager
def logged_in(server: TokenServer, secret: str, way: str = "private_token") -> Iterator[Gitlab]:
    """Give a client with this personal access token, as a private token or an OAuth token; nothing is asked yet."""
    remembered(secret)
    with Gitlab(server.url, private_token=secret) if way == "private_token" else Gitlab(server.url, oauth_token=secret) as client:
        yield client


@contextmanager
def people_of_a_team(server: TokenServer) -> Iterator[People]:
    """Make a private group, a user for each role in it, a stranger and an administrator; give the client of each."""
    with ExitStack() as stack:
        secret = server.create_personal_token(server.create_user("administrator", admin=True)).secret
        administrator = stack.enter_context(logged_in(server, secret))
        team = administrator.groups.create({"name": "Team", "path": TEAM})

        def enter(username: str) -> Gitlab:
            user = administrator.users.create({"username": username})
            if username in ROLES:
                team.members.create({"user_id": user.id, "access_level": ROLES[username]})
            made = user.personal_access_tokens.create({"name": "test", "scopes": ["api"]})
            return stack.enter_context(logged_in(server, made.token))

        yield {"administrator": administrator, **{username: enter(username) for username in (*ROLES, "stranger")}}
