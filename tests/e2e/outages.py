"""What a server answers to each kind of request, while PostgreSQL serves and while it does not."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import monotonic

from registry_auth.http_errors import UNAVAILABLE_SENTENCE

from .http_calls import Answer, call, claims
from .token_server import PULL, Token, TokenServer

# Within what time a client learns that there is no answer now. Docker gives up after 15 seconds without one.
BOUND = 15

_RETRY_AFTER = "5"


@dataclass(frozen=True, slots=True)
class Asker:
    """Asks everything that needs the store, with credentials that the server has not seen before."""

    server: TokenServer
    administrator: Token
    token: Token

    def questions(self) -> Mapping[str, Callable[[], Answer]]:
        """Give each kind of request by its name."""
        wrong = self.token.with_invented_secret()
        headers = {"PRIVATE-TOKEN": self.administrator.secret}
        return {
            "good": lambda: self.server.ask("repository:group/project:pull", token=self.token),
            "wrong": lambda: self.server.ask("repository:group/project:pull", token=wrong),
            "anonymous": lambda: self.server.ask("repository:open/project:pull"),
            "rest": lambda: call(f"{self.server.url}/api/v4/projects", headers=headers),
            "readiness": lambda: call(f"{self.server.url}/-/readiness"),
        }

    def seen(self) -> dict[str, str]:
        """Ask all at once; say of each kind whether it was served, or was told within the bound that it cannot be."""
        questions = self.questions()
        with ThreadPoolExecutor(len(questions)) as pool:
            return dict(pool.map(lambda kind: (kind, _outcome(kind, questions[kind])), questions))

    def is_served(self) -> bool:
        """Say whether all kinds are answered as when nothing is wrong."""
        return set(self.seen().values()) == {SERVED}

    def is_refused(self) -> bool:
        """Say whether all kinds are told that there is no answer now."""
        return set(self.seen().values()) == {UNAVAILABLE}


SERVED = "served"
UNAVAILABLE = "unavailable"


def new_asker(server: TokenServer, administrator: Token) -> Asker:
    """Give one with a token of its own."""
    return Asker(server, administrator, server.create_token(project="group/project", scopes=PULL))


def _outcome(kind: str, question: Callable[[], Answer]) -> str:
    began = monotonic()
    answer = question()
    assert monotonic() - began < BOUND, kind
    if answer.status == 503:
        _check_unavailable(kind, answer)
        return UNAVAILABLE
    _check_served(kind, answer)
    return SERVED


def _check_served(kind: str, answer: Answer) -> None:
    assert answer.status == (401 if kind == "wrong" else 200), (kind, answer.status, answer.body)
    if kind in {"good", "anonymous"}:
        (entry,) = claims(answer.document["token"])["access"]
        assert entry["actions"] == ["pull"]


def _check_unavailable(kind: str, answer: Answer) -> None:
    """Raise AssertionError unless it is the refusal in the form of the door that was asked."""
    assert answer.headers["retry-after"] == _RETRY_AFTER
    if kind == "readiness":
        assert answer.document == {"status": "failed", "checks": {"database": "failed", "key_ring": "ok"}, "warnings": []}
    elif kind == "rest":
        assert answer.document == {"message": "503 Service Unavailable - Try again in a few seconds."}
    else:
        assert answer.refusal() == (503, "UNKNOWN", UNAVAILABLE_SENTENCE)
        assert answer.document["error"] == "temporarily_unavailable"
