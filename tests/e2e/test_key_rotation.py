"""The signing key is rotated while clients work, and in the middle of a push: registries that run accept the new keys at once."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import pytest

from .peers.availability import require
from .peers.containers_tools import Skopeo
from .peers.docker_engine import DockerClient, DockerEngine
from .peers.oci_layout import write_oci_layout
from .peers.processes import wait_until
from .peers.stock_registry import REGISTRIES, RegistryLine, StockRegistry
from .proxy_calls import Image, Repository, make_image
from .registry_calls import enter
from .secret_search import check_nothing_secret
from .signing_keys import TAKEN_UP_WITHIN, key_id, ring_of
from .token_server import Token, TokenServer

PROJECT = "rotation/project"
ROTATIONS = 10
PAUSE = 0.5  # seconds between two rounds of a client: the rotations need time too
SAME_ROTATION = timedelta(seconds=5)  # rotations within it count as one

# What a registry says of a request without a token, which is how every client begins.
_CHALLENGED = "authorization token required"
_REFUSED = re.compile(r"error authorizing context: ([^\"\\]*)")

# One log-in, one push and one pull, of the image with this number.
Round = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Scene:
    """A server, registries that are never restarted, and every key whose tokens were seen."""

    server: TokenServer
    token: Token
    registries: Mapping[RegistryLine, StockRegistry]
    directory: Path
    seen: set[str] = field(default_factory=set)

    def signed(self, name: str) -> str:
        """Give a signed token for a repository."""
        jwt = self.server.jwt(f"repository:{PROJECT}/{name}:pull,push", token=self.token)
        self.seen.add(key_id(jwt))
        return jwt

    def rotate(self, wait_for: Callable[[Callable[[], bool]], None]) -> str:
        """Rotate the signing key, once the newest is old enough for that to count; give the id of the new one."""
        ripe = ring_of(self.server.keys).signing_keys[0].created_at + SAME_ROTATION
        wait_for(lambda: datetime.now(UTC) >= ripe)
        done = self.server.command("keys", "rotate").check()
        key = ring_of(self.server.keys).signing_keys[0]
        assert key.created_at >= ripe
        assert f"Tokens are now signed with the new signing key {key.pair.kid}." in done.output
        return key.pair.kid


@dataclass(frozen=True, slots=True)
class PushesAcross:
    """What one signed token began before a rotation, by registry: the address of an upload. And a token of the next key."""

    image: Image
    uploads: Mapping[RegistryLine, str]
    before: str
    after: str


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Run a server, and a registry of each line."""
    require("skopeo", *(line.peer for line in REGISTRIES))
    with ExitStack() as stack:
        server = TokenServer(tmp_path_factory.mktemp("rotated"))
        server.create_project(PROJECT)
        token = server.create_token(project=PROJECT)
        stack.enter_context(server)
        registries = {
            line: stack.enter_context(StockRegistry(line, tmp_path_factory.mktemp("registry"), server.token_auth)) for line in REGISTRIES
        }
        yield Scene(server, token, registries, tmp_path_factory.mktemp("clients"))
    check_nothing_secret(server)


def skopeo_round(scene: Scene, line: RegistryLine) -> Round:
    """Log in, push and pull with skopeo."""
    host, directory = scene.registries[line].host, scene.directory / line.label
    directory.mkdir()
    skopeo = Skopeo(directory)

    def go(number: int) -> None:
        image = f"docker://{host}/{PROJECT}/skopeo:{number}"
        layout = write_oci_layout(directory / "image", f"{line.label} {number}")
        skopeo.login(host, *scene.token.credentials).check()
        skopeo.copy(f"oci:{layout}:latest", image).check()
        skopeo.copy(image, f"dir:{directory}/pulled").check()

    return go


def docker_round(scene: Scene, line: RegistryLine, engine: DockerEngine) -> Round:
    """Log in, push and pull with docker."""
    host, docker = scene.registries[line].host, DockerClient(engine, scene.directory / "docker")

    def go(number: int) -> None:
        image = f"{host}/{PROJECT}/docker:{number}"
        docker.import_image(image, image)
        docker.login(host, *scene.token.credentials).check()
        docker.push(image).check()
        docker.remove_image(image).check()
        docker.pull(image).check()
        docker.remove_image(image).check()

    return go


def request_round(scene: Scene, line: RegistryLine) -> Round:
    """Log in, push and pull by single requests, and enter with the very first token."""
    registry, first = scene.registries[line], scene.signed("requests")

    def go(number: int) -> None:
        image = make_image(f"{line.label} {number}")
        repository = Repository(registry.host, f"{PROJECT}/requests", scene.signed("requests"))
        repository.push(image, str(number))
        assert repository.statuses("GET", image.places) == [200] * len(image.places)
        assert enter(registry, first).status == 200

    return go


def rounds_during_rotations(scene: Scene, clients: Sequence[Round]) -> list[int]:
    """Rotate ten times while clients work, and until tokens of the last key are seen; give how many rounds each did. None may fail."""
    over = Event()
    with ThreadPoolExecutor(len(clients)) as pool:
        working = [pool.submit(_rounds, go, over) for go in clients]

        def wait_for(condition: Callable[[], bool]) -> None:
            wait_until(lambda: condition() or any(each.done() for each in working), "the next key", timeout=TAKEN_UP_WITHIN)
            assert not any(each.done() for each in working)

        try:
            for _ in range(ROTATIONS):
                newest = scene.rotate(wait_for)
            wait_for(lambda: newest in scene.seen)
        finally:
            over.set()
            rounds = [each.result() for each in working]
    return rounds


def _rounds(go: Round, over: Event) -> int:
    number = 0
    while not over.wait(PAUSE):
        go(number)
        number += 1
    return number


def test_nobody_is_refused_during_ten_rotations(scene: Scene, docker_engine: DockerEngine) -> None:
    """Hundreds of log-ins, pushes and pulls all succeed, at once, under all the keys that follow each other."""
    clients = [make(scene, line) for make in (skopeo_round, request_round) for line in REGISTRIES]
    rounds = rounds_during_rotations(scene, [*clients, docker_round(scene, REGISTRIES[0], docker_engine)])

    assert len(scene.seen) > ROTATIONS
    assert min(rounds) > ROTATIONS, rounds
    assert sum(rounds) > 150, rounds
    for registry in scene.registries.values():
        assert set(_REFUSED.findall(registry.log())) == {_CHALLENGED}


@pytest.fixture(scope="module")
def pushes(scene: Scene) -> PushesAcross:
    """Begin an upload at each registry, and rotate the key."""
    before = scene.signed("across")
    uploads = {}
    for line, registry in scene.registries.items():
        begun = Repository(registry.host, f"{PROJECT}/across", before).begin_upload()
        assert begun.status == 202
        uploads[line] = begun.headers["location"]
    new = scene.rotate(lambda condition: wait_until(condition, "the time of the next rotation"))
    wait_until(lambda: key_id(scene.signed("across")) == new, "a token of the next key", timeout=TAKEN_UP_WITHIN)
    after = next(each for each in iter(lambda: scene.signed("across"), "") if key_id(each) == new)
    return PushesAcross(make_image("across"), uploads, before, after)


@pytest.mark.parametrize("line", REGISTRIES, ids=lambda line: line.label)
def test_a_push_goes_on_across_a_rotation(scene: Scene, pushes: PushesAcross, line: RegistryLine) -> None:
    """An upload that began before the rotation ends with a token of the new key; the old one goes on pushing and pulling too."""
    host, name = scene.registries[line].host, f"{PROJECT}/across"
    old, new = (Repository(host, name, jwt) for jwt in (pushes.before, pushes.after))
    config, layer = pushes.image.blobs

    assert key_id(pushes.before) != key_id(pushes.after)
    assert new.finish_upload(pushes.uploads[line], layer).status == 201
    assert old.upload(config)
    assert new.put_manifest("1", pushes.image.manifest).status == 201
    assert old.statuses("GET", pushes.image.places) == [200] * 3
    assert old.push(make_image("of the old key"), "2")
