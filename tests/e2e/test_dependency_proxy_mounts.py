"""What one group begins with the parts of what another pushed: it mounts them, names them in manifests, goes on with uploads."""

from urllib.parse import quote

import pytest
from gitlab import Gitlab

from .http_calls import Answer, claims
from .peers.oci_layout import INDEX
from .proxy_calls import (
    Repository,
    digest_of,
    error,
    full_name,
    insufficient,
    make_index,
    signed,
)
from .two_groups import ABOVE, SWITCHED, A, B, Scene, has


def _mounts(digest: str, source: str, own: str) -> dict[str, str]:
    mount, taken, harmless = f"mount={digest}", f"from={source}", f"from={own}"
    return {
        "plain": f"?{mount}&{taken}",
        "encoded": f"?mount={quote(digest, safe='')}&from={quote(source, safe='')}",
        "encoded through": f"?mount={digest}&from={''.join(f'%{ord(letter):02x}' for letter in source)}",
        "encoded key": f"?{mount}&%66rom={source}",
        "mount twice": f"?mount=&{mount}&{taken}",
        "from twice": f"?{mount}&{taken}&{harmless}",
        "from twice, other order": f"?{mount}&{harmless}&{taken}",
        "from twice, encoded key": f"?{mount}&{harmless}&fro%6d={source}",
        "semicolons": f"?{mount};{taken}",
        "semicolon after own": f"?{mount}&{harmless};{taken}",
        "with a digest": f"?{mount}&{taken}&digest={digest}",
        "own first, then question mark": f"?{mount}&{harmless}?{taken}",
        "blank key": f"?&&{mount}&{taken}&",
        "upper case": f"?{mount}&from={source.upper()}",
        "slashes": f"?{mount}&from=/{source}/",
        "dots": f"?{mount}&from={own}/../../../../../{source}",
        "plus": f"?{mount}&from=+{source}",
        "two in one": f"?{mount}&from={own},{source}",
        "fragment": f"?{mount}&{harmless}%23&{taken}",
        "null": f"?{mount}&{harmless}%00&{taken}",
        "newline": f"?{mount}&from={source}%0a",
    }


@pytest.mark.parametrize("spelling", _mounts("", "attack/a", "b"))
def test_mount_from_another_group(scene: Scene, spelling: str) -> None:
    """However it is spelled, it begins an upload like any other: 202, without the blob."""
    image = scene.pushed(A)
    source, own = full_name(A, scene.name), full_name(B, f"{scene.name}/own")
    target = full_name(B, scene.name)
    jwt = signed(scene.server, scene.writers[B], target, source, own)
    repository = Repository(scene.proxy.host, target, jwt)

    begun = repository.begin_upload(_mounts(digest_of(image.layer), source, own)[spelling])

    assert {entry["name"] for entry in claims(jwt)["access"]} == {target, own}
    assert begun.status == 202, begun.body
    assert "docker-content-digest" not in begun.headers
    assert not has(repository, image.layer)


@pytest.mark.parametrize("spelling", ["plain", "encoded", "encoded key", "encoded through"])
def test_mount_by_who_may_read_the_source(scene: Scene, spelling: str) -> None:
    """The token of the group above takes a layer over from A into B, where B's own token finds it then: 201, nothing is sent."""
    image = scene.pushed(A)
    source, target = full_name(A, scene.name), full_name(B, scene.name)
    repository = Repository(scene.proxy.host, target, signed(scene.server, scene.writers[ABOVE], source, target, actions="pull,push"))

    mounted = repository.begin_upload(_mounts(digest_of(image.layer), source, "x")[spelling])

    assert (mounted.status, mounted.headers["docker-content-digest"]) == (201, digest_of(image.layer))
    assert has(scene.repository(B), image.layer)
    assert not has(scene.repository(B), image.config)


def test_mount_needs_the_source_in_the_signed_token(scene: Scene) -> None:
    """What the credential holds is not enough when the token was not asked to grant it, as at any registry."""
    image = scene.pushed(A)
    repository = scene.repository(B, token=scene.writers[ABOVE])

    assert repository.begin_upload(f"?mount={digest_of(image.layer)}&from={full_name(A, scene.name)}").status == 202
    assert not has(repository, image.layer)


def test_mount_from_a_group_that_is_switched_off(scene: Scene, administrator: Gitlab) -> None:
    """Nothing leaves it, not even for the token of the group above, and not with a token signed before."""
    image = scene.pushed(SWITCHED)
    source, target = full_name(SWITCHED, scene.name), full_name(B, scene.name)
    repository = Repository(scene.proxy.host, target, signed(scene.server, scene.writers[ABOVE], source, target))
    group = administrator.groups.get(SWITCHED)
    group.dependency_proxy_enabled = False
    group.save()
    try:
        assert repository.begin_upload(f"?mount={digest_of(image.layer)}&from={source}").status == 202
        assert not has(repository, image.layer)
    finally:
        group.dependency_proxy_enabled = True
        group.save()
    assert repository.begin_upload(f"?mount={digest_of(image.layer)}&from={source}").status == 201


def test_mount_of_what_is_only_cached(scene: Scene) -> None:
    """The store does not have it, so the client is told to upload."""
    image = scene.published("1")
    repository = scene.repository(B, actions="pull")
    assert repository.statuses("GET", image.places) == [200] * 3
    target = full_name(B, f"{scene.name}/copy")
    copy = Repository(scene.proxy.host, target, signed(scene.server, scene.writers[B], target, repository.name))

    assert copy.begin_upload(f"?mount={digest_of(image.layer)}&from={repository.name}").status == 202
    assert not has(copy, image.layer)


def test_manifest_that_names_what_another_group_pushed(scene: Scene) -> None:
    """Neither layers nor images can be had by naming them in a manifest or index of one's own."""
    image = scene.pushed(A)
    repository = scene.repository(B)
    repository.upload(image.config)

    answers = [repository.put_manifest("stolen", image.manifest), repository.put_manifest("stolen", make_index(image), INDEX)]

    assert [error(answer) for answer in answers] == [(400, "MANIFEST_BLOB_UNKNOWN")] * 2
    assert repository.statuses("GET", ["manifests/stolen", *image.places]) == [404, 404, 200, 404]


@pytest.mark.parametrize("method", ["GET", "HEAD", "PATCH", "PUT", "DELETE"])
def test_upload_of_another_group(scene: Scene, method: str) -> None:
    """Its address helps nobody else, with its state or without, and it goes on unharmed."""
    content = f"secret of {scene.name}".encode()
    victim, thief = scene.repository(A), scene.repository(B)
    location = victim.begin_upload().headers["location"]
    location = victim.at(location, "PATCH", content[:5]).headers["location"]
    path, _, state = location.partition("?")
    upload = path.rpartition("/")[2]
    body = b"evil" if method in {"PATCH", "PUT"} else b""
    digest = f"digest={digest_of(content[:5] + body)}"
    own = thief.begin_upload().headers["location"].partition("?")[2]

    tried: list[Answer] = []
    for query in ("", f"?{state}", f"?{state}&{digest}", f"?{digest}", f"?{own}&{digest}"):
        tried.append(thief.ask(method, f"blobs/uploads/{upload}{query}", body))
        assert insufficient(thief.at(f"{path}{query}", method, body)) == f"repository:{victim.name}:pull,push"

    assert {answer.status for answer in tried} <= {400, 404}, [(answer.status, answer.body) for answer in tried]
    assert not any(content[:5] in answer.body for answer in tried)
    finished = victim.at(f"{location}&digest={digest_of(content)}", "PUT", content[5:])
    assert (finished.status, victim.ask("GET", f"blobs/{digest_of(content)}").body) == (201, content)
    assert not has(thief, content)
