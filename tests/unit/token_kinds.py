"""Both kinds of tokens, which are found by their secrets alike: how each is made, found, and stored."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from registry_auth.accounts.lookup import AccountLookup
from registry_auth.accounts.models import PersonalAccessToken
from registry_auth.deploy_tokens.lookup import DeployTokenLookup
from registry_auth.deploy_tokens.models import DeployTokenSecret
from registry_auth.token_columns import DigestColumns
from registry_auth.token_secrets import SecretDigester
from tests.unit.installation import Installation, secret_of

PROJECT, USERNAME = "g/p", "robot"


@dataclass(frozen=True)
class TokenKind:
    """A kind of tokens: the table of its digests, how a token is made and found, and what ends one."""

    name: str
    table: type[DigestColumns]
    make: Callable[[Installation], str]
    finder: Callable[[Installation, SecretDigester], Callable[[str], Any]]
    endings: Mapping[str, Callable[[Installation], object]]

    def find(self, installation: Installation, secret: str) -> Any:
        """Give what a log-in finds by a secret, or None."""
        return self.finder(installation, installation.digester)(secret)

    def rows(self, installation: Installation) -> Sequence[Mapping[str, Any]]:
        """Give the whole rows that hold digests, the oldest first."""
        with installation.database.reading() as connection:
            rows = connection.execute(select(self.table.__table__).order_by(self.table.id))  # type: ignore[attr-defined] # mapped classes have it
            return [dict(row) for row in rows.mappings()]

    def key_ids(self, installation: Installation) -> Sequence[str]:
        """Give the ids of the server secrets that made the digests, those of the oldest rows first."""
        return [row["digest_key_id"] for row in self.rows(installation)]


def furnish(installation: Installation) -> Installation:
    """Make the project and the user that tokens are made for."""
    installation.project(PROJECT)
    installation.user(USERNAME)
    return installation


DEPLOY_TOKEN = TokenKind(
    "deploy token",
    DeployTokenSecret,
    lambda installation: secret_of(installation.token(PROJECT, username=USERNAME)),
    lambda installation, digester: DeployTokenLookup(installation.database, digester, installation.projects, installation.upgrades).find,
    {
        "rotated": lambda installation: installation.deploy_tokens.rotate(1),
        "revoked": lambda installation: installation.deploy_tokens.revoke(1),
        "deleted": lambda installation: installation.deploy_tokens.delete(1),
    },
)
PERSONAL_ACCESS_TOKEN = TokenKind(
    "personal access token",
    PersonalAccessToken,
    lambda installation: secret_of(installation.personal_token(installation.users.get(USERNAME).id)),
    lambda installation, digester: AccountLookup(installation.database, digester, installation.upgrades).find_token,
    {
        "rotated": lambda installation: installation.personal_access_tokens.rotate(1),
        "revoked": lambda installation: installation.personal_access_tokens.revoke(1),
        "deleted": lambda installation: installation.users.delete(1),
    },
)
TOKEN_KINDS = (DEPLOY_TOKEN, PERSONAL_ACCESS_TOKEN)
