"""Deploy tokens: creation, effective scopes, user names, expiry, lists, rotation, revocation, and what is stored."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text

from registry_auth.database import Paging
from registry_auth.deploy_tokens.service import CI_TOKEN_NAME, MAX_OVERLAP, DeployTokens, Issued, count_by_server_secret
from registry_auth.errors import ConflictError, InvalidValueError, NotFoundError
from registry_auth.values import DEPLOY_TOKEN_SCOPES, NamespaceKind, TokenScope
from tests.unit.installation import NOW, READ, Installation, secret_of
from tests.unit.server_secrets import digester_with, known_secrets

GROUP, PROJECT = NamespaceKind.GROUP, NamespaceKind.PROJECT
READ_REPOSITORY = TokenScope.READ_REPOSITORY


@pytest.fixture
def project(installation: Installation) -> Installation:
    """Give an installation with the project `g/p`."""
    installation.project("g/p")
    return installation


def why_dead(installation: Installation, issued: Issued) -> str | None:
    """Say what becomes of a log-in with this secret now."""
    found = installation.lookup.find(secret_of(issued))
    assert found is not None
    return found.why_dead(installation.clock())


def test_created_token_is_what_was_asked(project: Installation) -> None:
    """All that was given is kept; the default user name carries the id."""
    given = project.deploy_tokens.create(GROUP, "g", name="n", scopes=READ, username="robot", expires_at=date(2026, 7, 2)).token
    default = project.token("g/p").token
    assert (given.owner.path, given.name, given.username, given.scopes) == ("g", "n", "robot", READ)
    assert (given.expires_at, given.revoked_at, given.created_at) == (date(2026, 7, 2), None, NOW)
    assert (default.username, default.expires_at) == (f"gitlab+deploy-token-{default.id}", None)
    assert project.deploy_tokens.get(given.id).username == "robot"


def test_each_secret_is_another_one(project: Installation) -> None:
    """Neither two tokens nor two rotations share a secret."""
    first, second = project.token("g/p"), project.token("g/p")
    rotated = project.deploy_tokens.rotate(first.token.id)
    assert len({secret_of(first), secret_of(second), secret_of(rotated)}) == 3


@pytest.mark.parametrize(
    ("name", "asked", "effective"),
    [
        (CI_TOKEN_NAME, {READ_REPOSITORY}, ("read_repository", "read_registry", "write_registry")),
        (CI_TOKEN_NAME, set(READ), ("read_registry", "write_registry")),
        (CI_TOKEN_NAME.upper(), {READ_REPOSITORY}, ("read_repository",)),
        ("other", set(DEPLOY_TOKEN_SCOPES), DEPLOY_TOKEN_SCOPES),
        ("other", [TokenScope.WRITE_REGISTRY, *READ, *READ], ("read_registry", "write_registry")),
    ],
)
def test_effective_scopes_are_stored_and_shown(
    project: Installation, name: str, asked: set[TokenScope], effective: tuple[str, ...]
) -> None:
    """`gitlab-deploy-token` also holds both registry scopes; nobody else gets more than asked (D32)."""
    token = project.deploy_tokens.create(PROJECT, "g/p", name=name, scopes=asked).token
    assert token.scopes == project.deploy_tokens.get(token.id).scopes == effective


@pytest.mark.parametrize("username", ["a", "A.b+c_d-9", "-", "a" * 255])
def test_user_name_takes_every_permitted_character(project: Installation, username: str) -> None:
    """Letters, digits and four signs make a user name; two tokens may share it."""
    assert project.token("g/p", username=username).token.username == project.token("g/p", username=username).token.username


@pytest.mark.parametrize("username", ["", " ", "a b", "a:b", "a/b", "é", "a@b", "a\n", "a\x00", "a" * 256])
def test_other_user_names_are_refused(project: Installation, username: str) -> None:
    """A colon would end the name in a Basic log-in; the rest has no place in a subject."""
    with pytest.raises(InvalidValueError, match="user name"):
        project.token("g/p", username=username)


def test_token_without_scope_name_or_owner_is_refused(project: Installation) -> None:
    """Each missing part is named, and nothing is made."""
    with pytest.raises(InvalidValueError, match="at least one scope"):
        project.token("g/p", ())
    with pytest.raises(InvalidValueError, match="name"):
        project.deploy_tokens.create(PROJECT, "g/p", name=" ", scopes=READ)
    for kind, path in ((PROJECT, "g"), (GROUP, "g/p"), (PROJECT, "x")):
        with pytest.raises(NotFoundError, match=f"There is no {kind} '{path}'"):
            project.token(path, kind=kind)
    assert project.deploy_tokens.list() == []


@pytest.mark.parametrize(
    ("now", "accepted"), [(datetime(2026, 7, 31, 23, 59, 59, tzinfo=UTC), True), (datetime(2026, 8, 1, tzinfo=UTC), False)]
)
def test_expiry_date_has_to_lie_ahead(project: Installation, now: datetime, accepted: bool) -> None:
    """A token that would be dead at birth is not made."""
    project.clock.now = now
    if accepted:
        assert project.token("g/p", expires_at=date(2026, 8, 1)).token.expires_at == date(2026, 8, 1)
    else:
        with pytest.raises(InvalidValueError, match=r"2026-08-01 is not in the future: today is 2026-08-01 \(UTC\)"):
            project.token("g/p", expires_at=date(2026, 8, 1))


def test_lists_tell_owners_and_states_apart(project: Installation) -> None:
    """A list has the tokens of all or of exactly one owner; `active_only` leaves the dead out, from midnight UTC on (T7)."""
    ids = [project.token("g/p", expires_at=day).token.id for day in (None, None, date(2026, 7, 2), date(2026, 7, 3))]
    in_group = project.token("g", kind=GROUP).token.id
    project.deploy_tokens.revoke(ids[1])
    project.clock.now = datetime(2026, 7, 1, 23, 59, 59, tzinfo=UTC)
    assert [token.id for token in project.deploy_tokens.list(active_only=True)] == [ids[0], ids[2], ids[3], in_group]
    project.clock.advance(seconds=1)
    assert [token.id for token in project.deploy_tokens.list((PROJECT, "g/p"), active_only=True)] == [ids[0], ids[3]]
    assert [token.id for token in project.deploy_tokens.list((PROJECT, "g/p"))] == ids
    assert [token.id for token in project.deploy_tokens.list((GROUP, "g"))] == [in_group]
    with pytest.raises(NotFoundError, match="There is no group 'x'"):
        project.deploy_tokens.list((GROUP, "x"))


def test_rotation_changes_the_secret_and_nothing_else(project: Installation) -> None:
    """After a rotation the old secret is dead at once, the new one works, and all else stays (T11)."""
    old = project.token("g/p", READ, username="robot", expires_at=date(2026, 8, 1))
    new = project.deploy_tokens.rotate(old.token.id)
    found = project.lookup.find(secret_of(new))
    assert found is not None
    assert (found.id, found.username, found.scopes, found.expires_at) == (old.token.id, "robot", frozenset(READ), date(2026, 8, 1))
    assert (why_dead(project, old), why_dead(project, new)) == (
        "This secret was replaced on 2026-07-01: the deploy token was rotated, use its newer secret.",
        None,
    )


def test_overlap_ends_to_the_second(project: Installation) -> None:
    """The old secret works for the overlap and not a second longer."""
    old = project.token("g/p")
    project.deploy_tokens.rotate(old.token.id, overlap=timedelta(seconds=60))
    project.clock.advance(seconds=59)
    assert why_dead(project, old) is None
    project.clock.advance(seconds=1)
    assert why_dead(project, old) is not None


def test_second_rotation_never_prolongs_an_old_secret(project: Installation) -> None:
    """An overlap that ends sooner stays, one that would end later is cut."""
    first = project.token("g/p")
    second = project.deploy_tokens.rotate(first.token.id, overlap=timedelta(seconds=60))
    third = project.deploy_tokens.rotate(first.token.id, overlap=timedelta(hours=1))
    project.clock.advance(seconds=60)
    assert [why_dead(project, issued) is None for issued in (first, second, third)] == [False, True, True]
    project.deploy_tokens.rotate(first.token.id)
    assert why_dead(project, second) is not None


@pytest.mark.parametrize("overlap", [timedelta(seconds=-1), MAX_OVERLAP + timedelta(seconds=1)])
def test_overlap_out_of_bounds_is_refused(project: Installation, overlap: timedelta) -> None:
    """The bounds are named in seconds."""
    with pytest.raises(InvalidValueError, match="between 0 and 2592000 seconds"):
        project.deploy_tokens.rotate(project.token("g/p").token.id, overlap=overlap)


def test_dead_token_is_not_revived_by_rotation(project: Installation) -> None:
    """Revoked and expired tokens stay so (T11)."""
    revoked, expired = project.token("g/p"), project.token("g/p", expires_at=date(2026, 7, 2))
    project.deploy_tokens.revoke(revoked.token.id)
    project.clock.advance(days=1)
    with pytest.raises(ConflictError, match="is revoked: make a new one"):
        project.deploy_tokens.rotate(revoked.token.id)
    with pytest.raises(ConflictError, match="expired on 2026-07-02: make a new one"):
        project.deploy_tokens.rotate(expired.token.id)


def test_revoking_twice_keeps_the_first_date(project: Installation) -> None:
    """A revoked token says since when, and a second revocation changes nothing."""
    issued = project.token("g/p")
    project.deploy_tokens.revoke(issued.token.id)
    project.clock.advance(days=3)
    assert project.deploy_tokens.revoke(issued.token.id).revoked_at == NOW
    assert why_dead(project, issued) == "This deploy token was revoked on 2026-07-01."


def test_unknown_id_is_not_found(project: Installation) -> None:
    """Every verb says that there is no such token."""
    for act in (project.deploy_tokens.get, project.deploy_tokens.rotate, project.deploy_tokens.revoke):
        with pytest.raises(NotFoundError, match="There is no deploy token 99"):
            act(99)


def test_deleted_project_takes_its_tokens_along(project: Installation) -> None:
    """Under the same path made again, the old token is dead, its secret is forgotten and its id is not given again (S9)."""
    old = project.token("g/p")
    project.namespaces.delete(PROJECT, "g/p")
    assert project.lookup.find(secret_of(old)) is None
    project.namespaces.create(PROJECT, "g/p", reuse_path=True)
    assert project.token("g/p").token.id > old.token.id
    assert project.lookup.find(secret_of(old)) is None


def test_no_secret_is_in_the_database_files(project: Installation) -> None:
    """What is stored is a digest keyed with the server secret, which is not stored: neither plain nor half a secret is in any file (T4)."""
    issued = [project.token("g/p"), project.deploy_tokens.rotate(project.token("g/p").token.id)]
    stored = project.store.content()
    with project.database.reading() as connection:
        rows = connection.execute(text("SELECT digest, digest_key_id FROM deploy_token_secrets")).all()
    assert {project.digester.digests(secret_of(one))[0] for one in issued} <= {tuple(row) for row in rows}
    assert issued[0].token.username.encode() in stored
    for secret in map(secret_of, issued):
        assert all(part.encode() not in stored for part in (secret, secret[:16], secret[-16:]))
    (server_secret,) = known_secrets(project)
    assert server_secret.value not in stored
    assert server_secret.value.hex().encode() not in stored


def test_living_secrets_are_counted_by_server_secret(project: Installation) -> None:
    """It can be told how many secrets hang on each server secret: those that have ended, of themselves or with their token, do not."""
    mine, other = project.digester, digester_with(b"x" * 32)
    lasting, expiring, revoked, rotated = (project.token("g/p", expires_at=end) for end in (None, date(2026, 7, 2), None, None))
    DeployTokens(project.database, other, project.clock).rotate(rotated.token.id, overlap=timedelta(hours=1))
    project.deploy_tokens.revoke(revoked.token.id)
    assert {lasting.token.state(NOW), expiring.token.state(NOW)} == {"active"}

    def counted() -> Mapping[str, int]:
        return count_by_server_secret(project.database, project.clock())

    assert counted() == {mine.key_ids[0]: 3, other.key_ids[0]: 1}
    project.clock.advance(hours=1)
    assert counted() == {mine.key_ids[0]: 2, other.key_ids[0]: 1}
    project.clock.advance(days=1)
    assert counted() == {mine.key_ids[0]: 1, other.key_ids[0]: 1}
    project.deploy_tokens.delete(rotated.token.id)
    assert counted() == {mine.key_ids[0]: 1}


def test_state_says_whether_a_token_can_be_used(installation: Installation) -> None:
    """A token is active until it expires or is revoked; a revoked one stays so after its expiry."""
    installation.project("g/p")
    issued = installation.token("g/p", expires_at=date(2026, 7, 31))
    expired = datetime(2026, 7, 31, tzinfo=UTC)
    assert issued.token.state(NOW) == "active"
    assert issued.token.state(expired - timedelta(seconds=1)) == "active"
    assert issued.token.state(expired) == "expired"
    revoked = installation.deploy_tokens.revoke(issued.token.id)
    assert revoked.state(NOW) == "revoked"
    assert revoked.state(expired) == "revoked"


@pytest.mark.parametrize("scope", [TokenScope.API, TokenScope.READ_API])
def test_scopes_of_users_are_refused(project: Installation, scope: TokenScope) -> None:
    """A deploy token is nobody who could use the API: those scopes are named in the refusal, and nothing is made."""
    for scopes in ([scope], [*READ, scope]):
        with pytest.raises(InvalidValueError, match=f"A deploy token cannot have the scope {scope}") as error:
            project.token("g/p", scopes)
        assert error.value.field == "scopes"
    assert project.deploy_tokens.list() == []


def test_token_knows_who_made_it(project: Installation) -> None:
    """The user who made a token is named with it; a token of the command line, or of a user who is gone, was made by nobody."""
    alice = project.user("alice")
    made = project.deploy_tokens.create(PROJECT, "g/p", name="n", scopes=READ, created_by=alice).token
    assert project.token("g/p").token.creator is None
    for token in (made, project.deploy_tokens.get(made.id), project.deploy_tokens.rotate(made.id).token):
        assert (token.created_by, token.creator and token.creator.username) == (alice, "alice")
    project.users.delete(alice)
    for user_id in (alice, 99):
        assert project.deploy_tokens.create(PROJECT, "g/p", name="n", scopes=READ, created_by=user_id).token.created_by is None


def test_token_outlives_its_maker_unchanged(project: Installation) -> None:
    """Blocking or deleting the user who made a token ends nothing of the token."""
    alice = project.user("alice")
    issued = project.deploy_tokens.create(PROJECT, "g/p", name="n", scopes=READ, created_by=alice)
    before = project.lookup.find(secret_of(issued))
    project.users.block(alice)
    assert project.lookup.find(secret_of(issued)) == before
    project.users.delete(alice)
    assert project.lookup.find(secret_of(issued)) == before


def test_deleted_token_is_forgotten(project: Installation) -> None:
    """Its secrets, old and new, are unknown afterwards, its id is not given again, and others stay."""
    old, other = project.token("g/p"), project.token("g/p")
    newer = project.deploy_tokens.rotate(old.token.id, overlap=timedelta(hours=1))
    assert project.deploy_tokens.delete(old.token.id).id == old.token.id
    assert project.lookup.find(secret_of(old)) is project.lookup.find(secret_of(newer)) is None
    assert why_dead(project, other) is None
    with project.database.reading() as connection:
        assert connection.execute(text("SELECT DISTINCT token_id FROM deploy_token_secrets")).scalars().all() == [other.token.id]
    project.deploy_tokens.delete(other.token.id)
    assert project.token("g/p").token.id > other.token.id


@pytest.mark.parametrize("verb", ["get", "rotate", "delete"])
def test_tokens_of_other_owners_are_not_found(project: Installation, verb: str) -> None:
    """Within the bounds of one owner the tokens of another do not exist, be it the group above, and nothing happens to them (S8)."""
    project.project("g/q")
    owners = {path: project.namespaces.get(kind, path).id for kind, path in ((PROJECT, "g/p"), (PROJECT, "g/q"), (GROUP, "g"))}
    issued, of_group = project.token("g/p"), project.token("g", kind=GROUP)
    act = getattr(project.deploy_tokens, verb)
    for token_id, owner_id in (
        (issued.token.id, owners["g/q"]),
        (issued.token.id, owners["g"]),
        (of_group.token.id, owners["g/p"]),
        (issued.token.id, 99),
        (99, owners["g/p"]),
        (99, None),
    ):
        with pytest.raises(NotFoundError, match=f"There is no deploy token {token_id}"):
            act(token_id, owner_id=owner_id)
    assert why_dead(project, issued) is why_dead(project, of_group) is None
    assert len(project.deploy_tokens.list()) == 2
    assert act(issued.token.id, owner_id=owners["g/p"])


def test_pages_tell_owners_and_states_apart(project: Installation) -> None:
    """Pages follow each other, oldest first, with the total of all; they are bounded as lists are."""
    for expires_at in (None, date(2026, 7, 2), None, None, None):
        project.token("g/p", expires_at=expires_at)
    project.token("g", kind=GROUP)
    project.deploy_tokens.revoke(3)
    project.clock.advance(days=1)
    owner_id = project.namespaces.get(PROJECT, "g/p").id

    def page(number: int, owner_id: int | None = None, *, active_only: bool = False) -> tuple[list[int], int]:
        found = project.deploy_tokens.page(Paging(number, 2), owner_id=owner_id, active_only=active_only)
        return [token.id for token in found.items], found.total

    assert [page(1), page(2), page(3), page(4)] == [([1, 2], 6), ([3, 4], 6), ([5, 6], 6), ([], 6)]
    assert [page(1, owner_id), page(3, owner_id)] == [([1, 2], 5), ([5], 5)]
    assert [page(1, owner_id, active_only=True), page(2, owner_id, active_only=True)] == [([1, 4], 3), ([5], 3)]
    assert page(2, active_only=True) == ([5, 6], 4)
    assert page(1, 99) == ([], 0)
