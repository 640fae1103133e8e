"""An installation for tests: a real database, real keys, every service, and a clock that stands until it is moved."""

import base64
import shutil
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jwt
from flask import Flask
from flask.testing import FlaskClient
from pydantic import SecretStr

from registry_auth.accounts.lookup import AccountLookup
from registry_auth.accounts.memberships import Memberships
from registry_auth.accounts.passwords import PasswordCheck
from registry_auth.accounts.personal_access_tokens import IssuedPersonalAccessToken, PersonalAccessTokens
from registry_auth.accounts.users import Users
from registry_auth.application import create_app
from registry_auth.credentials.authentication import Authentication
from registry_auth.database import Database, migrate
from registry_auth.deploy_tokens.lookup import DeployTokenLookup
from registry_auth.deploy_tokens.service import DeployTokens, Issued
from registry_auth.digest_upgrades import DigestUpgrades
from registry_auth.namespaces.ownership import ProjectLookup
from registry_auth.namespaces.service import Namespaces
from registry_auth.settings import Settings
from registry_auth.signing import CurrentKeys, KeyDirectory
from registry_auth.throttling import Throttle
from registry_auth.token_secrets import SecretDigester
from registry_auth.values import NamespaceKind, Role, TokenScope, Visibility
from tests.unit.stores import SqliteFile, TriedStore

if TYPE_CHECKING:
    from jwt.types import Options

NOW = datetime(2026, 7, 1, 12, 0, 0, tzinfo=UTC)

DATABASE_FILE, KEYS_DIR = "registry-auth.db", "keys"

READ = (TokenScope.READ_REGISTRY,)
WRITE = (TokenScope.WRITE_REGISTRY,)
READ_WRITE = (TokenScope.READ_REGISTRY, TokenScope.WRITE_REGISTRY)


class Clock:
    """Tells the time that it was set to."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """Give the time."""
        return self.now

    def advance(self, **duration: float) -> None:
        """Let time pass; the words are those of timedelta."""
        self.now += timedelta(**duration)


@dataclass
class Installation:
    """A migrated store, a directory with a key ring in it, and what works with them."""

    root: Path
    clock: Clock
    store: TriedStore

    @property
    def settings(self) -> Settings:
        """The settings that name this installation's store and keys."""
        return Settings(**self.store.settings, keys_dir=self.keys_dir)

    @property
    def keys_dir(self) -> Path:
        """The key directory."""
        return self.root / KEYS_DIR

    @property
    def database(self) -> Database:
        """The database."""
        return self.store.database

    @cached_property
    def digester(self) -> SecretDigester:
        """The digester with this installation's server secrets."""
        return SecretDigester(self.keys.server_secrets)

    @cached_property
    def keys(self) -> CurrentKeys:
        """The keys, as the application sees them."""
        return CurrentKeys(KeyDirectory(self.keys_dir), self.clock)

    @cached_property
    def upgrades(self) -> DigestUpgrades:
        """The digests that are to be replaced; nothing writes them but the test."""
        return DigestUpgrades(self.database)

    @property
    def namespaces(self) -> Namespaces:
        """The groups and projects."""
        return Namespaces(self.database, self.clock)

    @property
    def deploy_tokens(self) -> DeployTokens:
        """The deploy tokens."""
        return DeployTokens(self.database, self.digester, self.clock)

    @property
    def lookup(self) -> DeployTokenLookup:
        """The look-up of tokens by secret."""
        return DeployTokenLookup(self.database, self.digester, self.projects, self.upgrades)

    @property
    def projects(self) -> ProjectLookup:
        """The look-up of projects by image path."""
        return ProjectLookup(self.database)

    @cached_property
    def authentication(self) -> Authentication:
        """The check of credentials, which remembers the wrong ones."""
        return Authentication(
            deploy_tokens=self.lookup,
            accounts=self.accounts,
            passwords=PasswordCheck(),
            throttle=Throttle("memory://", lambda: self.digester.digest("throttle"), self.clock),
            clock=self.clock,
        )

    @property
    def accounts(self) -> AccountLookup:
        """The look-up of users by what they log in with."""
        return AccountLookup(self.database, self.digester, self.upgrades)

    @property
    def users(self) -> Users:
        """The users."""
        return Users(self.database, self.clock)

    @property
    def memberships(self) -> Memberships:
        """The members of groups and projects."""
        return Memberships(self.database, self.clock)

    @property
    def personal_access_tokens(self) -> PersonalAccessTokens:
        """The personal access tokens."""
        return PersonalAccessTokens(self.database, self.digester, self.clock)

    @cached_property
    def app(self) -> Flask:
        """The WSGI application."""
        return create_app(self.settings)

    def close(self) -> None:
        """End what the application does, and write what waits to be written."""
        if "app" in vars(self):  # only where a test has asked for it, for it is dear to make
            self.app.extensions["registry_auth"].close()
        if "upgrades" in vars(self):
            self.upgrades.close()

    @property
    def client(self) -> FlaskClient:
        """A client of the application."""
        return self.app.test_client()

    def project(self, path: str, visibility: Visibility = Visibility.PRIVATE) -> None:
        """Make a project."""
        self.namespaces.create(NamespaceKind.PROJECT, path, visibility=visibility)

    def group(self, path: str, visibility: Visibility = Visibility.PUBLIC) -> None:
        """Make a group, in which everything may be."""
        self.namespaces.create(NamespaceKind.GROUP, path, visibility=visibility)

    def token(
        self,
        path: str,
        scopes: Collection[TokenScope] = READ_WRITE,
        *,
        kind: NamespaceKind = NamespaceKind.PROJECT,
        username: str | None = None,
        expires_at: date | None = None,
    ) -> Issued:
        """Make a deploy token."""
        return self.deploy_tokens.create(kind, path, name="token", scopes=scopes, username=username, expires_at=expires_at)

    def user(self, username: str, *, password: str | None = None, is_administrator: bool = False) -> int:
        """Make a user, and give the id."""
        secret = None if password is None else SecretStr(password)
        return self.users.create(username, password=secret, is_administrator=is_administrator).id

    def member(self, path: str, user_id: int, role: Role, *, kind: NamespaceKind = NamespaceKind.PROJECT) -> None:
        """Make a user a member of a group or project."""
        self.memberships.add(kind, path, user_id, role)

    def personal_token(
        self, user_id: int, scopes: Collection[TokenScope] = (TokenScope.API,), *, expires_at: date | None = None
    ) -> IssuedPersonalAccessToken:
        """Make a personal access token."""
        return self.personal_access_tokens.create(user_id, name="token", scopes=scopes, expires_at=expires_at)

    def claims(self, token: str) -> dict[str, Any]:
        """Verify a JWT with the newest signing key, whose certificate it carries, without looking at a clock, and give its claims."""
        pair = KeyDirectory(self.keys_dir).ready(self.clock()).signing_keys[0].pair
        assert jwt.get_unverified_header(token)["x5c"] == [pair.x5c]
        unchecked: Options = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False}
        claims: dict[str, Any] = jwt.decode(token, pair.key.public_key(), ["ES256"], options=unchecked)
        return claims


def make_template(root: Path) -> None:
    """Make the files of an installation, to be copied for each test."""
    with Database(f"sqlite:///{root / DATABASE_FILE}") as database:
        migrate(database)
    KeyDirectory(root / KEYS_DIR).ready(NOW)


def copy_installation(template: Path, root: Path, store: TriedStore) -> Installation:
    """Give an installation with the template's keys, in a directory of its own, and with a store that is migrated."""
    shutil.copytree(template / KEYS_DIR, root / KEYS_DIR)
    return Installation(root, Clock(), store)


def copy_database(template: Path, file: Path) -> SqliteFile:
    """Give a migrated SQLite database."""
    file.parent.mkdir(mode=0o700)
    shutil.copy(template / DATABASE_FILE, file)
    return SqliteFile(file)


def installed_at(root: Path, now: datetime = NOW) -> Installation:
    """Give the installation of which the directory of the keys is known, at a time."""
    return Installation(root, Clock(now), SqliteFile(root / DATABASE_FILE))


def basic(username: str, secret: str, scheme: str = "Basic") -> dict[str, str]:
    """Give the header of a Basic log-in."""
    return {"Authorization": f"{scheme} {base64.b64encode(f'{username}:{secret}'.encode()).decode()}"}


def login(issued: Issued) -> dict[str, str]:
    """Give the header with which a deploy token logs in."""
    return basic(issued.token.username, secret_of(issued))


def secret_of(issued: Issued | IssuedPersonalAccessToken) -> str:
    """Give the secret that is shown once."""
    return issued.secret.get_secret_value()
