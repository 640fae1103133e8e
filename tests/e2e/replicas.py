"""Servers on one store and one key directory, and what all their workers answer around a change."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from time import monotonic
from urllib.parse import urlencode

from gitlab import Gitlab
from sqlalchemy import create_engine, text

from .http_calls import Answer, basic, claims
from .peers.processes import wait_until
from .python_gitlab import logged_in
from .secret_search import check_nothing_secret
from .token_server import Token, TokenServer
from .workers import WorkerLine, lines_to_workers

GRANTED = "granted"
NOTHING = "nothing granted"

_PAUSE = 0.02  # seconds between two questions to a worker
_ENOUGH = 3  # answers of each worker, before and after a change


@dataclass(frozen=True, slots=True)
class Question:
    """A request whose answer shows what somebody may do."""

    target: str
    headers: Mapping[str, str]

    def put_to(self, line: WorkerLine) -> str:
        """Ask, and give GRANTED, NOTHING, or the status of a refusal."""
        answer = line.ask(self.target, self.headers)
        return _outcome(answer) if answer.status == 200 else str(answer.status)


def may(actions: str, image: str, token: Token | None = None, service: str = "container_registry") -> Question:
    """Ask for a token with these rights on an image."""
    query = urlencode({"service": service, "scope": f"repository:{image}:{actions}"})
    return Question(f"/jwt/auth?{query}", {} if token is None else {"Authorization": basic(*token.credentials)})


def may_enter(token: Token) -> Question:
    """Ask the REST API about the token itself."""
    return Question("/api/v4/personal_access_tokens/self", {"PRIVATE-TOKEN": token.secret})


def _outcome(answer: Answer) -> str:
    document = answer.document
    return GRANTED if "token" not in document or claims(document["token"])["access"] else NOTHING


@dataclass(frozen=True, slots=True)
class Replicas:
    """Servers on one store. Commands are given at the first, the administrator is logged in at the last."""

    servers: Sequence[TokenServer]
    administrator: Gitlab

    @property
    def first(self) -> TokenServer:
        """The server whose command line is used."""
        return self.servers[0]

    def run_sql(self, *statements: str) -> None:
        """Change the store by hand, in one transaction."""
        engine = create_engine(self.first.env["REGISTRY_AUTH_DATABASE_URL"])
        with engine.begin() as connection:
            for statement in statements:
                connection.execute(text(statement))
        engine.dispose()

    def revoke_unheard(self, token: Token) -> None:
        """Revoke a deploy token on PostgreSQL without the triggers that tell of it: whoever remembers it, as good, is found out."""
        self.run_sql(
            "ALTER TABLE deploy_tokens DISABLE TRIGGER USER",
            f"UPDATE deploy_tokens SET revoked_at = now() WHERE id = {token.id}",  # noqa: S608 - a number
            "ALTER TABLE deploy_tokens ENABLE TRIGGER USER",
        )

    def remember(self, project: str) -> bool:
        """Say whether all workers remember a deploy token that they have seen, on PostgreSQL."""
        token = self.first.create_token(project=project)
        question = may("pull", project, token)
        with lines_to_workers(*self.servers) as lines:
            assert {question.put_to(line) for line in lines} == {GRANTED}
            assert {question.put_to(line) for line in lines} == {GRANTED}
            self.revoke_unheard(token)
            return {question.put_to(line) for line in lines} == {GRANTED}


@contextmanager
def serve_replicas(directory: Path, count: int, **settings: str) -> Iterator[Replicas]:
    """Start servers on a fresh directory, all at once. At their end nothing that they wrote may hold a secret."""
    with ExitStack() as stack:
        servers = [TokenServer(directory, **settings) for _ in range(count)]
        for server in servers:
            server.begin()
            stack.callback(server.stop)
        for server in servers:
            server.wait()
        token = servers[0].create_personal_token(servers[0].create_user("administrator", admin=True))
        yield Replicas(servers, stack.enter_context(logged_in(servers[-1], token.secret)))
    check_nothing_secret(servers[0])


@dataclass(frozen=True, slots=True)
class Seen:
    """What the workers answered: before a change, while it may not have got through, and later."""

    before: set[str]
    meanwhile: set[str]
    after: set[str]


def seen_around(change: Callable[[], object], question: Question, servers: Sequence[TokenServer], *, within: float) -> Seen:
    """Ask every worker again and again while the change is made; what begins later than `within` seconds after its end comes after it."""
    with lines_to_workers(*servers) as lines, ThreadPoolExecutor(len(lines)) as pool:
        over = Event()
        answers: list[list[tuple[float, str]]] = [[] for _ in lines]
        asking = [pool.submit(_keep_asking, line, question, into, over) for line, into in zip(lines, answers, strict=True)]

        def wait_for_answers(began_after: float) -> None:
            wait_until(
                lambda: (
                    any(each.done() for each in asking)
                    or all(sum(began > began_after for began, _ in tuple(into)) >= _ENOUGH for into in answers)
                ),
                "answers of all workers",
                timeout=within + 20,
            )

        try:
            wait_for_answers(0)
            before = [len(into) for into in answers]
            change()
            from_now_on = monotonic() + within
            wait_for_answers(from_now_on)
        finally:
            over.set()
        for each in asking:
            each.result()
    later = [seen for into, count in zip(answers, before, strict=True) for seen in into[count:]]
    return Seen(
        before={outcome for into, count in zip(answers, before, strict=True) for _, outcome in into[:count]},
        meanwhile={outcome for began, outcome in later if began <= from_now_on},
        after={outcome for began, outcome in later if began > from_now_on},
    )


def _keep_asking(line: WorkerLine, question: Question, into: list[tuple[float, str]], over: Event) -> None:
    while not over.is_set():
        began = monotonic()
        into.append((began, question.put_to(line)))
        over.wait(_PAUSE)
