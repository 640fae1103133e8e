"""The sample that a first run makes: a project, and a deploy token to push to it and pull from it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pydantic import SecretStr

from registry_auth.deploy_tokens.models import DeployToken
from registry_auth.errors import NotFoundError
from registry_auth.services import Services
from registry_auth.values import NamespaceKind, TokenScope

PROJECT = "sample/app"

_TOKEN_NAME = "quickstart"  # noqa: S105
_LIFETIME = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Sample:
    """The sample's token; its secret is known only in the run that made it."""

    token: DeployToken
    secret: SecretStr | None


def sample(services: Services, now: datetime) -> Sample | None:
    """Make the sample in an installation that has nothing yet; give the one of an earlier run, or None when it is gone."""
    if not services.namespaces.list(NamespaceKind.GROUP) and not services.namespaces.list(NamespaceKind.PROJECT):
        services.namespaces.create(NamespaceKind.PROJECT, PROJECT, reuse_path=True)
        issued = services.deploy_tokens.create(
            NamespaceKind.PROJECT,
            PROJECT,
            name=_TOKEN_NAME,
            scopes=(TokenScope.READ_REGISTRY, TokenScope.WRITE_REGISTRY),
            expires_at=(now.astimezone(UTC) + _LIFETIME).date(),
        )
        return Sample(issued.token, issued.secret)
    return _earlier(services)


def _earlier(services: Services) -> Sample | None:
    try:
        tokens = services.deploy_tokens.list((NamespaceKind.PROJECT, PROJECT))
    except NotFoundError:
        return None
    made = [token for token in tokens if token.name == _TOKEN_NAME]
    return Sample(made[-1], None) if made else None
