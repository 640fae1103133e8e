"""What one group pushes is invisible to every other, while all share what is cached: two groups that try everything on each other."""

from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING

import pytest

from .http_calls import Answer, claims
from .peers.oci_layout import MANIFEST
from .proxy_calls import (
    ALL,
    Image,
    Repository,
    bearer,
    digest_of,
    error,
    full_name,
    insufficient,
    make_image,
    mint,
    send,
)
from .two_groups import ABOVE, BELOW_A, A, B, Scene

if TYPE_CHECKING:
    from collections.abc import Callable

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


@pytest.mark.parametrize("actions", ["pull", "pull,push", ALL])
def test_pushed_images_are_invisible_elsewhere(scene: Scene, actions: str) -> None:
    """By tag and by every digest, asked in any way: they are there for the group, under their name, and nowhere else."""
    image = scene.pushed(A)
    ways = list(product(("GET", "HEAD"), ("manifests/1", *image.places)))

    def found(repository: Repository) -> set[int]:
        return {repository.status(method, place) for method, place in ways}

    assert found(scene.repository(A, actions=actions)) == {200}
    for group, other in ((B, None), (ABOVE, None), (BELOW_A, None), (A, f"{scene.name}/x"), (A, f"x{scene.name}")):
        assert found(scene.repository(group, other, actions=actions)) == {404}, (group, other)
    assert found(scene.repository(A, actions=actions, token=scene.writers[ABOVE])) == {200}


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_token_of_one_group_on_the_path_of_another(scene: Scene, method: str) -> None:
    """Whether the image is there or not, the answer is the one to a token that does not grant what is asked."""
    image = scene.pushed(B)
    jwt = scene.repository(A).jwt
    needed = {"PUT": "pull,push", "DELETE": "delete"}.get(method, "pull")
    places = ["manifests/1", "manifests/2", *image.places] if method != "PUT" else ["manifests/1", "manifests/2"]

    asked = {insufficient(Repository(scene.proxy.host, full_name(B, scene.name), jwt).ask(method, place)) for place in places}

    assert asked == {f"repository:{full_name(B, scene.name)}:{needed}"}
    assert scene.repository(B).status("GET", "manifests/1") == 200


def test_lists_of_tags(scene: Scene) -> None:
    """Each group sees its own tags, or those of the upstream; never another's."""
    upstream = scene.published("up")
    for group in (A, B):
        assert scene.repository(group).tags() == ["up"]
    scene.pushed(A, "of-a")
    lists = {group: scene.repository(group).tags() for group in (A, B, BELOW_A, ABOVE)}

    assert lists == {A: ["of-a"], B: ["up"], BELOW_A: ["up"], ABOVE: ["up"]}
    assert upstream.digest == scene.repository(A).ask("GET", "manifests/up").headers["docker-content-digest"]
    assert error(scene.repository(B, f"{scene.name}/none").ask("GET", "tags/list")) == (404, "NAME_UNKNOWN")


@pytest.mark.parametrize(
    "image",
    [
        f"{A}/dependency_proxy/containers/{{name}}",
        "x/dependency_proxy/containers/{name}",
        f"{A}/dependency_proxy/containers/x/dependency_proxy/containers/{{name}}",
        "dependency_proxy/containers/{name}",
    ],
)
def test_image_that_is_called_like_another_groups(scene: Scene, image: str) -> None:
    """A name that holds the words twice is none: no rights are issued for it, and there is nothing at it."""
    pushed = scene.pushed(A)
    name = full_name(B, image.format(name=scene.name))
    answer = mint(scene.server, f"repository:{name}:{ALL}", credentials=scene.writers[B].credentials)
    repository = Repository(scene.proxy.host, name, str(answer.granted()["token"]))
    valid = Repository(scene.proxy.host, name, scene.repository(B).jwt)

    assert claims(str(repository.jwt))["access"] == []
    for each in (repository, valid):
        answers = [each.ask("GET", place) for place in ("manifests/1", *pushed.places, "tags/list")]
        answers += [each.begin_upload(), each.put_manifest("1", pushed.manifest), each.ask("DELETE", f"manifests/{pushed.digest}")]
        assert {error(answer) for answer in answers} == {(404, "NAME_UNKNOWN")}


def test_repository_of_the_upstream_that_is_called_like_a_group(scene: Scene) -> None:
    """What the upstream has under the full name of a group's image never stands for that image, pushed or not."""
    foreign = Repository(scene.upstream.host, full_name(A, scene.name)).push(make_image(f"{scene.name} foreign"), "1")
    repository = scene.repository(A)

    assert {*repository.statuses("GET", ("manifests/1", *foreign.places))} == {404}
    image = scene.pushed(A)
    assert repository.ask("GET", "manifests/1").body == image.manifest


def test_what_is_cached_is_shared(scene: Scene) -> None:
    """The upstream gives each image once, whoever asks, and a pushed image of the same name hides only its own tag."""
    first, second = scene.published("1"), scene.published("2")
    for group in (A, B):
        assert scene.repository(group, actions="pull").statuses("GET", ("manifests/1", "manifests/2", *first.places)) == [200] * 5
    assert (scene.fetched("1"), scene.fetched("2")) == (1, 1)
    own = scene.pushed(A, "1")

    shown = {group: [scene.repository(group).ask("GET", f"manifests/{tag}").body for tag in ("1", "2")] for group in (A, B, BELOW_A)}

    upstream = [first.manifest, second.manifest]
    assert shown == {A: [own.manifest, second.manifest], B: upstream, BELOW_A: upstream}
    assert {*scene.repository(A).statuses("GET", first.places)} == {200}
    assert {*scene.repository(B).statuses("GET", own.places)} == {404}


def test_pushed_image_of_a_type_that_the_client_does_not_know(scene: Scene) -> None:
    """It hides the upstream's image all the same: the client gets the pushed one."""
    upstream = make_docker_image(f"{scene.name} upstream")
    open_registry = Repository(scene.upstream.host, f"library/{scene.name}")
    for blob in upstream.blobs:
        open_registry.upload(blob)
    assert open_registry.put_manifest("1", upstream.manifest, DOCKER_MANIFEST).status == 201
    pushed = scene.pushed(A, "1")
    path = f"/v2/{full_name(A, scene.name)}/manifests/1"

    answer = send(scene.proxy.host, "GET", path, headers=bearer(scene.repository(A).jwt) | {"Accept": DOCKER_MANIFEST})

    assert (answer.status, answer.body) == (200, pushed.manifest)


def make_docker_image(marker: str) -> Image:
    """Make an image with a manifest of Docker's own type."""
    image = make_image(marker)
    return replace(image, manifest=image.manifest.replace(MANIFEST.encode(), DOCKER_MANIFEST.encode()))


def test_deleting_what_was_pushed_shows_the_upstreams(scene: Scene) -> None:
    """The group gets the upstream's image under the tag again; layers of the deleted one stay its own."""
    upstream, own = scene.published("1"), scene.pushed(A, "1")
    repository = scene.repository(A)
    before = repository.ask("GET", "manifests/1").body

    assert repository.status("DELETE", f"manifests/{own.digest}") == 202
    assert (before, repository.ask("GET", "manifests/1").body) == (own.manifest, upstream.manifest)
    assert repository.status("GET", f"manifests/{own.digest}") == 404
    assert {*scene.repository(B).statuses("GET", own.places)} == {404}


def test_delete_of_what_another_group_pushed(scene: Scene) -> None:
    """To B it is not there; and it stays."""
    image = scene.pushed(A)
    thief, victim = scene.repository(B), scene.repository(A)

    assert error(thief.ask("DELETE", f"manifests/{image.digest}")) == (404, "MANIFEST_UNKNOWN")
    assert thief.statuses("DELETE", [f"blobs/{digest_of(blob)}" for blob in image.blobs]) == [404, 404]
    assert {*victim.statuses("GET", ("manifests/1", *image.places))} == {200}


def test_delete_of_a_shared_layer(scene: Scene) -> None:
    """Both groups have pushed the same image: what one deletes, the other keeps."""
    image = scene.pushed(A)
    other = scene.repository(B)
    other.push(image, "1")

    assert [other.status("DELETE", place) for place in image.places] == [202] * 3
    assert {*other.statuses("GET", image.places)} == {404}
    assert {*scene.repository(A).statuses("GET", ("manifests/1", *image.places))} == {200}


def test_eviction(scene: Scene) -> None:
    """Any group that may delete takes it out of the cache, for all; whoever pulls next has it fetched again."""
    image = scene.published("1")
    repositories = [scene.repository(group, actions="pull") for group in (A, B)]
    statuses = [repository.statuses("GET", ("manifests/1", *image.places)) for repository in repositories]
    before = scene.fetched("1")

    evicted = scene.repository(B).status("DELETE", f"manifests/{image.digest}")
    again = [repository.statuses("GET", ("manifests/1", *image.places)) for repository in repositories]

    assert (evicted, statuses, again) == (202, [[200] * 4] * 2, [[200] * 4] * 2)
    assert (before, scene.fetched("1")) == (1, 2)


def test_eviction_when_the_upstream_has_it_no_more(scene: Scene) -> None:
    """Until then the cache serves it by digest; afterwards it is gone for every group."""
    image = scene.published("1")
    repositories = [scene.repository(group) for group in (A, B)]
    place = f"manifests/{image.digest}"
    assert repositories[0].status("GET", "manifests/1") == 200
    scene.unpublish(image)
    cached = [repository.status("GET", place) for repository in repositories]

    assert repositories[1].status("DELETE", place) == 202
    assert (cached, [repository.status("GET", place) for repository in repositories]) == ([200, 200], [404, 404])
    assert error(repositories[0].ask("DELETE", place)) == (404, "MANIFEST_UNKNOWN")


def test_pushed_and_cached_are_deleted_one_after_the_other(scene: Scene) -> None:
    """The same image is in the store and in the cache: the first delete takes the pushed one, the second evicts, the third finds none."""
    image = scene.published("1")
    repository, other = scene.repository(A), scene.repository(B)
    assert repository.statuses("GET", ("manifests/1", *image.places)) == [200] * 4
    repository.push(image, "mine")
    scene.unpublish(image)
    place = f"manifests/{image.digest}"

    found = [(repository.status("DELETE", place), repository.status("GET", place), other.status("GET", place)) for _ in range(3)]

    assert found == [(202, 200, 200), (202, 404, 404), (404, 404, 404)]
    assert repository.status("GET", "manifests/mine") == 404


def test_delete_of_layers_is_for_pushed_ones(scene: Scene) -> None:
    """Nobody takes single layers out of what all share."""
    image = scene.published("1")
    repository = scene.repository(A)
    assert {*repository.statuses("GET", image.places)} == {200}

    assert [error(repository.ask("DELETE", place)) for place in image.places[1:]] == [(404, "BLOB_UNKNOWN")] * 2
    assert {*scene.repository(B).statuses("GET", image.places)} == {200}


def test_push_of_an_image_whose_layers_only_the_cache_has(scene: Scene) -> None:
    """Who pushes is told that they are missing, uploads them, and has an image that outlives the cached one."""
    image = scene.published("1")
    assert scene.repository(A, actions="pull").statuses("GET", ("manifests/1", *image.places)) == [200] * 4
    pushing = scene.repository(A, actions="pull,push")

    assert pushing.statuses("HEAD", ("manifests/1", *image.places)) == [404] * 4
    assert pushing.statuses("GET", ("manifests/1", *image.places)) == [200] * 4
    assert error(pushing.put_manifest("2", image.manifest)) == (400, "MANIFEST_BLOB_UNKNOWN")
    pushing.push(image, "2")
    assert pushing.statuses("HEAD", ("manifests/2", *image.places)) == [200] * 4

    scene.unpublish(image)
    assert scene.repository(B).status("DELETE", f"manifests/{image.digest}") == 202
    assert scene.repository(A, actions="pull").statuses("GET", ("manifests/2", *image.places)) == [200] * 4
    assert {*scene.repository(B, actions="pull").statuses("GET", ("manifests/2", f"manifests/{image.digest}"))} == {404}


def test_questions_of_who_deletes(scene: Scene) -> None:
    """A token that may delete too finds what is only cached, in order to evict it; layers it is told to upload."""
    image = scene.published("1")
    assert scene.repository(A, actions="pull").statuses("GET", image.places) == [200] * 3

    assert scene.repository(A, actions="*").statuses("HEAD", ("manifests/1", *image.places)) == [200, 200, 404, 404]
    assert scene.repository(A, actions="pull").statuses("HEAD", ("manifests/1", *image.places)) == [200] * 4


def test_readers_change_nothing(scene: Scene) -> None:
    """A token that reads neither pushes, nor mounts, nor evicts, nor deletes."""
    image, own = scene.published("1"), scene.pushed(A, "2")
    reader = scene.repository(A, token=scene.readers[A])
    attempts: list[Callable[[], Answer]] = [
        reader.begin_upload,
        lambda: reader.begin_upload(f"?mount={digest_of(own.layer)}&from={reader.name}"),
        lambda: reader.put_manifest("1", own.manifest),
        lambda: reader.ask("DELETE", f"manifests/{own.digest}"),
        lambda: reader.ask("DELETE", f"manifests/{image.digest}"),
        lambda: reader.ask("DELETE", f"blobs/{digest_of(own.layer)}"),
    ]

    assert {*reader.statuses("GET", ("manifests/1", "manifests/2", *own.places))} == {200}
    assert [insufficient(attempt()).rpartition(":")[2] for attempt in attempts] == [*["pull,push"] * 3, *["delete"] * 3]
    assert reader.ask("GET", "manifests/1").body == image.manifest
