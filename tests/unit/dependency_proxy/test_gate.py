"""The gate: every request against what the client's token grants and what the credential holds now."""

from collections.abc import Callable
from datetime import date, timedelta
from itertools import combinations

import pytest
from pydantic import SecretStr

from registry_auth.accounts.users import UserChange
from registry_auth.deploy_tokens.service import Issued
from registry_auth.values import Action, NamespaceKind, Role, TokenScope, Visibility
from tests.unit.dependency_proxy.door import REALM, Door, Passed, Refused, bearer, image
from tests.unit.dependency_proxy.kinds import DELETE, DIGEST, EVERYTHING, KINDS, PULL, PUSH
from tests.unit.installation import NOW, Installation, basic, login, secret_of

pytestmark = pytest.mark.one_store("the decision is made on what was looked up; the look-ups have tests of their own")

GROUP = NamespaceKind.GROUP
READ, WRITE = (TokenScope.READ_VIRTUAL_REGISTRY,), (TokenScope.WRITE_VIRTUAL_REGISTRY,)
GRANTS = [actions for size in range(4) for actions in combinations(Action, size)]
ALPINE = image("g")
TAG = "manifests/latest"
PASSWORD = "correct horse"

NO_RIGHT = "This log-in has no right to {} here: its scopes are too few, it is not for this group, or there is no such group."


@pytest.fixture(autouse=True)
def world(installation: Installation) -> Installation:
    """Make groups, one in another, beside it with a similar name, and far away; and a project."""
    for path in ("g/sub", "g-x", "other"):
        installation.group(path)
    installation.project("g/p")
    return installation


def deploy_token(world: Installation, path: str = "g", scopes: tuple[TokenScope, ...] = WRITE, expires_at: date | None = None) -> Issued:
    """Make a deploy token of a group."""
    return world.token(path, scopes, kind=GROUP, expires_at=expires_at)


def alice(world: Installation, role: Role | None = Role.MAINTAINER, path: str = "g") -> dict[str, str]:
    """Make the user of id 1, member of a group, and give the log-in with a personal access token."""
    user = world.user("alice", password=PASSWORD)
    if role is not None:
        world.member(path, user, role, kind=GROUP)
    return basic("alice", secret_of(world.personal_token(user)))


def root(world: Installation) -> dict[str, str]:
    """Make an administrator, and give the log-in."""
    return basic("root", secret_of(world.personal_token(world.user("root", is_administrator=True))))


def no_right(name: str, needed: tuple[Action, ...]) -> Refused:
    """Give the refusal of a request that needs more."""
    challenge = f'Bearer realm="{REALM}",service="dependency_proxy",scope="repository:{name}:{",".join(needed)}",error="insufficient_scope"'
    return Refused(401, "DENIED", NO_RIGHT.format(needed[-1]), challenge)


def entry(name: str, actions: tuple[str, ...]) -> dict[str, object]:
    """Give an entry of the claim `access`."""
    return {"type": "repository", "name": name, "actions": [*actions]}


HELD = {None: (), Role.GUEST: PULL, Role.REPORTER: PULL, Role.DEVELOPER: PUSH, Role.MAINTAINER: EVERYTHING, Role.OWNER: EVERYTHING}


@pytest.mark.parametrize(("role", "held"), HELD.items())
def test_token_and_credential_both_have_to_grant_it(world: Installation, door: Door, role: Role | None, held: tuple[Action, ...]) -> None:
    """The whole table: kinds of requests, what the token grants, and what its user holds now, who held all before (D9 to D12, T8)."""
    log_in = alice(world)
    tokens = {granted: door.token_for(log_in, ALPINE, actions=",".join(granted)) if granted else door.token(log_in) for granted in GRANTS}
    if role is None:
        world.memberships.remove(GROUP, "g", 1)
    else:
        world.memberships.update(GROUP, "g", 1, role)
    for granted, token in tokens.items():
        for kind in KINDS:
            answer = door.about(kind.method, ALPINE, kind.place, token)
            if {*kind.needed} <= {*granted} & {*held}:
                missing = kind.missing(granted)
                assert isinstance(answer, Passed), answer
                assert (answer.store["aud"], answer.store["access"]) == ("dependency_proxy_store", [entry(ALPINE, kind.at_store)])
                assert answer.on_missing == answer.headers["X-On-Missing"] == missing
                assert (answer.cache is None) == (missing == "none")
                assert "X-Keep-Query" not in answer.headers
                if answer.cache is not None:
                    action = "delete" if missing == "evict" else "pull"
                    assert answer.cache["aud"] == "dependency_proxy_cache"
                    assert answer.cache["access"] == [entry("library/alpine", (action,))]
                    assert (answer.headers["X-Cache"], answer.headers["X-Cache-Repository"]) == ("default", "library/alpine")
            else:
                assert answer == no_right(ALPINE, kind.needed)


@pytest.mark.parametrize(
    ("path", "scopes", "held"),
    [
        ("g", READ, PULL),
        ("g", WRITE, EVERYTHING),
        ("g", READ + WRITE, EVERYTHING),
        ("g", (TokenScope.READ_REGISTRY, TokenScope.WRITE_REGISTRY, *READ), PULL),
        ("g/sub", WRITE, ()),
        ("g-x", WRITE, ()),
        ("other", WRITE, ()),
    ],
)
def test_deploy_tokens_reach_their_group_and_below(
    world: Installation, door: Door, path: str, scopes: tuple[TokenScope, ...], held: tuple[Action, ...]
) -> None:
    """Reading never implies writing, and neither a subgroup's token nor a neighbour's counts (D9 to D12, S5, S21)."""
    token = door.token_for(login(deploy_token(world, path, scopes)), ALPINE, image("g/sub"))
    for kind in KINDS:
        is_held = {*kind.needed} <= {*held}
        assert isinstance(door.about(kind.method, ALPINE, kind.place, token), Passed) is is_held
        assert isinstance(door.about(kind.method, image("g/sub"), kind.place, token), Passed) is (is_held or path == "g/sub")


@pytest.mark.parametrize(
    "name",
    [
        *(image("g", other) for other in ("alpine2", "alpin", "library/alpine", "alpine/x", "x/alpine", "ghcr.io/x/alpine")),
        *(image(other) for other in ("g/sub", "g-x", "other", "missing", "g/p", "gg", "g/missing")),
    ],
)
def test_token_of_another_image_is_not_enough(world: Installation, door: Door, name: str) -> None:
    """Though an administrator holds all of it, a token is good for the images that it names, to the letter."""
    log_in = root(world)
    token = door.token_for(log_in, ALPINE)
    for kind in KINDS:
        assert isinstance(door.about(kind.method, ALPINE, kind.place, token), Passed)
        assert door.about(kind.method, name, kind.place, token) == no_right(name, kind.needed)


def test_token_for_several_images_counts_for_each_alone(world: Installation, door: Door) -> None:
    """What it grants on one image is not granted on another of its images."""
    token = door.token(alice(world), f"repository:{ALPINE}:pull", f"repository:{image('g', 'debian')}:push,pull")
    assert door.about("PUT", ALPINE, TAG, token) == no_right(ALPINE, PUSH)
    passed = door.about("PUT", image("g", "debian"), TAG, token)
    assert isinstance(passed, Passed)
    assert passed.store["access"] == [entry(image("g", "debian"), PUSH)]


DEAD, NO_LONGER = ("UNAUTHORIZED", "invalid_token"), ("DENIED", "insufficient_scope")
Loss = Callable[[Installation, int], object]


def again(world: Installation) -> None:
    """Delete the group, and make it again under its path."""
    world.namespaces.delete(GROUP, "g", recursive=True)
    world.namespaces.create(GROUP, "g", visibility=Visibility.PUBLIC, reuse_path=True)


DEPLOY_TOKEN_LOSSES: dict[str, tuple[Loss, tuple[str, str], str]] = {
    "revoked": (lambda world, token: world.deploy_tokens.revoke(token), DEAD, "revoked"),
    "deleted": (lambda world, token: world.deploy_tokens.delete(token), DEAD, "does not exist any more"),
    "rotated": (lambda world, token: world.deploy_tokens.rotate(token), DEAD, "rotated"),
    "expired": (lambda world, _: world.clock.advance(minutes=5), DEAD, "expired"),
    "group deleted": (lambda world, _: world.namespaces.delete(GROUP, "g", recursive=True), DEAD, "does not exist any more"),
    "group made again": (lambda world, _: again(world), DEAD, "does not exist any more"),
}


@pytest.mark.parametrize("loss", DEPLOY_TOKEN_LOSSES)
def test_deploy_token_that_ends_takes_its_tokens_along(world: Installation, door: Door, loss: str) -> None:
    """A signed token is refused from the moment on in which its deploy token ends, also under a path that is taken again (D29, S9, S20)."""
    act, (code, word), reason = DEPLOY_TOKEN_LOSSES[loss]
    world.clock.now = NOW.replace(hour=23, minute=55)
    issued = deploy_token(world, expires_at=date(2026, 7, 2))
    token = door.token_for(login(issued), ALPINE)
    world.clock.advance(minutes=4, seconds=59)
    assert all(isinstance(door.about(kind.method, ALPINE, kind.place, token), Passed) for kind in KINDS)
    world.clock.now = NOW.replace(hour=23, minute=55)
    act(world, issued.token.id)
    if loss == "group made again":
        assert isinstance(door.about("GET", ALPINE, TAG, door.token_for(login(deploy_token(world)), ALPINE)), Passed)
    for kind in KINDS:
        refused = door.about(kind.method, ALPINE, kind.place, token)
        assert isinstance(refused, Refused)
        assert (refused.status, refused.code) == (401, code)
        assert reason in refused.message
        assert f'error="{word}"' in (refused.challenge or "")
    assert door.app.test_client().get("/v2/", headers=bearer(token)).status_code == 401


def test_replaced_secret_works_for_the_overlap(world: Installation, door: Door) -> None:
    """The tokens of each secret end with it, to the second; the newer one's go on."""
    issued = deploy_token(world)
    older = door.token_for(login(issued), ALPINE)
    newer = door.token_for(login(world.deploy_tokens.rotate(issued.token.id, overlap=timedelta(seconds=60))), ALPINE)
    for seconds, is_good in ((0, True), (59, True), (60, False), (61, False)):
        world.clock.now = NOW + timedelta(seconds=seconds)
        assert isinstance(door.about("GET", ALPINE, TAG, older), Passed) is is_good
        assert isinstance(door.about("GET", ALPINE, TAG, newer), Passed)


PERSONAL_LOSSES: dict[str, tuple[Loss, tuple[str, str]]] = {
    "token revoked": (lambda world, _: world.personal_access_tokens.revoke(1), DEAD),
    "token rotated": (lambda world, _: world.personal_access_tokens.rotate(1), DEAD),
}
PASSWORD_LOSSES: dict[str, tuple[Loss, tuple[str, str]]] = {
    "password changed": (lambda world, user: world.users.update(user, UserChange(password=SecretStr("another horse"))), DEAD),
}
USER_LOSSES: dict[str, tuple[Loss, tuple[str, str]]] = {
    "user blocked": (lambda world, user: world.users.block(user), DEAD),
    "user deleted": (lambda world, user: world.users.delete(user), DEAD),
    "membership removed": (lambda world, user: world.memberships.remove(GROUP, "g", user), NO_LONGER),
    "role lowered": (lambda world, user: world.memberships.update(GROUP, "g", user, Role.REPORTER), NO_LONGER),
    "group deleted": (lambda world, _: world.namespaces.delete(GROUP, "g", recursive=True), NO_LONGER),
    "group made again": (lambda world, _: again(world), NO_LONGER),
}


@pytest.mark.parametrize(
    ("is_password", "loss"),
    [*((False, loss) for loss in PERSONAL_LOSSES | USER_LOSSES), *((True, loss) for loss in PASSWORD_LOSSES | USER_LOSSES)],
)
def test_user_who_loses_the_right_loses_it_at_once(world: Installation, door: Door, *, is_password: bool, loss: str) -> None:
    """With a personal access token and with a password: a user who may not push now does not, whatever the token says (D29, S20)."""
    act, (code, word) = (PERSONAL_LOSSES | PASSWORD_LOSSES | USER_LOSSES)[loss]
    log_in = alice(world)
    token = door.token_for(basic("alice", PASSWORD) if is_password else log_in, ALPINE)
    assert isinstance(door.about("PUT", ALPINE, TAG, token), Passed)
    act(world, 1)
    refused = door.about("PUT", ALPINE, TAG, token)
    assert isinstance(refused, Refused)
    assert (refused.status, refused.code) == (401, code)
    assert f'error="{word}"' in (refused.challenge or "")
    if loss == "role lowered":
        assert isinstance(door.about("GET", ALPINE, TAG, token), Passed)
    else:
        assert isinstance(door.about("GET", ALPINE, TAG, token), Refused)


def test_expired_personal_token_and_demoted_administrator(world: Installation, door: Door) -> None:
    """A date that is reached ends the token, and who is no administrator any more has only memberships."""
    user = world.user("root", is_administrator=True)
    world.clock.now = NOW.replace(hour=23, minute=55)
    dated, lasting = (
        door.token_for(basic("root", secret_of(world.personal_token(user, expires_at=end))), ALPINE) for end in (date(2026, 7, 2), None)
    )
    for minutes, is_good in ((0, True), (4, True), (1, False)):
        world.clock.advance(minutes=minutes)
        assert isinstance(door.about("GET", ALPINE, TAG, dated), Passed) is is_good
        assert isinstance(door.about("GET", ALPINE, TAG, lasting), Passed)
    world.users.update(user, UserChange(is_administrator=False))
    assert door.about("GET", ALPINE, TAG, lasting) == no_right(ALPINE, PULL)


OFF = Refused(404, "NAME_UNKNOWN", "The dependency proxy is switched off in the group 'g/sub' or in one above it.", None)


@pytest.mark.parametrize("switch", ["g", "g/sub"])
@pytest.mark.parametrize("when", ["before the token", "after the token"])
def test_switched_off_is_told_to_who_would_hold_the_right(world: Installation, door: Door, switch: str, when: str) -> None:
    """Off in the group or above it nothing passes; who could do it otherwise is told why, for each request by what it needs."""
    deploy_tokens = {path: login(deploy_token(world, path)) for path in ("g", "g/sub", "g-x", "other")}
    reader = login(deploy_token(world, "g/sub", READ))
    log_ins = {"alice": alice(world), "root": root(world), "reader": reader} | deploy_tokens
    name = image("g/sub")
    before = {who: door.token_for(log_in, name) for who, log_in in log_ins.items()}
    world.namespaces.update(GROUP, switch, dependency_proxy_enabled=False)
    after = {who: door.token_for(log_in, name) for who, log_in in log_ins.items()}
    tokens = before if when == "before the token" else after
    assert all(not world.claims(token)["access"] for token in after.values())
    for kind in KINDS:
        told = {"alice", "root", "g", "g/sub"} | ({"reader"} if kind.needed == PULL else set())
        for who, token in tokens.items():
            answer = door.about(kind.method, name, kind.place, token)
            assert answer == (OFF if who in told else no_right(name, kind.needed)), who
    world.namespaces.update(GROUP, switch, dependency_proxy_enabled=True)
    assert isinstance(door.about("GET", name, TAG, before["g"]), Passed)


def test_switch_of_a_subgroup_leaves_the_group_on(world: Installation, door: Door) -> None:
    """Off below is not off above or beside."""
    token = door.token_for(root(world), ALPINE, image("g/sub"), image("g-x"))
    world.namespaces.update(GROUP, "g/sub", dependency_proxy_enabled=False)
    passed = [isinstance(door.about("GET", name, TAG, token), Passed) for name in (ALPINE, image("g/sub"), image("g-x"))]
    assert passed == [True, False, True]


def test_groups_that_are_not_ones_own_look_alike(world: Installation, door: Door) -> None:
    """A foreign group, one that is switched off, a private one, a project, and none at all: the whole answers are the same (S10, D27)."""
    world.group("off/sub")
    world.namespaces.update(GROUP, "off", dependency_proxy_enabled=False)
    world.group("private", Visibility.PRIVATE)
    groups = ["other", "off", "off/sub", "private", "missing", "g/p", "g/missing", "other/missing", "dependency_proxy", "/".join("d" * 30)]
    user = world.user("eve", password=PASSWORD)
    log_ins = [login(deploy_token(world, "g-x")), basic("eve", PASSWORD), basic("eve", secret_of(world.personal_token(user)))]
    for log_in in log_ins:
        tokens = (door.token(log_in), door.token_for(log_in, *map(image, groups)))
        for kind in KINDS:
            answers = set()
            for group in groups:
                for token in tokens:
                    response = door.ask(kind.method, f"/v2/{image(group)}/{kind.place}", token)
                    answers.add(str([response.status, *response.headers, response.text]).replace(image(group), "NAME"))
            assert len(answers) == 1
            assert "insufficient_scope" in answers.pop()


SOURCE = image("other", "debian")


def mount(door: Door, token: str, source: str, name: str = ALPINE) -> tuple[list[object], bool]:
    """Ask for an upload that takes over from the source, and give the store's access and whether the query is kept."""
    passed = door.read(door.ask("POST", f"/v2/{name}/blobs/uploads/?mount={DIGEST}&from={source}", token))
    assert isinstance(passed, Passed), passed
    assert (passed.on_missing, passed.cache) == ("none", None)
    assert passed.headers.get("X-Keep-Query") in {None, "1"}
    return passed.store["access"], "X-Keep-Query" in passed.headers


@pytest.mark.parametrize("source", [image("g", "debian"), image("g/sub"), image("g", "ghcr.io/a/b"), image("g", "quay.io/a/b")])
def test_mount_from_where_the_client_may_pull(world: Installation, door: Door, source: str) -> None:
    """With the right on the source, in the token and now, the store gets it too: to pull, and nothing more."""
    token = door.token_for(login(deploy_token(world)), ALPINE, source)
    assert mount(door, token, source) == ([entry(ALPINE, EVERYTHING), entry(source, PULL)], True)


def test_mount_from_another_group_that_the_credential_reaches(world: Installation, door: Door) -> None:
    """A member of two groups takes over from the one into the other, as long as both rights last."""
    log_in = alice(world)
    world.member("other", 1, Role.GUEST, kind=GROUP)
    token = door.token(log_in, f"repository:{ALPINE}:pull,push", f"repository:{SOURCE}:pull")
    taken = ([entry(ALPINE, EVERYTHING), entry(SOURCE, PULL)], True)
    dropped = ([entry(ALPINE, EVERYTHING)], False)
    assert mount(door, token, SOURCE) == taken
    assert mount(door, door.token_for(log_in, ALPINE), SOURCE) == dropped  # the token does not name the source
    world.namespaces.update(GROUP, "other", dependency_proxy_enabled=False)
    assert mount(door, token, SOURCE) == dropped
    world.namespaces.update(GROUP, "other", dependency_proxy_enabled=True)
    assert mount(door, token, SOURCE) == taken
    world.memberships.remove(GROUP, "other", 1)
    assert mount(door, token, SOURCE) == dropped


@pytest.mark.parametrize(
    "source",
    [
        SOURCE,
        image("g-x"),
        image("missing"),
        image("g/p"),
        "g/p",
        "library/alpine",
        "",
        "g",
        f"{ALPINE}%0a",
        f"{ALPINE}&from={SOURCE}",
        "%ff",
        "a" * 9_000,
    ],
)
def test_mount_without_the_right_is_an_upload(world: Installation, door: Door, source: str) -> None:
    """Another group's image, a project's, and what is none at all: the query is dropped, and the store hears nothing of the source."""
    world.token("g/p", [TokenScope.READ_REGISTRY])
    token = door.token(
        login(deploy_token(world)), f"repository:{ALPINE}:pull,push", *(f"repository:{name}:pull" for name in (SOURCE, "g/p"))
    )
    assert mount(door, token, source) == ([entry(ALPINE, EVERYTHING)], False)


def test_mount_within_one_image(world: Installation, door: Door) -> None:
    """An image may be its own source; the store's token names it once."""
    token = door.token_for(login(deploy_token(world)), ALPINE, actions="pull,push")
    assert mount(door, token, ALPINE) == ([entry(ALPINE, EVERYTHING)], True)


def test_right_on_the_source_is_no_right_on_the_image(world: Installation, door: Door) -> None:
    """Who may only pull uploads nothing, wherever it would come from."""
    log_in = alice(world, Role.GUEST)
    world.member("other", 1, Role.OWNER, kind=GROUP)
    token = door.token_for(log_in, ALPINE, SOURCE)
    for source in (SOURCE, ALPINE):
        response = door.ask("POST", f"/v2/{ALPINE}/blobs/uploads/?mount={DIGEST}&from={source}", token)
        assert door.read(response) == no_right(ALPINE, PUSH)


@pytest.mark.parametrize(
    ("name", "upstream", "repository"),
    [
        ("alpine", "default", "library/alpine"),
        ("grafana/loki", "default", "grafana/loki"),
        ("ghcr.io/owner/image", "ghcr.io", "owner/image"),
        ("ghcr.io/quay.io/image", "ghcr.io", "quay.io/image"),
        ("quay.io/owner/image", None, None),
        ("docker.io/library/alpine", None, None),
        ("ghcr.io.evil.com/owner/image", None, None),
    ],
)
def test_each_upstream_has_its_own_cache(
    world: Installation, doors: Callable[..., Door], name: str, upstream: str | None, repository: str | None
) -> None:
    """Reads and evictions go to the cache of the image's upstream, with its audience; one that is not set up has the store alone."""
    door = doors(dependency_proxy_upstreams="ghcr.io,registry.example.com")
    full = image("g", name)
    token = door.token_for(login(deploy_token(world)), full)
    for kind in KINDS:
        passed = door.about(kind.method, full, kind.place, token)
        assert isinstance(passed, Passed)
        assert passed.store["access"] == [entry(full, kind.at_store)]
        if repository is None or kind.missing(EVERYTHING) == "none":
            assert (passed.on_missing, passed.cache) == ("none", None)
            continue
        assert passed.cache is not None
        assert passed.on_missing == kind.missing(EVERYTHING)
        assert passed.cache["aud"] == "dependency_proxy_cache" + ("" if upstream == "default" else f":{upstream}")
        assert passed.cache["access"] == [entry(repository, DELETE if kind.method == "DELETE" else PULL)]
        assert (passed.headers["X-Cache"], passed.headers["X-Cache-Repository"]) == (upstream, repository)


def test_internal_tokens_last_for_the_request(world: Installation, door: Door) -> None:
    """They live for 30 seconds, are in the name of the caller, differ each time, and name no credential."""
    token = door.token_for(login(world.token("g", WRITE, kind=GROUP, username="robot")), ALPINE)
    ids = set()
    for _ in range(2):
        passed = door.about("GET", ALPINE, TAG, token)
        assert isinstance(passed, Passed)
        assert passed.cache is not None
        for claims in (passed.store, passed.cache):
            assert set(claims) == {"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "auth_type", "access"}
            assert (claims["sub"], claims["exp"] - int(NOW.timestamp())) == ("robot", 30)
            ids.add(claims["jti"])
    assert len(ids) == 4
    assert "credential" in world.claims(token)


def test_rights_at_the_container_registry_count_for_nothing(world: Installation, door: Door) -> None:
    """A path below a project is no image of a group, whoever owns the project (D11, S5)."""
    user = world.user("alice")
    world.member("g/p", user, Role.OWNER)
    log_in = basic("alice", secret_of(world.personal_token(user)))
    for name in (ALPINE, image("g/p")):
        assert door.about("GET", name, TAG, door.token_for(log_in, name)) == no_right(name, PULL)
