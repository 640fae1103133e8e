"""The token server of the tests: an installation in a fresh directory, its command line and its production web server."""

import json
import os
import signal
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from click.testing import CliRunner

from registry_auth.accounts.personal_access_tokens import PersonalAccessTokens
from registry_auth.accounts.users import Users
from registry_auth.cli import cli
from registry_auth.database import Database
from registry_auth.deploy_tokens.service import DeployTokens
from registry_auth.signing import KeyDirectory
from registry_auth.token_secrets import SecretDigester, new_secret
from registry_auth.values import NamespaceKind, TokenScope

from .http_calls import Answer, call
from .peers.processes import Command, Finished, Server, clean_environment, free_port, run, wait_until
from .peers.stock_registry import TokenAuth

PULL = ("read_registry",)
PULL_AND_PUSH = ("read_registry", "write_registry")
EVERYTHING = ("api",)

# Tokens that have expired already were made then, for one day.
_TWO_DAYS_AGO = datetime.now(UTC) - timedelta(days=2)
_EXPIRED_ON = (_TWO_DAYS_AGO + timedelta(days=1)).date()

# Every secret that the session made or sent: none of them may ever be found in a log.
KNOWN_SECRETS: set[str] = set()


@dataclass(frozen=True, slots=True)
class Token:
    """A deploy token or personal access token as its owner has it: what `docker login` asks for, and the id that the commands take."""

    id: int
    username: str
    secret: str = field(repr=False)

    @property
    def credentials(self) -> tuple[str, str]:
        """User name and secret."""
        return self.username, self.secret

    def with_secret(self, secret: str) -> "Token":
        """Give the same user name with another secret. No log may tell that one either."""
        KNOWN_SECRETS.add(secret)
        return Token(self.id, self.username, secret)

    def with_invented_secret(self) -> "Token":
        """Give the same user name with a secret that looks like one of ours and is none."""
        return self.with_secret(new_secret(self.secret[:5]).get_secret_value())


class Installation:
    """A directory with the database and the keys of one installation, and its command line."""

    def __init__(self, directory: Path, **settings: str) -> None:
        self.directory = directory
        self.database = directory / "data" / "registry-auth.db"
        self.keys = directory / "keys"
        defaults = {"REGISTRY_AUTH_DATABASE_URL": f"sqlite:///{self.database}", "REGISTRY_AUTH_KEYS_DIR": str(self.keys)}
        self.env = clean_environment(directory / "home", **(defaults | settings))

    def command(self, *words: str, stdin: str | None = None) -> Finished:
        """Run `registry-auth` with these words."""
        return run([sys.executable, "-m", "registry_auth", *words], env=self.env, stdin=None if stdin is None else stdin.encode())

    def document(self, *words: str, stdin: str | None = None) -> Any:
        """Run `registry-auth` with these words and `--json`; give what it printed."""
        return json.loads(self.said_by(*words, "--json", stdin=stdin))

    def said_by(self, *words: str, stdin: str | None = None) -> str:
        """Run `registry-auth` with these words; give what it printed.

        It runs in this process: another one takes half a second to start, and tests make hundreds of users and tokens.
        """
        done = CliRunner().invoke(cli, words, input=stdin, env=self.env, catch_exceptions=False)
        assert done.exit_code == 0, (words, done.output)
        return done.stdout

    def create_project(self, path: str, visibility: str = "private") -> str:
        """Make a project, with the groups above it; give its path."""
        return str(self.document("project", "create", path, "--visibility", visibility)["path_with_namespace"])

    def create_token(
        self, *, project: str | None = None, group: str | None = None, scopes: Collection[str] = PULL_AND_PUSH, username: str | None = None
    ) -> Token:
        """Make a deploy token for a project or a group."""
        wanted = [word for scope in scopes for word in ("--scope", scope)]
        named = ["--username", username] if username else []
        return _token(self.document("deploy-token", "create", *_place(project, group), "--name", "test", *wanted, *named))

    def rotate(self, token: Token, *, overlap: int = 0) -> Token:
        """Give the token a new secret; return it with that one."""
        return _token(self.document("deploy-token", "rotate", str(token.id), "--overlap", str(overlap)))

    def revoke(self, token: Token) -> None:
        """Revoke the token."""
        self.document("deploy-token", "revoke", str(token.id))

    def create_expired_token(self, project: str) -> tuple[Token, date]:
        """Make a token that has expired already; give it with its expiry date."""
        scopes = [TokenScope.READ_REGISTRY, TokenScope.WRITE_REGISTRY]
        with self._store() as (database, digester):
            tokens = DeployTokens(database, digester, _then)
            issued = tokens.create(NamespaceKind.PROJECT, project, name="test", scopes=scopes, expires_at=_EXPIRED_ON)
        return _remembered(Token(issued.token.id, issued.token.username, issued.secret.get_secret_value())), _EXPIRED_ON

    def create_user(self, username: str, *, password: str | None = None, email: str | None = None, admin: bool = False) -> str:
        """Make a user; give the user name."""
        words = ["--email", email] if email else []
        words += ["--admin"] if admin else []
        if password is not None:
            KNOWN_SECRETS.add(password)
            words.append("--password-stdin")
        return str(self.document("user", "create", username, *words, stdin=password)["username"])

    def create_personal_token(self, username: str, scopes: Collection[str] = EVERYTHING) -> Token:
        """Make a personal access token for a user."""
        wanted = [word for scope in scopes for word in ("--scope", scope)]
        document = self.document("user", "token", username, "--name", "test", *wanted)
        return _token({**document, "username": username})

    def revoke_personal_token(self, token: Token) -> None:
        """Revoke the personal access token."""
        self.document("user", "token", token.username, "--revoke", str(token.id))

    def create_expired_personal_token(self, username: str) -> tuple[Token, date]:
        """Make a personal access token that has expired already; give it with its expiry date."""
        with self._store() as (database, digester):
            user_id = Users(database, _then).get(username).id
            tokens = PersonalAccessTokens(database, digester, _then)
            issued = tokens.create(user_id, name="test", scopes=[TokenScope.API], expires_at=_EXPIRED_ON)
        return _remembered(Token(issued.token.id, username, issued.secret.get_secret_value())), _EXPIRED_ON

    def add_member(self, username: str, role: str, *, project: str | None = None, group: str | None = None) -> None:
        """Give the user a role in a project or a group."""
        self.document("member", "add", *_place(project, group), username, "--role", role)

    def remove_member(self, username: str, *, project: str | None = None, group: str | None = None) -> None:
        """Take the user's role in a project or a group away."""
        self.document("member", "remove", *_place(project, group), username)

    @contextmanager
    def _store(self) -> Iterator[tuple[Database, SecretDigester]]:
        """Open the database with the digester of this installation, for what the command line cannot do: act in the past."""
        ring = KeyDirectory(self.keys).read()
        assert ring is not None
        with Database(self.env["REGISTRY_AUTH_DATABASE_URL"]) as database:
            yield database, SecretDigester(lambda: ring.server_secrets)


class TokenServer(Installation):
    """An installation that is served, by two worker processes, on a free port which it keeps over its starts."""

    # What is run with the words `serve …`.
    _program: Command = (sys.executable, "-m", "registry_auth")

    def __init__(self, directory: Path, **settings: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        super().__init__(directory, **({"REGISTRY_AUTH_EXTERNAL_URL": self.url} | settings))
        self._log = directory / "serve.log"
        self.process: Server

    def begin(self) -> None:
        """Start the server without waiting for it."""
        command = [*self._program, "serve", "--port", str(self.port), "--workers", "2"]
        self.process = Server(command, env=self.env, log=self._log)

    def wait(self) -> None:
        """Return once the server says that it is ready."""
        try:
            wait_until(self._is_ready, "the token server's readiness", timeout=30, server=self.process)
        except BaseException:
            self.stop()
            raise

    def start(self) -> Self:
        """Start the server and return it once it is ready."""
        self.begin()
        self.wait()
        return self

    def stop(self) -> None:
        """End the server, which ends its workers. What it stored stays."""
        if self.process.alive:
            os.kill(self.process.pid, signal.SIGTERM)
            with suppress(TimeoutError):
                wait_until(lambda: not self.process.alive, "the server's end", timeout=12)
        self.process.stop()

    def log(self) -> str:
        """Give what the server has written, over all its starts."""
        return self._log.read_text(errors="replace")

    def log_since(self, position: int) -> str:
        """Give what the server has written after the first `position` characters."""
        return self.log()[position:]

    @property
    def token_auth(self) -> TokenAuth:
        """What a registry has to be told."""
        return TokenAuth(f"{self.url}/jwt/auth", "container_registry", "registry-auth", self.keys / "public" / "ca.crt")

    def ask(self, *scopes: str, token: Token | None = None) -> Answer:
        """Ask for a token by GET, with Basic or anonymously."""
        query = [("service", "container_registry"), *(("scope", scope) for scope in scopes)]
        return call(f"{self.url}/jwt/auth", query=query, credentials=None if token is None else token.credentials)

    def jwt(self, *scopes: str, token: Token | None = None) -> str:
        """Give the JWT that is issued for these scopes."""
        return str(self.ask(*scopes, token=token).granted()["token"])

    def _is_ready(self) -> bool:
        try:
            return call(f"{self.url}/-/readiness").status == 200
        except OSError:
            return False

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_exc: object) -> None:
        self.stop()


def _place(project: str | None, group: str | None) -> list[str]:
    return ["--project", project] if project else ["--group", str(group)]


def _then() -> datetime:
    return _TWO_DAYS_AGO


def _token(document: dict[str, Any]) -> Token:
    return _remembered(Token(document["id"], document["username"], document["token"]))


def _remembered(token: Token) -> Token:
    KNOWN_SECRETS.add(token.secret)
    return token
