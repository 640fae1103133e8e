"""Groups of one token each, called after it, and what such a token is answered at a dependency proxy."""

from .dependency_proxy import DependencyProxy
from .http_calls import Answer
from .proxy_calls import ACCEPT, READ, WRITE, full_name, signed
from .token_server import Token, TokenServer


def group_token(server: TokenServer, group: str) -> Token:
    """Make a group with a token that is called after it."""
    server.document("group", "create", group)
    return server.create_token(group=group, scopes=READ + WRITE, username=group)


def full(token: Token, repository: str) -> str:
    """Give the name of an image under the token's group, which the token is called after."""
    return full_name(token.username, repository)


def ask(proxy: DependencyProxy, token: Token, repository: str, path: str, *, method: str = "GET") -> Answer:
    """Ask for something of an image under the token's group, with all rights that the token has."""
    name = full(token, repository)
    return proxy.ask(f"/v2/{name}/{path}", method=method, jwt=signed(proxy.server, token, name), headers=ACCEPT)


def outcome(answer: Answer) -> tuple[int, str]:
    """Give status and error code of a refusal."""
    (error,) = answer.document["errors"]
    return answer.status, error["code"]
