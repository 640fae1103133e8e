"""A thousand clients at the same moment, as when a cluster of machines restarts."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress

import pytest

from .both_stores import STORES, store_settings
from .http_calls import basic
from .secret_search import check_nothing_secret
from .token_server import Token, TokenServer

CLIENTS = 1_000
PATIENCE = 60  # seconds; docker gives up after 15, and how fast a machine is does not concern these tests

GRANTED = b"HTTP/1.1 200 "
WRONG = b"HTTP/1.1 401 "


@pytest.fixture(scope="module", params=STORES)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TokenServer]:
    """Run a server on each kind of store in turn."""
    with TokenServer(tmp_path_factory.mktemp("herd"), **store_settings(request.param, request)) as server:
        server.create_project("group/project")
        yield server
    check_nothing_secret(server)


@pytest.fixture(scope="module")
def tokens(server: TokenServer) -> Sequence[Token]:
    """Make the tokens of a few dozen machines."""
    return [server.create_token(project="group/project") for _ in range(40)]


def request(token: Token) -> bytes:
    """Give the request for a token to pull, after which the server closes the connection."""
    target = "/jwt/auth?service=container_registry&scope=repository:group/project:pull"
    return f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: {basic(*token.credentials)}\r\n\r\n".encode()


def ask_at_once(server: TokenServer, tokens: Sequence[Token]) -> Sequence[bytes]:
    """Let a client for each token connect, and then all of them ask; give the whole answers, of which one that was cut off is empty."""
    return asyncio.run(_ask_at_once(server.port, [request(token) for token in tokens]))


async def _ask_at_once(port: int, requests: Sequence[bytes]) -> Sequence[bytes]:
    async with asyncio.timeout(PATIENCE):
        connections = await asyncio.gather(*(asyncio.open_connection("127.0.0.1", port) for _ in requests))
        for (_, writer), each in zip(connections, requests, strict=True):
            writer.write(each)
        answers = await asyncio.gather(*(_whole_answer(reader) for reader, _ in connections))
    for _, writer in connections:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
    return answers


async def _whole_answer(reader: asyncio.StreamReader) -> bytes:
    with suppress(ConnectionError):
        answer = await reader.read()
        head, _, body = answer.partition(b"\r\n\r\n")
        if f"\r\ncontent-length: {len(body)}".encode() in head.lower() and body:
            return answer
    return b""


def statuses(answers: Sequence[bytes]) -> Counter[bytes]:
    """Count the answers by the beginning of their first line."""
    return Counter(answer[: len(GRANTED)] for answer in answers)


def test_everybody_gets_a_token(server: TokenServer, tokens: Sequence[Token]) -> None:
    """Nobody is refused, told to come back, or cut off: at first, and when everything is remembered."""
    for _ in range(2):
        answers = ask_at_once(server, [tokens[number % len(tokens)] for number in range(CLIENTS)])

        assert statuses(answers) == {GRANTED: CLIENTS}
        assert all(b'"token":"ey' in answer for answer in answers)


def test_good_tokens_among_wrong_ones(server: TokenServer, tokens: Sequence[Token]) -> None:
    """Who has a good token gets in among a thousand who invent user names and secrets; each of those is told that it is wrong."""
    inventions = [Token(0, f"nobody-{number}", tokens[0].secret).with_invented_secret() for number in range(CLIENTS)]
    inventions[500] = tokens[0]
    inventions[-1] = tokens[1]

    answers = ask_at_once(server, inventions)

    assert answers[500].startswith(GRANTED)
    assert statuses(answers) == {GRANTED: 2, WRONG: CLIENTS - 2}
