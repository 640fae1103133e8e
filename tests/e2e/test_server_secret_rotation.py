"""A server secret is replaced under a running server: nobody is refused meanwhile, tokens come under the new one, and the old ones go."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from registry_auth.dependency_proxy.gate_secret import SECRET_HEADER, gate_secret
from registry_auth.dependency_proxy.views import GATE_PATH
from registry_auth.signing import KeyDirectory
from registry_auth.token_secrets import ServerSecret

from .both_stores import STORES, store_settings
from .peers.processes import Finished, wait_until
from .replicas import GRANTED, Question, Seen, may, may_enter, seen_around
from .secret_search import check_nothing_secret
from .token_server import Installation, TokenServer
from .workers import lines_to_workers

PROJECT = "group/project"

# A worker looks into the key directory every five seconds, and writes new digests every five.
SEEN_WITHIN, WRITTEN_WITHIN = 8, 15

FIRST, SECOND, THIRD = "first", "second", "third"


@dataclass(frozen=True, slots=True)
class Rotation:
    """What was seen while the third server secret was made, and the two before it were taken away.

    `counts` are the tokens that hang on each server secret: at the beginning, when the third one was made, and when it had made digests.
    `refused` are the deletions of the second one, while it made digests, and of the first one, whose token was never used; `deleted` are
    that of the second one later, and of the first one by force.
    """

    seen: Seen
    entered: set[str]
    states: Mapping[str, str]
    counts: Sequence[Mapping[str, int]]
    refused: Sequence[Finished]
    deleted: Sequence[Finished]
    after: Mapping[str, set[str]]


@pytest.fixture(scope="module", params=STORES)
def rotation(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rotation]:
    """Run a server with tokens of two server secrets, and make a third one."""
    server = TokenServer(tmp_path_factory.mktemp("rotated"), **store_settings(request.param, request))
    server.create_project(PROJECT)
    ids = {age_newest(server, timedelta(days=2)): FIRST}
    never_used = server.create_token(project=PROJECT)
    server.command("keys", "rotate", "--server-secret").check()
    ids[age_newest(server, timedelta(days=1))] = SECOND
    robot = server.create_token(project=PROJECT)
    person = server.create_personal_token(server.create_user("person"))
    pulling, entering = may("pull", PROJECT, robot), may_enter(person)

    def counts() -> Mapping[str, int]:
        rows = server.document("keys", "list")
        return {ids[row["id"]]: row["tokens"] for row in rows if row["kind"] == "server-secret"}

    def delete(name: str, *words: str) -> Finished:
        return server.command("keys", "delete", next(each for each in ids if ids[each] == name), *words)

    with server:
        counted, refused = [counts()], list[Finished]()
        states, entered = dict[str, str](), set[str]()

        def rotate() -> None:
            server.command("keys", "rotate", "--server-secret").check()
            ids[newest(server)] = THIRD
            states.update({ids[row["id"]]: row["state"] for row in server.document("keys", "list") if row["kind"] == "server-secret"})
            counted.append(counts())
            refused.append(delete(SECOND))
            age_newest(server, timedelta(minutes=6))
            wait_until(has_moved, "new digests", timeout=SEEN_WITHIN + WRITTEN_WITHIN)
            counted.append(counts())

        def has_moved() -> bool:
            entered.update(entering.put_to(line) for line in lines)
            return counts()[THIRD] == 2

        with lines_to_workers(server) as lines:
            seen = seen_around(rotate, pulling, [server], within=0)
            first_gate = Question(GATE_PATH, {SECRET_HEADER: gate_secret(oldest(server)).get_secret_value()})
            assert [first_gate.put_to(line) for line in lines] == ["403"] * 2
            refused.append(delete(FIRST))
            deleted = delete(SECOND), delete(FIRST, "--force")
            # Not by the token that is to be refused: it would come under the new server secret where the deletion is not seen yet.
            wait_until(lambda: {first_gate.put_to(line) for line in lines} == {"404"}, "the deletion at all workers", timeout=SEEN_WITHIN)
            never = may("pull", PROJECT, never_used)
            questions = {"robot": pulling, "person": entering, "never used": never}
            after = {name: {question.put_to(line) for line in lines} for name, question in questions.items()}
        yield Rotation(seen, entered, states, counted, refused, deleted, after)
    check_nothing_secret(server)


def newest(server: Installation) -> str:
    """Give the id of the newest server secret."""
    return KeyDirectory(server.keys).loaded().server_secrets[0].id


def oldest(server: Installation) -> ServerSecret:
    """Give the oldest server secret."""
    return KeyDirectory(server.keys).loaded().server_secrets[-1]


def age_newest(server: Installation, age: timedelta) -> str:
    """Rename the newest server secret as if it had been made that long ago, and give its id."""
    file = KeyDirectory(server.keys).private.server_secrets[0]
    made = datetime.now(UTC) - age
    file.rename(Path(file.parent, re.sub(r"\d{8}T\d{6}Z", f"{made:%Y%m%dT%H%M%SZ}", file.name)))
    return newest(server)


def test_nobody_is_refused_meanwhile(rotation: Rotation) -> None:
    """A deploy token and a personal access token of the second server secret log in at every worker, before, during and after."""
    assert (rotation.seen.before, rotation.seen.meanwhile, rotation.seen.after) == ({GRANTED}, {GRANTED}, {GRANTED})
    assert rotation.entered == {GRANTED}


def test_tokens_come_under_the_new_one_as_they_are_used(rotation: Rotation) -> None:
    """At first it only accepts; five minutes later each token that is used comes under it, and the others stay where they are."""
    assert rotation.states == {FIRST: "former", SECOND: "active", THIRD: "next"}
    assert rotation.counts == [{FIRST: 1, SECOND: 2}, {FIRST: 1, SECOND: 2, THIRD: 0}, {FIRST: 1, SECOND: 0, THIRD: 2}]


def test_former_server_secret_is_deleted_when_no_token_hangs_on_it(rotation: Rotation) -> None:
    """The command refuses while it makes digests; while a token hangs on it as well, unless it is forced to."""
    assert [each.returncode for each in (*rotation.refused, *rotation.deleted)] == [1, 1, 0, 0]
    assert ["is no former one" in refused.output for refused in rotation.refused] == [True, False]
    assert ["1 token still hangs on" in refused.output for refused in rotation.refused] == [False, True]


def test_only_tokens_that_were_not_used_are_lost(rotation: Rotation) -> None:
    """When both former server secrets are gone, the tokens that came under the new one go on, and the one that did not is refused."""
    assert rotation.after == {"robot": {GRANTED}, "person": {GRANTED}, "never used": {"401"}}
