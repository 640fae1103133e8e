"""What has ended since the log-in ends at the dependency proxy at once: tokens, users, roles, groups."""

import sqlite3
from itertools import count
from typing import TYPE_CHECKING, Any

import jwt as pyjwt
import pytest
from gitlab import Gitlab
from gitlab.const import AccessLevel

from registry_auth.signing import KeyDirectory

from .dependency_proxy import DependencyProxy
from .http_calls import claims
from .peers.stock_registry import StockRegistry
from .proxy_calls import (
    READ,
    WRITE,
    Repository,
    deploy_token,
    full_name,
    insufficient,
    make_groups,
    make_image,
    mint,
    signed,
)
from .proxy_front import NOT_THERE, Ended, Front, make_front, names_below
from .python_gitlab import remembered
from .token_server import PULL_AND_PUSH, Token, TokenServer

if TYPE_CHECKING:
    from collections.abc import Callable

NAMES = names_below("attack/ended")

_numbers = count(1)


@pytest.fixture(scope="module")
def front(token_server: TokenServer, dependency_proxy: DependencyProxy, upstream: StockRegistry, administrator: Gitlab) -> Front:
    """Make the groups of victim and thief, and the images."""
    return make_front(token_server, dependency_proxy, upstream, administrator, NAMES)


@pytest.fixture
def group(front: Front, administrator: Gitlab) -> str:
    """Make a group, with a subgroup of it."""
    assert front.cached
    path = f"attack/ended-{next(_numbers)}"
    make_groups(administrator, path, f"{path}/below")
    return path


@pytest.fixture
def deployed(front: Front, administrator: Gitlab, group: str) -> tuple[Ended, Token]:
    """Log in with a deploy token of the group, for an image of the subgroup."""
    token = deploy_token(administrator, WRITE, group=group)
    return logged_in_with(front, administrator, f"{group}/below", token), token


def logged_in_with(front: Front, administrator: Gitlab, group: str, token: Token) -> Ended:
    """Fetch a signed token for the cached image under the group."""
    name = full_name(group, "front")
    return Ended(front, administrator, group, Repository(front.host, name, signed(front.server, token, name)))


def member(administrator: Gitlab, group: str, role: AccessLevel, *, password: str | None = None) -> tuple[Any, Any, Token]:
    """Make a user with a role in the group; give the user, the membership and a personal access token."""
    username = f"attack-user-{next(_numbers)}"
    user = administrator.users.create({"username": username} | ({} if password is None else {"password": remembered(password)}))
    membership = administrator.groups.get(group).members.create({"user_id": user.id, "access_level": role})
    made = user.personal_access_tokens.create({"name": "test", "scopes": ["api"]})
    return user, membership, Token(made.id, username, remembered(made.token))


def test_revoked_deploy_token(deployed: tuple[Ended, Token]) -> None:
    """By the command line."""
    ended, token = deployed
    ended.ends(lambda: ended.front.server.revoke(token))


def test_deleted_deploy_token(deployed: tuple[Ended, Token], group: str) -> None:
    """By the REST API, which answers from either worker process."""
    ended, token = deployed
    ended.ends(lambda: ended.administrator.groups.get(group).deploytokens.delete(token.id))


def test_expired_deploy_token(deployed: tuple[Ended, Token]) -> None:
    """The date is looked up, not taken from the log-in; nothing sets it back but the database itself."""
    ended, token = deployed
    ended.ends(lambda: _expire(ended.front.server, "deploy_tokens", token))


def _expire(server: TokenServer, table: str, token: Token) -> None:
    with sqlite3.connect(server.database) as connection:
        changed = connection.execute(f"UPDATE {table} SET expires_at = date('now') WHERE id = ?", (token.id,))  # noqa: S608
        assert changed.rowcount == 1
    connection.close()


def test_rotated_deploy_token(deployed: tuple[Ended, Token], group: str) -> None:
    """The old secret's signed tokens end with it, the new secret's work."""
    ended, token = deployed
    address = f"/groups/{group.replace('/', '%2F')}/deploy_tokens/{token.id}/rotate"
    made: list[Token] = []

    def rotate(overlap: int) -> None:
        document = ended.administrator.http_post(address, post_data={"overlap": overlap})
        assert isinstance(document, dict)
        made.append(Token(token.id, token.username, remembered(document["token"])))

    rotate(600)
    assert ended.seen() == {(200, "")}
    ended.ends(lambda: rotate(0))
    old, new = (logged_in(ended, each) for each in made)
    assert (old, new) == (401, 200)


def logged_in(ended: Ended, token: Token) -> int:
    """Log in and pull; give the status of what came out."""
    answer = mint(ended.front.server, f"repository:{ended.repository.name}:pull", credentials=token.credentials)
    if answer.status != 200:
        return answer.status
    return Repository(ended.repository.host, ended.repository.name, str(answer.document["token"])).status("GET", "manifests/1")


def test_deleted_group(deployed: tuple[Ended, Token], group: str) -> None:
    """With its deploy tokens, signed ones too; also for who has rights above it, to whom it is not there."""
    ended, _ = deployed
    above = logged_in_with(ended.front, ended.administrator, ended.group, deploy_token(ended.administrator, READ, group="attack"))
    assert above.seen() == {(200, "")}
    ended.ends(lambda: ended.front.server.command("group", "delete", group, "--recursive").check())
    assert above.seen() == {(401, "insufficient_scope")}


@pytest.mark.parametrize("switched", ["itself", "above"])
def test_group_that_is_switched_off(deployed: tuple[Ended, Token], group: str, switched: str) -> None:
    """By the command line; who may do nothing there learns nothing of it, and everything is as before once it is on again."""
    ended, token = deployed
    path = group if switched == "above" else ended.group
    ended.ends(lambda: ended.front.server.document("group", "update", path, "--dependency-proxy", "off"), (404, "NAME_UNKNOWN"))
    assert ended.seen("PUT", "manifests/1") == ended.seen("DELETE", f"manifests/{NOT_THERE}") == {(404, "NAME_UNKNOWN")}
    answer = mint(ended.front.server, f"repository:{ended.repository.name}:pull", credentials=token.credentials)
    assert claims(str(answer.granted()["token"]))["access"] == []
    foreign = Repository(ended.front.host, ended.repository.name, ended.front.thief)
    assert insufficient(foreign.ask("GET", "manifests/1")) == f"repository:{foreign.name}:pull"
    one = ended.administrator.groups.get(path)
    one.dependency_proxy_enabled = True
    one.save()
    assert ended.seen() == {(200, "")}


@pytest.mark.parametrize(
    ("way", "reason"),
    [
        ("revoked", "invalid_token"),
        ("rotated", "invalid_token"),
        ("expired", "invalid_token"),
        ("user blocked", "invalid_token"),
        ("user deleted", "invalid_token"),
        ("membership removed", "insufficient_scope"),
    ],
)
def test_end_of_a_personal_access_token(front: Front, administrator: Gitlab, group: str, way: str, reason: str) -> None:
    """Whatever ends it, or what its user may do, ends it at once."""
    user, membership, token = member(administrator, group, AccessLevel.OWNER)
    ended = logged_in_with(front, administrator, f"{group}/below", token)
    acts: dict[str, Callable[[], object]] = {
        "revoked": lambda: administrator.personal_access_tokens.delete(token.id),
        "rotated": lambda: remembered(administrator.personal_access_tokens.get(token.id).rotate()["token"]),
        "expired": lambda: _expire(front.server, "personal_access_tokens", token),
        "user blocked": user.block,
        "user deleted": user.delete,
        "membership removed": membership.delete,
    }

    ended.ends(acts[way], (401, reason))


def test_lowered_role(front: Front, administrator: Gitlab, group: str) -> None:
    """A developer who was a maintainer deletes no more, and a guest does not push, whatever the signed token says; pulling goes on."""
    _, membership, token = member(administrator, group, AccessLevel.MAINTAINER)
    ended = logged_in_with(front, administrator, group, token)

    def writes() -> list[int]:
        return [ended.repository.status("DELETE", f"manifests/{NOT_THERE}"), ended.repository.begin_upload().status]

    found = [writes()]
    for role in (AccessLevel.DEVELOPER, AccessLevel.GUEST):
        membership.access_level = role
        membership.save()
        found.append(writes())

    assert found == [[404, 202], [401, 202], [401, 401]]
    assert ended.seen() == {(200, "")}


def test_raised_role(front: Front, administrator: Gitlab, group: str) -> None:
    """It does not widen the tokens that were signed before."""
    _, membership, token = member(administrator, group, AccessLevel.GUEST)
    ended = logged_in_with(front, administrator, group, token)
    membership.access_level = AccessLevel.OWNER
    membership.save()

    assert insufficient(ended.repository.begin_upload()) == f"repository:{ended.repository.name}:pull,push"
    assert logged_in_with(front, administrator, group, token).repository.begin_upload().status == 202


@pytest.mark.parametrize("way", ["changed", "user blocked"])
def test_end_of_a_password(front: Front, administrator: Gitlab, group: str, way: str) -> None:
    """What was signed with it ends with it, and with its user."""
    user, _, token = member(administrator, group, AccessLevel.GUEST, password="a first good password")
    ended = logged_in_with(front, administrator, group, token.with_secret("a first good password"))

    def change() -> None:
        user.password = remembered("a second good password")
        user.save()

    ended.ends({"changed": change, "user blocked": user.block}[way])


def test_scopes_of_both_services_stay_apart(front: Front, administrator: Gitlab, group: str) -> None:
    """The credential of a signed token is looked up with the scopes of now: the container registry's give nothing here."""
    token = deploy_token(administrator, PULL_AND_PUSH, group=group)
    other = deploy_token(administrator, WRITE, group=group)
    name = full_name(group, "front")
    body = claims(signed(front.server, other, name))
    body["credential"]["id"], body["credential"]["secret_id"] = token.id, token.id
    ring = KeyDirectory(front.server.keys).read()
    assert ring is not None
    pair = ring.signing_keys[0].pair
    forged = pyjwt.encode(body, pair.key, "ES256", headers={"kid": pair.kid})

    assert Repository(front.host, name, forged).status("GET", "manifests/1") == 401


def test_path_that_is_taken_again(front: Front, administrator: Gitlab) -> None:
    """A group that takes the path of a deleted one has its images; the old group's tokens stay dead."""
    name = f"ended-{next(_numbers)}"
    parent = administrator.groups.get("attack")
    made = administrator.groups.create({"name": name, "path": name, "parent_id": parent.id})
    old = logged_in_with(front, administrator, f"attack/{name}", deploy_token(administrator, WRITE, group=f"attack/{name}"))
    image = old.repository.push(make_image(name), "own")
    made.delete()
    administrator.groups.create({"name": name, "path": name, "parent_id": parent.id, "reuse_path": True})
    new = logged_in_with(front, administrator, f"attack/{name}", deploy_token(administrator, WRITE, group=f"attack/{name}"))

    assert old.seen(place="manifests/own") == {(401, "invalid_token")}
    assert new.repository.ask("GET", "manifests/own").body == image.manifest
