"""What attacks on the dependency proxy start from: a victim's image, a thief with tokens of its own, and the gate's secret."""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from gitlab import Gitlab

from .dependency_proxy import DependencyProxy
from .http_calls import Answer, call
from .peers.stock_registry import StockRegistry
from .proxy_calls import (
    ACCEPT,
    WRITE,
    Image,
    Repository,
    answers,
    bearer,
    deploy_token,
    error,
    exchange,
    full_name,
    make_groups,
    make_image,
    signed,
)
from .registry_calls import challenge
from .token_server import TokenServer

UPSTREAM_NAME = "library/front"
GATE = "/dependency_proxy/gate"
NOT_THERE = f"sha256:{'0' * 64}"


class Names(NamedTuple):
    """The groups of victim and thief, each one's pushed image, and the cached image as the thief calls it."""

    victims_group: str
    thiefs_group: str
    victim: str
    thief: str
    cached: str


def names_below(group: str) -> Names:
    """Give the names of a test module, which has that group for itself."""
    victims, thiefs = f"{group}/victim", f"{group}/thief"
    return Names(victims, thiefs, full_name(victims, "secret"), full_name(thiefs, "mine"), full_name(thiefs, "front"))


@dataclass(frozen=True, slots=True)
class Front:
    """The victim's pushed image, one that is cached, and what the thief holds: a token for two names of the group."""

    names: Names
    server: TokenServer
    proxy: DependencyProxy
    secret: Image
    cached: Image
    victim: str
    thief: str

    @property
    def host(self) -> str:
        """Where clients come."""
        return self.proxy.host

    def raw(self, *lines: str, jwt: str | None = None, body: bytes = b"") -> list[Answer]:
        """Send a request as it is written, the thief's token with it, and check that nothing is given away."""
        head = [*lines, "Host: h", f"Accept: {ACCEPT['Accept']}", "Connection: close", f"Authorization: Bearer {jwt or self.thief}"]
        received = exchange(self.host, "\r\n".join([*head, "", ""]).encode("latin-1") + body)
        return self.harmless(answers(received, lines[0].partition(" ")[0]))

    def harmless(self, given: Sequence[Answer]) -> list[Answer]:
        """Give the answers back unless one of them holds anything of the victim's image."""
        hidden = (self.secret.manifest, self.secret.config, self.secret.layer, self.secret.layer[:20])
        assert not [answer for answer in given for content in hidden if content in answer.body]
        return list(given)

    def unharmed(self) -> None:
        """Raise AssertionError unless the victim's image and the cached one are as they were."""
        victim = Repository(self.host, self.names.victim, self.victim)
        assert [victim.ask("GET", place).body for place in ("manifests/1", *self.secret.places)] == [
            self.secret.manifest,
            *_parts(self.secret),
        ]
        thief = Repository(self.host, self.names.cached, self.thief)
        assert [thief.ask("GET", place).body for place in ("manifests/1", *self.cached.places)] == [
            self.cached.manifest,
            *_parts(self.cached),
        ]


def _parts(image: Image) -> tuple[bytes, ...]:
    return image.manifest, image.config, image.layer


def make_front(server: TokenServer, proxy: DependencyProxy, upstream: StockRegistry, administrator: Gitlab, names: Names) -> Front:
    """Make the groups of victim and thief, and the images."""
    group = names.victims_group.rpartition("/")[0]
    make_groups(administrator, "attack", group, names.victims_group, names.thiefs_group)
    victim = signed(server, deploy_token(administrator, WRITE, group=names.victims_group), names.victim)
    thief = signed(server, deploy_token(administrator, WRITE, group=names.thiefs_group), names.thief, names.cached)
    secret = Repository(proxy.host, names.victim, victim).push(make_image(f"victim of {group}"), "1")
    cached = Repository(upstream.host, UPSTREAM_NAME).push(make_image("front"), "1")
    front = Front(names, server, proxy, secret, cached, victim, thief)
    Repository(proxy.host, names.thief, thief).push(make_image(f"thief of {group}"), "1")
    front.unharmed()
    return front


def gate_secret(proxy: DependencyProxy) -> str:
    """Read the secret as nginx does."""
    found = re.search(r'"([^"]+)"', proxy.secret_file.read_text())
    assert found is not None
    return found[1]


def gate_headers(front: Front, path: str, jwt: str, method: str = "GET") -> dict[str, str]:
    """Give what nginx tells the gate of a request, without the secret."""
    assert front.server.url
    normalized = path.partition("?")[0]
    return {"X-Original-Method": method, "X-Original-URI": path, "X-Normalized-Path": normalized, "X-Real-IP": "127.0.0.1"} | bearer(jwt)


def stolen(front: Front, path: str, jwt: str, method: str = "GET") -> Mapping[str, str]:
    """Ask the gate as nginx does, and give the headers that a client never sees."""
    headers = gate_headers(front, path, jwt, method) | {"X-Gate-Secret": gate_secret(front.proxy)}
    answer = call(f"{front.server.url}{GATE}", headers=headers)
    assert answer.status == 204, (answer.status, answer.body)
    return answer.headers


@dataclass(frozen=True, slots=True)
class Ended:
    """A credential in a group of its own, for an image that is cached: what a test ends, and the token signed before."""

    front: Front
    administrator: Gitlab
    group: str
    repository: Repository

    def seen(self, method: str = "GET", place: str = "manifests/1") -> set[tuple[int, str]]:
        """Ask until both worker processes must have answered; give statuses and errors or error codes."""
        asked = [self.repository.ask(method, place) for _ in range(10)]
        return {(answer.status, _reason(answer)) for answer in asked}

    def ends(self, act: Callable[[], object], reason: tuple[int, str] = (401, "invalid_token")) -> None:
        """Check that it works, that it works no more at the very next request, and that this is so within the second."""
        assert self.seen() == {(200, "")}
        act()
        ended = time.monotonic()
        assert self.repository.status("GET", "manifests/1") == reason[0]
        assert time.monotonic() - ended < 1
        assert self.seen() == {reason}
        assert self.seen(place=self.front.cached.places[2]) == {reason}


def _reason(answer: Answer) -> str:
    if answer.status == 401:
        return challenge(answer)["error"]
    return error(answer)[1] if answer.status >= 400 else ""
