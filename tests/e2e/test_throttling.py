"""Guessing secrets over the production web server: slowed per name and address, and never at the expense of good tokens."""

import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import count, cycle
from pathlib import Path

import pytest

from .http_calls import Answer, basic, call, post_form
from .peers.availability import require
from .peers.docker_engine import DockerClient
from .peers.redis import Redis
from .peers.stock_registry import REGISTRIES, StockRegistry
from .refused import WRONG
from .secret_search import check_nothing_secret
from .token_server import KNOWN_SECRETS, Token, TokenServer

LIMIT = 10
TOO_MANY = r"Too many wrong secrets for this user name from this address\. Try again in (\d+) seconds?\."

_numbers = count(1)


def password() -> str:
    """Give a text that is no token, and that nobody has sent yet. No log may tell it."""
    text = f"correct-horse-{next(_numbers)}"
    KNOWN_SECRETS.add(text)
    return text


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TokenServer]:
    """Run a server whose two workers count for themselves, each in its memory."""
    with TokenServer(tmp_path_factory.mktemp("memory")) as server:
        server.create_project("group/project")
        yield server
    check_nothing_secret(server)


@pytest.fixture(scope="module")
def redis() -> Iterator[Redis]:
    """Run a Redis."""
    require("redis-server", "redis-cli")
    with Redis() as redis:
        KNOWN_SECRETS.add(redis.password)
        yield redis


@pytest.fixture(scope="module")
def replicas(redis: Redis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[TokenServer]]:
    """Run two servers, of two workers each, on one directory and with one Redis."""
    with two_replicas(redis, tmp_path_factory.mktemp("replicas")) as pair:
        yield pair


@contextmanager
def two_replicas(redis: Redis, directory: Path) -> Iterator[list[TokenServer]]:
    """Run two servers of a fresh directory; at their end nothing that they wrote may hold a secret."""
    with ExitStack() as stack:
        pair = [TokenServer(directory, REGISTRY_AUTH_THROTTLE_STORAGE_URL=redis.url) for _ in range(2)]
        for server in pair:
            stack.enter_context(server)
        pair[0].create_project("group/project")
        yield pair
    check_nothing_secret(pair[0])


@pytest.fixture
def token(server: TokenServer) -> Token:
    """Make a token of the server whose name nobody has guessed for yet."""
    return server.create_token(project="group/project")


@pytest.fixture
def shared_token(replicas: list[TokenServer]) -> Token:
    """Make a token of the replicas whose name nobody has guessed for yet."""
    return replicas[0].create_token(project="group/project")


def pull(server: TokenServer, token: Token) -> Answer:
    """Ask for a token to pull."""
    return server.ask("repository:group/project:pull", token=token)


def check_refused_as_one_too_many(answer: Answer) -> None:
    """Raise AssertionError unless it is the 429 that tells clients and people when to come back."""
    status, code, message = answer.refusal()
    said = re.fullmatch(TOO_MANY, message)
    assert (status, code) == (429, "TOOMANYREQUESTS")
    assert said is not None
    assert said[1] == answer.headers["retry-after"]
    assert 1 <= int(said[1]) <= 60
    assert answer.document["error"] == "slow_down"
    assert "www-authenticate" not in answer.headers


@pytest.mark.parametrize("kind", ["token", "password"])
def test_guessing_is_refused(server: TokenServer, token: Token, kind: str) -> None:
    """Ten different wrong secrets are answered 401, whatever they look like; at most ten for each worker are; all others 429."""
    guesses = [token.with_invented_secret() if kind == "token" else token.with_secret(password()) for _ in range(4 * LIMIT)]
    answers = [pull(server, guess) for guess in guesses]
    wrong = [answer for answer in answers if answer.status == 401]

    assert [answer.status for answer in answers[:LIMIT]] == [401] * LIMIT
    assert LIMIT <= len(wrong) <= 2 * LIMIT
    assert {answer.refusal()[2] for answer in wrong} == {WRONG}
    for answer in answers:
        if answer.status != 401:
            check_refused_as_one_too_many(answer)


def test_good_tokens_are_not_slowed_by_guessing(server: TokenServer, token: Token) -> None:
    """Who guesses for a name cannot lock out the pods that use it, also not from the same address."""
    other = server.create_token(project="group/project")
    for _ in range(4 * LIMIT):
        pull(server, token.with_invented_secret())

    assert {pull(server, good).status for good in [token, other] * 10} == {200}


def test_parallel_good_pulls_are_not_throttled(server: TokenServer, token: Token) -> None:
    """Twenty pulls at once are no guessing, however often."""
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: pull(server, token), range(100)))

    assert {answer.status for answer in answers} == {200}


def test_one_stale_token_is_not_throttled(server: TokenServer, token: Token) -> None:
    """A pod that tries its stale token again and again reads what is wrong with it, each time."""
    stale = token.with_invented_secret()

    assert {pull(server, stale).refusal() for _ in range(5 * LIMIT)} == {(401, "UNAUTHORIZED", WRONG)}


def test_forwarded_addresses_of_strangers_do_not_help(server: TokenServer, token: Token) -> None:
    """As long as no proxy is trusted, nobody becomes somebody else by a header."""
    answers = [
        call(
            f"{server.url}/jwt/auth",
            headers={"X-Forwarded-For": f"203.0.113.{number}", "Authorization": basic(*token.with_invented_secret().credentials)},
        )
        for number in range(4 * LIMIT)
    ]

    assert [answer.status for answer in answers].count(401) <= 2 * LIMIT
    assert "203.0.113." not in server.log()


def test_address_is_the_one_that_the_trusted_proxy_saw(tmp_path: Path) -> None:
    """With one trusted proxy the last entry counts, in one header line or in several, and what is no address does not."""
    entries = ["203.0.113.1", "10.6.6.6, 203.0.113.2", "10.6.6.6\r\nX-Forwarded-For: 203.0.113.3", '"10.6.6.6', "nobody", "fe80::1%x"]
    with TokenServer(tmp_path / "server", REGISTRY_AUTH_TRUSTED_PROXIES="1") as server:
        position = len(server.log())
        for entry in entries:
            with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
                connection.sendall(f"GET /jwt/auth HTTP/1.0\r\nAuthorization: x\r\nX-Forwarded-For: {entry}\r\n\r\n".encode())
                assert b" 401 " in connection.recv(100)
        seen = re.findall(r"refused: status=401 address=(.*) caller=", server.log_since(position))

    assert seen == ["203.0.113.1", "203.0.113.2", "203.0.113.3", "127.0.0.1", "127.0.0.1", "127.0.0.1"]


def test_replicas_count_together(replicas: list[TokenServer], redis: Redis, shared_token: Token) -> None:
    """With Redis ten wrong secrets are permitted in all, and it learns neither names nor secrets nor addresses."""
    turns = cycle(replicas)
    guesses = [shared_token.with_invented_secret() for _ in range(2 * LIMIT)]
    answers = [pull(next(turns), guess) for guess in guesses]
    stored = redis.dump()

    assert [answer.status for answer in answers] == [401] * LIMIT + [429] * LIMIT
    for answer in answers[LIMIT:]:
        check_refused_as_one_too_many(answer)
    assert {pull(replica, shared_token).status for replica in replicas} == {200}
    assert stored.count("registry-auth:wrong-secrets/") >= 1
    for hidden in (shared_token.username, "127.0.0", *(guess.secret for guess in guesses)):
        assert hidden not in stored


@pytest.mark.parametrize("kind", ["token", "password"])
def test_one_wrong_secret_by_post_and_get_counts_once(replicas: list[TokenServer], shared_token: Token, kind: str) -> None:
    """Docker asks by POST and, refused, by GET again: that is one wrong secret, for whichever worker and replica."""
    turns = cycle(replicas)
    guesses = [shared_token.with_invented_secret() if kind == "token" else shared_token.with_secret(password()) for _ in range(LIMIT + 1)]
    statuses = []
    for guess in guesses[: LIMIT - 1]:
        form = [("grant_type", "password"), ("username", guess.username), ("password", guess.secret)]
        statuses += [post_form(f"{next(turns).url}/jwt/auth", form).status, pull(next(turns), guess).status]

    assert statuses == [401] * 2 * (LIMIT - 1)
    assert [pull(next(turns), guess).status for guess in guesses[LIMIT - 1 :]] == [401, 429]


def test_docker_says_when_to_try_again(replicas: list[TokenServer], shared_token: Token, docker: DockerClient, tmp_path: Path) -> None:
    """Who is throttled at `docker login` reads why, and for how long; a good token still gets in."""
    require("docker-registry")
    for _ in range(LIMIT):
        pull(replicas[1], shared_token.with_invented_secret())
    with StockRegistry(REGISTRIES[0], tmp_path / "registry", replicas[0].token_auth) as registry:
        wrong = docker.login(registry.host, *shared_token.with_invented_secret().credentials)
        good = docker.login(registry.host, *shared_token.credentials)

    assert wrong.returncode == 1
    said = re.fullmatch(
        re.escape(f'Error response from daemon: Get "http://{registry.host}/v2/": ') + f"toomanyrequests: {TOO_MANY}", wrong.output.strip()
    )
    assert said, wrong.output
    assert good.returncode == 0


def test_without_redis_each_worker_counts(tmp_path: Path) -> None:
    """When Redis goes away nobody's log-in fails or waits for long; guessing is still slowed, and the log says so without the password."""
    require("redis-server")
    with Redis() as redis, two_replicas(redis, tmp_path) as replicas:
        KNOWN_SECRETS.add(redis.password)
        token = replicas[0].create_token(project="group/project")
        assert pull(replicas[0], token.with_invented_secret()).status == 401
        redis.stop()
        answers = [pull(replicas[0], token.with_invented_secret()) for _ in range(6 * LIMIT)]
        log = replicas[0].log()
        assert [answer.status for answer in answers[:LIMIT]] == [401] * LIMIT
        assert [answer.status for answer in answers].count(401) <= 2 * LIMIT
        assert {answer.status for answer in answers} == {401, 429}
        assert pull(replicas[0], token).status == 200
        assert 1 <= log.count("throttling: Redis failed, so this process counts by itself for 60 seconds: ") <= 2
        assert f"127.0.0.1:{redis.port}" in log
        assert redis.password not in log
