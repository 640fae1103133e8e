"""The REST API as its own description has it: Schemathesis sends what the description permits, and what it does not, as everybody."""

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from openapi_spec_validator import validate
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import CheckFunction, not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from registry_auth.services import Services, build_services
from registry_auth.settings import Settings

from .fuzzed_world import World, make_world
from .http_calls import call
from .secret_search import check_nothing_secret
from .token_server import TokenServer

Operation = APIOperation[Any, Any, Any, Any]

CHECKS: list[CheckFunction] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]

EXAMPLES = {GenerationMode.POSITIVE: 24, GenerationMode.NEGATIVE: 8}

_OWN_TOKENS = r"\w+ /personal_access_tokens/.*"
_ALSO_LEAVING = rf"{_OWN_TOKENS}|DELETE /\w+/{{id}}/members/{{user_id}}"
_ALL_BUT_USERS = r"\w+ /(?!users).*"

# Which operations may change something for each role, and how many of all succeed at least; the second number allows for bad luck.
ROLES = {
    "anonymous": ("", 5),
    "deploy token": ("", 0),
    "read_api": ("", 20),
    "stranger": (_OWN_TOKENS, 15),
    "guest": (_ALSO_LEAVING, 18),
    "developer": (_ALSO_LEAVING, 18),
    "maintainer": (_ALL_BUT_USERS, 30),
    "owner": (_ALL_BUT_USERS, 38),
    "administrator": (".*", 46),
}

SETTINGS = settings(
    deadline=None,
    derandomize=os.environ.get("CI") == "true",
    database=None,
    phases=[Phase.generate],  # no example can be tried again: what it deleted stays deleted
    suppress_health_check=[*HealthCheck],
)


@dataclass(slots=True)
class Outcome:
    """What came of all requests of somebody."""

    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    failures: dict[str, str] = field(default_factory=dict)

    def send(self, case: Case[Any], log_in: Mapping[str, str], session: requests.Session) -> None:
        """Send a request, and compare what is answered with the description."""
        response = case.call(session=session, headers=dict(log_in))
        self.statuses[case.operation.label, response.status_code] += 1
        try:
            case.validate_response(response, checks=CHECKS, headers=dict(log_in))
        except FailureGroup as group:
            for failure in group.exceptions:
                self.failures.setdefault(f"{case.operation.label}: {failure.title}", f"{failure}\n{case.as_curl_command()}")

    @property
    def succeeded(self) -> set[str]:
        """The operations that did what they are for at least once."""
        return {operation for operation, status in self.statuses if status < 300}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TokenServer]:
    """Run a server whose contents nobody else relies on. At its end nothing that it wrote may hold a secret."""
    with TokenServer(tmp_path_factory.mktemp("schemathesis")) as server:
        yield server
    check_nothing_secret(server)


@pytest.fixture(scope="module")
def services(server: TokenServer) -> Iterator[Services]:
    """Give the services on the server's database: whatever happens to administrators over HTTP, they work."""
    services = build_services(Settings(database_url=f"sqlite:///{server.database}", keys_dir=server.keys))
    yield services
    services.database.close()


@pytest.fixture(scope="module")
def description(server: TokenServer) -> Any:
    """Fetch the description, as anybody can."""
    return call(f"{server.url}/api/v4/openapi.json").granted()


@dataclass(frozen=True, slots=True)
class Draft:
    """A request of which some parameters are yet to be given: the numbers of things of the world of whoever sends it."""

    case: Case[Any]
    in_path: Mapping[str, int]
    in_body: Mapping[str, int]

    def in_world(self, world: World) -> Case[Any]:
        """Give the request as it is sent there."""
        for given_, there, chosen in (
            (self.case.path_parameters, world.in_path(self.case.path), self.in_path),
            (self.case.body, world.in_body(), self.in_body),
        ):
            if isinstance(given_, dict):
                given_ |= {name: there[name][number % len(there[name])] for name, number in chosen.items()}
        return self.case


def drafts(operation: Operation, mode: GenerationMode, world: World) -> st.SearchStrategy[Draft]:
    """Generate requests of which most name something that exists."""
    in_path = set(re.findall(r"{(\w+)}", operation.path)) & world.in_path(operation.path).keys()
    content = operation.definition.raw.get("requestBody", {}).get("content", {})
    in_body = {name for kind in content.values() for name in kind["schema"]["properties"]} & world.in_body().keys()
    return st.builds(Draft, operation.as_strategy(generation_mode=mode), _mostly(in_path), _mostly(in_body))


def _mostly(names: set[str]) -> st.SearchStrategy[dict[str, int]]:
    """Choose a number for most of the names."""
    number = st.integers(0, 11)
    return st.fixed_dictionaries({name: number | number | number | st.none() for name in sorted(names)}).map(
        lambda chosen: {name: number for name, number in chosen.items() if number is not None}
    )


def try_out(operation: Operation, mode: GenerationMode, callers: Mapping[str, tuple[World, Outcome]], session: requests.Session) -> None:
    """Send requests of one operation, each as everybody, and note what came of it."""

    @settings(SETTINGS, max_examples=EXAMPLES[mode])
    @given(drafts(operation, mode, next(iter(callers.values()))[0]))
    def send(draft: Draft) -> None:
        for world, outcome in callers.values():
            case = draft.in_world(world)
            for header in ("Authorization", "PRIVATE-TOKEN"):
                case.headers.pop(header, None)
            outcome.send(case, {} if world.secret is None else {"PRIVATE-TOKEN": world.secret}, session)

    with suppress(Unsatisfiable):  # some operations cannot be asked anything wrong
        send()


def _changes(operation: Operation) -> bool:
    return operation.method != "get"


@pytest.fixture(scope="module")
def outcomes(server: TokenServer, services: Services, description: Any) -> Mapping[str, Outcome]:
    """Let everybody try all operations out, those that only read first: they have one world, and the others one each."""
    schema = schemathesis.openapi.from_url(f"{server.url}/api/v4/openapi.json", config=schemathesis.Config())
    operations = sorted((schema[path][method] for path, methods in description["paths"].items() for method in methods), key=_changes)
    outcomes = {role: Outcome() for role in ROLES}
    callers: dict[str, tuple[World, Outcome]] = {}
    with requests.Session() as session:
        for operation in operations:
            if not callers or _changes(operation):
                callers = {role: (make_world(services, role), outcome) for role, outcome in outcomes.items()}
            for mode in GenerationMode:
                try_out(operation, mode, callers, session)
    return outcomes


def test_description_is_valid(description: Any) -> None:
    """The description keeps the rules of OpenAPI 3.1."""
    validate(description)


@pytest.mark.parametrize("role", ROLES)
def test_nothing_is_undocumented(outcomes: Mapping[str, Outcome], role: str) -> None:
    """Whatever somebody sends, the server makes no mistake, and answers with status, headers and body as the description has it."""
    assert not outcomes[role].failures, "\n\n".join(f"{title}\n{text}" for title, text in outcomes[role].failures.items())


@pytest.mark.parametrize(("role", "may_change", "least"), [(role, *expected) for role, expected in ROLES.items()], ids=ROLES)
def test_everybody_gets_as_far_as_the_role_goes(outcomes: Mapping[str, Outcome], role: str, may_change: str, least: int) -> None:
    """Everybody succeeds with as many operations as the role lets, so that these are really tried out, and changes nothing else."""
    succeeded = outcomes[role].succeeded

    assert len(succeeded) >= least, outcomes[role].statuses
    assert not [name for name in succeeded if not name.startswith("GET ") and not re.fullmatch(may_change, name)]
