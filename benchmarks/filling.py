"""Installations with as many tokens as one likes, filled in bulk.

All projects lie in teams of the group `acme`, a hundred to a team. Nine of ten tokens belong to a project, the tenth to its team.
"""

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import Engine, create_engine, insert

from registry_auth.database import Base, migrate
from registry_auth.deploy_tokens.models import DeployToken, DeployTokenSecret
from registry_auth.namespaces.models import Namespace
from registry_auth.namespaces.paths import last_component
from registry_auth.services import build_services, utc_now
from registry_auth.settings import Settings
from registry_auth.token_secrets import DEPLOY_TOKEN_PREFIX, SecretDigester
from registry_auth.values import NamespaceKind, TokenScope, Visibility

PUBLIC_PROJECT = "acme/website"

_PROJECTS_OF_TEAM = 100
_TOKENS_OF_PROJECT = 100
_TEAM_TOKEN_EACH = 10
_BATCH = 20_000

_SCOPES = (TokenScope.READ_REGISTRY, TokenScope.WRITE_REGISTRY)
_ROOT, _WEBSITE, _FIRST_TEAM, _FIRST_PROJECT = 1, 2, 1_000, 100_000

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Tokens:
    """What is known of the tokens of a filled installation. They are numbered from 0."""

    size: int
    digester: SecretDigester

    @property
    def projects(self) -> int:
        """How many projects there are, the public one not counted."""
        return max(_PROJECTS_OF_TEAM, self.size // _TOKENS_OF_PROJECT)

    def of_projects(self) -> Sequence[int]:
        """Give some thousand tokens of projects, spread over all."""
        return [number for number in self._spread() if not _is_of_team(number)]

    def of_teams(self) -> Sequence[int]:
        """Give some thousand tokens of teams, spread over all."""
        return [number for number in self._spread(_TEAM_TOKEN_EACH) if _is_of_team(number)]

    def credentials(self, number: int) -> tuple[str, str]:
        """Give user name and secret of a token."""
        return f"gitlab+deploy-token-{number + 1}", self.secret(f"token {number}")

    def secret(self, seed: str) -> str:
        """Give the secret that belongs to this text."""
        return DEPLOY_TOKEN_PREFIX + base64.urlsafe_b64encode(self.digester.digest(seed)[:24]).decode()

    def project(self, number: int) -> str:
        """Give the path of the project that a token belongs to, or of one in its team."""
        return _project_path(number % self.projects)

    def team_projects(self, number: int, count: int) -> Sequence[str]:
        """Give the paths of so many projects in the team of a token's project."""
        project = number % self.projects
        start = project - project % _PROJECTS_OF_TEAM
        return [_project_path(start + (project + step) % _PROJECTS_OF_TEAM) for step in range(count)]

    def _spread(self, step: int = 1) -> Sequence[int]:
        """Give at most 20,000 numbers in a scattered order, so that neighbours in the tables are not asked for in a row."""
        # 7,919 is prime and divides none of the sizes, so that no number comes twice.
        return [index * 7_919 * step % self.size for index in range(min(self.size // step, _BATCH))]


def fill(settings: Settings, size: int) -> Tokens:
    """Make the tables and so many tokens in them; give what the clients have to know."""
    services = build_services(settings)
    tokens = Tokens(size, services.digester)
    with services.database as database:
        migrate(database)
    # The product's own connections give up on statements that take long.
    engine = create_engine(settings.database_url)
    _insert(engine, Namespace, _groups(tokens))
    _insert(engine, Namespace, _projects(tokens))
    _insert(engine, DeployToken, (_token(tokens, number) for number in range(size)))
    _insert(engine, DeployTokenSecret, (_secret(tokens, number) for number in range(size)))
    engine.dispose()
    return tokens


def _insert(engine: Engine, table: type[Base], rows: Iterator[Row]) -> None:
    while batch := list(islice(rows, _BATCH)):
        with engine.begin() as connection:
            connection.execute(insert(table), batch)


def _groups(tokens: Tokens) -> Iterator[Row]:
    yield _namespace(_ROOT, "acme", None, NamespaceKind.GROUP)
    for team in range(-(-tokens.projects // _PROJECTS_OF_TEAM)):
        yield _namespace(_FIRST_TEAM + team, _team_path(team), _ROOT, NamespaceKind.GROUP)


def _projects(tokens: Tokens) -> Iterator[Row]:
    yield _namespace(_WEBSITE, PUBLIC_PROJECT, _ROOT, NamespaceKind.PROJECT, Visibility.PUBLIC)
    for project in range(tokens.projects):
        team = _FIRST_TEAM + project // _PROJECTS_OF_TEAM
        yield _namespace(_FIRST_PROJECT + project, _project_path(project), team, NamespaceKind.PROJECT)


def _namespace(number: int, path: str, parent: int | None, kind: NamespaceKind, visibility: Visibility = Visibility.PRIVATE) -> Row:
    named = {"id": number, "kind": kind, "path": path, "name": last_component(path)}
    return {**named, "parent_id": parent, "visibility": visibility, "created_at": utc_now()}


def _token(tokens: Tokens, number: int) -> Row:
    project = number % tokens.projects
    owner = _FIRST_TEAM + project // _PROJECTS_OF_TEAM if _is_of_team(number) else _FIRST_PROJECT + project
    named = {"id": number + 1, "name": "benchmark", "username": tokens.credentials(number)[0]}
    return {**named, "owner_id": owner, "scopes": _SCOPES, "created_at": utc_now()}


def _secret(tokens: Tokens, number: int) -> Row:
    digest = tokens.digester.digests(tokens.credentials(number)[1])[0]
    made = {"digest_key_id": digest.key_id, "created_at": utc_now()}
    return {"id": number + 1, "token_id": number + 1, "digest": digest.value, **made}


def _is_of_team(number: int) -> bool:
    return number % _TEAM_TOKEN_EACH == 0


def _team_path(team: int) -> str:
    return f"acme/team-{team:03}"


def _project_path(project: int) -> str:
    return f"{_team_path(project // _PROJECTS_OF_TEAM)}/service-{project:05}"
