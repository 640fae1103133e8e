"""What the doors to people and programs work with: one service layer for the command line and the server."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from registry_auth.accounts import personal_access_tokens
from registry_auth.accounts.memberships import Memberships
from registry_auth.accounts.personal_access_tokens import PersonalAccessTokens
from registry_auth.accounts.users import Users
from registry_auth.accounts.visible_namespaces import VisibleNamespaces
from registry_auth.database import Database
from registry_auth.deploy_tokens import service as deploy_tokens
from registry_auth.deploy_tokens.service import DeployTokens
from registry_auth.last_use import LastUses
from registry_auth.namespaces.service import Namespaces
from registry_auth.settings import Settings
from registry_auth.signing import CurrentKeys, KeyDirectory
from registry_auth.token_secrets import SecretDigester


def utc_now() -> datetime:
    """Give the current time, aware and in UTC: the clock of everything here."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Services:
    """Every service, with the database, the keys and the clock that they share."""

    database: Database
    keys: CurrentKeys
    digester: SecretDigester
    clock: Callable[[], datetime]
    namespaces: Namespaces
    visible_namespaces: VisibleNamespaces
    deploy_tokens: DeployTokens
    users: Users
    memberships: Memberships
    personal_access_tokens: PersonalAccessTokens
    last_uses: LastUses


def tokens_by_server_secret(database: Database, now: datetime) -> Mapping[str, int]:
    """Count the secrets that somebody could log in with at `now` (UTC), by the id of the server secret that made their digests.

    Raises UnavailableError.
    """
    counts = (deploy_tokens.count_by_server_secret(database, now), personal_access_tokens.count_by_server_secret(database, now))
    return sum((Counter(each) for each in counts), Counter())


def open_database(settings: Settings) -> Database:
    """Open the database, and nothing else; it is connected to when it is asked. Raises ConfigurationError."""
    return Database(
        settings.database_url,
        listen_url=settings.database_listen_url,
        pool_size=settings.database_pool_size,
        cache_size=settings.cache_size,
    )


def key_directory(settings: Settings) -> KeyDirectory:
    """Give the key directory, of which nothing is read yet."""
    return KeyDirectory(settings.keys_dir, settings.token_header)


def build_services(settings: Settings) -> Services:
    """Open the database and the key directory, making keys that are missing. Raises ConfigurationError."""
    database = open_database(settings)
    keys = CurrentKeys(key_directory(settings), utc_now)
    digester = SecretDigester(keys.server_secrets)
    return Services(
        database=database,
        keys=keys,
        digester=digester,
        clock=utc_now,
        namespaces=Namespaces(database, utc_now),
        visible_namespaces=VisibleNamespaces(database),
        deploy_tokens=DeployTokens(database, digester, utc_now),
        users=Users(database, utc_now),
        memberships=Memberships(database, utc_now),
        personal_access_tokens=PersonalAccessTokens(database, digester, utc_now),
        last_uses=LastUses(database),
    )
