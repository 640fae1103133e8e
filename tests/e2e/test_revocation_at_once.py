"""What ends, ends at once: at every worker of every server on the store, whoever ended it, though all of them remember it as good."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from gitlab.const import AccessLevel

from .both_stores import STORES, store_settings
from .peers.availability import require
from .peers.pgbouncer import PgBouncer
from .peers.postgresql import PostgresCluster
from .python_gitlab import remembered
from .replicas import GRANTED, NOTHING, Question, Replicas, may, may_enter, seen_around, serve_replicas
from .token_server import Token
from .workers import lines_to_workers


@pytest.fixture(scope="module", params=STORES)
def replicas(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replicas]:
    """Run two servers on each kind of store in turn."""
    with serve_replicas(tmp_path_factory.mktemp("replicas"), 2, **store_settings(request.param, request)) as replicas:
        yield replicas


@pytest.fixture(scope="module")
def pooled(postgres: PostgresCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replicas]:
    """Run two servers on PostgreSQL behind a pgbouncer, which listen at PostgreSQL itself."""
    require("pgbouncer")
    url = postgres.create_database()
    with PgBouncer(tmp_path_factory.mktemp("pgbouncer"), postgres) as bouncer:
        settings = {"REGISTRY_AUTH_DATABASE_URL": bouncer.url(url), "REGISTRY_AUTH_DATABASE_LISTEN_URL": url}
        with serve_replicas(tmp_path_factory.mktemp("pooled"), 2, **settings) as replicas:
            yield replicas


@dataclass(frozen=True, slots=True)
class Ending:
    """Something that is granted until `change` is done; then the answer is `outcome`."""

    question: Question
    change: Callable[[], object]
    outcome: str


def project(replicas: Replicas, name: str, visibility: str = "private") -> str:
    """Make a project in a group of its own."""
    return replicas.first.create_project(f"{name}/project", visibility)


def deployed(replicas: Replicas, name: str) -> tuple[Question, Token]:
    """Make a project with a deploy token."""
    path = project(replicas, name)
    token = replicas.first.create_token(project=path)
    return may("pull", path, token), token


def member(replicas: Replicas, name: str, role: str = "developer") -> tuple[Question, Token]:
    """Make a user who pushes to a project, with a personal access token; the user has the name of the test."""
    path = project(replicas, name)
    replicas.first.create_user(name)
    replicas.first.add_member(name, role, project=path)
    token = replicas.first.create_personal_token(name)
    return may("push", path, token), token


def revoked_by_command(replicas: Replicas, name: str) -> Ending:
    """Prepare a change of another process: the command line."""
    question, token = deployed(replicas, name)
    return Ending(question, lambda: replicas.first.command("deploy-token", "revoke", str(token.id)).check(), "401")


def revoked_by_rest_api(replicas: Replicas, name: str) -> Ending:
    """Prepare a change of one of the workers."""
    question, token = deployed(replicas, name)
    return Ending(question, lambda: replicas.administrator.projects.get(f"{name}/project").deploytokens.delete(token.id), "401")


def revoked_by_hand(replicas: Replicas, name: str) -> Ending:
    """Prepare a change by SQL."""
    question, token = deployed(replicas, name)
    statement = f"UPDATE deploy_tokens SET revoked_at = CURRENT_TIMESTAMP WHERE id = {token.id}"  # noqa: S608 - a number
    return Ending(question, lambda: replicas.run_sql(statement), "401")


def rotated(replicas: Replicas, name: str) -> Ending:
    """Prepare the end of an old secret."""
    question, token = deployed(replicas, name)
    return Ending(question, lambda: replicas.first.rotate(token), "401")


def project_deleted(replicas: Replicas, name: str) -> Ending:
    """Prepare the end of a project, and so of its tokens."""
    question, _ = deployed(replicas, name)
    return Ending(question, lambda: replicas.first.document("project", "delete", f"{name}/project"), "401")


def group_deleted(replicas: Replicas, name: str) -> Ending:
    """Prepare the end of a group, and so of the tokens of what is in it."""
    question, _ = deployed(replicas, name)
    return Ending(question, lambda: replicas.administrator.groups.delete(name), "401")


def made_private(replicas: Replicas, name: str) -> Ending:
    """Prepare the end of what those may do who do not log in."""
    path = project(replicas, name, "public")
    found = replicas.administrator.projects.get(path)
    found.visibility = "private"
    return Ending(may("pull", path), found.save, NOTHING)


def proxy_switched_off(replicas: Replicas, name: str) -> Ending:
    """Prepare the end of the dependency proxy in a group, and so in those below."""
    replicas.first.document("group", "create", name)
    below = str(replicas.first.document("group", "create", f"{name}/below")["full_path"])
    token = replicas.first.create_token(group=below, scopes=["read_virtual_registry"])
    question = may("pull", f"{below}/dependency_proxy/containers/image", token, "dependency_proxy")
    return Ending(question, lambda: replicas.first.document("group", "update", name, "--dependency-proxy", "off"), NOTHING)


def member_removed(replicas: Replicas, name: str) -> Ending:
    """Prepare the end of a membership; the user stays, and the token."""
    question, _ = member(replicas, name)
    return Ending(question, lambda: replicas.first.remove_member(name, project=f"{name}/project"), NOTHING)


def role_lowered(replicas: Replicas, name: str) -> Ending:
    """Prepare the end of pushing; pulling goes on."""
    question, _ = member(replicas, name)
    (found,) = [each for each in replicas.administrator.projects.get(f"{name}/project").members.list() if each.username == name]
    found.access_level = AccessLevel.REPORTER
    return Ending(question, found.save, NOTHING)


def administrator_no_more(replicas: Replicas, name: str) -> Ending:
    """Prepare the end of being allowed everything."""
    replicas.first.create_user(name, admin=True)
    token = replicas.first.create_personal_token(name)
    question = may("push", project(replicas, name), token)
    return Ending(question, lambda: replicas.first.document("user", "update", name, "--no-admin"), NOTHING)


def user_blocked(replicas: Replicas, name: str) -> Ending:
    """Prepare the end of a user's log-ins."""
    question, _ = member(replicas, name)
    (found,) = replicas.administrator.users.list(username=name)
    return Ending(question, found.block, "401")


def user_deleted(replicas: Replicas, name: str) -> Ending:
    """Prepare the end of a user."""
    question, _ = member(replicas, name)
    return Ending(question, lambda: replicas.first.document("user", "delete", name), "401")


def personal_token_rotated(replicas: Replicas, name: str) -> Ending:
    """Prepare the end of an old secret."""
    question, token = member(replicas, name)
    found = replicas.administrator.personal_access_tokens.get(token.id)
    return Ending(question, lambda: remembered(found.rotate()["token"]), "401")


def personal_token_revoked(replicas: Replicas, name: str) -> Ending:
    """Prepare the end of a token at the REST API."""
    _, token = member(replicas, name)
    return Ending(may_enter(token), lambda: replicas.first.revoke_personal_token(token), "401")


ENDINGS = (
    revoked_by_command,
    revoked_by_rest_api,
    revoked_by_hand,
    rotated,
    project_deleted,
    group_deleted,
    made_private,
    proxy_switched_off,
    member_removed,
    role_lowered,
    administrator_no_more,
    user_blocked,
    user_deleted,
    personal_token_rotated,
    personal_token_revoked,
)


@pytest.mark.parametrize("prepare", ENDINGS, ids=lambda prepare: prepare.__name__)
def test_ends_at_every_worker(replicas: Replicas, name: str, prepare: Callable[[Replicas, str], Ending]) -> None:
    """Each worker grants it before, and no worker grants it to a request that begins after the change."""
    check_ends_at_once(replicas, prepare(replicas, name))


@pytest.mark.parametrize("prepare", ENDINGS[:4], ids=lambda prepare: prepare.__name__)
def test_ends_behind_a_pooler(pooled: Replicas, name: str, prepare: Callable[[Replicas, str], Ending]) -> None:
    """The same, whichever way a change takes to PostgreSQL."""
    check_ends_at_once(pooled, prepare(pooled, name))


def check_ends_at_once(replicas: Replicas, ending: Ending) -> None:
    """Raise AssertionError unless all workers grant it up to the change, and none from then on."""
    # A change of an SQLite file is seen by asking the file; of another, a server hears.
    on_sqlite = replicas.first.env["REGISTRY_AUTH_DATABASE_URL"].startswith("sqlite:")

    seen = seen_around(ending.change, ending.question, replicas.servers, within=0.0 if on_sqlite else 0.1)

    assert seen.before == {GRANTED}
    assert seen.meanwhile <= {GRANTED, ending.outcome}
    assert seen.after == {ending.outcome}


def test_begins_at_every_worker(replicas: Replicas, name: str) -> None:
    """That there is no such project, or no such token, is not remembered: what is made just now works at the first request."""
    with lines_to_workers(*replicas.servers) as lines:
        question = may("pull", f"{name}/project")
        assert {question.put_to(line) for line in lines} == {NOTHING}
        path = project(replicas, name, "public")
        assert {question.put_to(line) for line in lines} == {GRANTED}

        token = replicas.first.create_token(project=path)
        assert {may("push", path, token).put_to(line) for line in lines} == {GRANTED}
        token = replicas.first.rotate(token)
        assert {may("push", path, token).put_to(line) for line in lines} == {GRANTED}
