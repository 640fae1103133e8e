"""A private PostgreSQL, with databases for single tests, and its standby."""

import os
import secrets
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, Self

import psycopg
from psycopg.sql import SQL, Composed, Identifier
from psycopg.sql import Literal as Quoted

from .availability import program
from .processes import Command, clean_environment, run, wait_until
from .suspension import resume, suspend
from .unprivileged import UnprivilegedServer, as_unprivileged

Mode = Literal["fast", "immediate"]
Rows = list[tuple[Any, ...]]

_SUPERUSER = "postgres"
# What ends with the machine may be lost, what ends with the processes not.
_QUICK = {"fsync": "off", "full_page_writes": "off"}
_SIGNALS = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}


class PostgresCluster(UnprivilegedServer):
    """A PostgreSQL on a port of 127.0.0.1, which it keeps; `settings` are those of postgresql.conf.

    Its databases belong to `user`, who may do nothing else. They are named to the methods by their name or their address.
    """

    user = "registry_auth"

    def __init__(self, directory: Path, **settings: str) -> None:
        super().__init__(directory, "postgresql.log")
        self.password = secrets.token_hex(16)
        self._settings = _QUICK | settings

    def start(self) -> Self:
        """Start the server and return it once it answers queries; raise ServerDiedError with its log if it does not."""
        fresh = not self._data.exists()
        if fresh:
            self._make_data()
        super().start()
        # It listens before it has read its journal.
        wait_until(self._answers, "answers of PostgreSQL", timeout=30, server=self._server)
        if fresh:
            self._set_up()
        return self

    def stop(self, mode: Mode = "fast") -> None:
        """End the server, if it runs: in an orderly way, or as in a crash. Connections end, and what was committed stays."""
        if self._server is not None:
            server = self._server
            self.thaw()
            for number in (_SIGNALS[mode], _SIGNALS["immediate"]):
                os.kill(server.pid, number)
                with suppress(TimeoutError):
                    wait_until(lambda: not server.alive, "the end of PostgreSQL")
                    break
        super().stop()

    def restart(self, mode: Mode = "fast") -> None:
        """Stop the server and start it again."""
        self.stop(mode)
        self.start()

    def close(self) -> None:
        """End the server and remove what it stores."""
        self.stop("immediate")
        super().close()

    def freeze(self) -> None:
        """Make the server silent: it accepts connections, keeps those that it has, and answers nobody."""
        if self._server is not None:
            suspend(self._server.pid)

    def thaw(self) -> None:
        """Let the server go on."""
        if self._server is not None:
            resume(self._server.pid)

    def url(self, database: str) -> str:
        """Return the address of a database, with the password in it."""
        return f"postgresql+psycopg://{self.user}:{self.password}@{self.host}/{name_of(database)}"

    def create_database(self, template: str | None = None) -> str:
        """Make a database and return its address: an empty one, or a copy of `template`, to which nobody may be connected."""
        name = f"test_{secrets.token_hex(6)}"
        source = Identifier("template1" if template is None else name_of(template))
        self._administer(SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}").format(Identifier(name), Identifier(self.user), source))
        return self.url(name)

    def drop_database(self, database: str) -> None:
        """Remove a database, whoever is connected to it."""
        self._administer(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name_of(database))))

    def run_sql(self, text: str, database: str | None = None) -> Rows:
        """Run SQL in a database as its owner, or as the superuser where none is named; return the rows of the last statement."""
        if database is None:
            return self._administer(text.encode())
        return self._execute(text.encode(), name_of(database), self.user)

    def terminate_connections(self, database: str) -> int:
        """End all connections to a database and return how many there were."""
        ended = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = {}"
        return len(self._administer(SQL(ended).format(Quoted(name_of(database)))))

    def standby(self, directory: Path) -> "Standby":
        """Return a server, yet to be started, that copies this one and then follows it."""
        return Standby(directory, self)

    @property
    def _data(self) -> Path:
        return self.place / "data"

    def _command(self) -> Command:
        # The standby's copy of a configuration file would name the port of its original.
        settings = self._settings | {"listen_addresses": "127.0.0.1", "port": str(self.port), "unix_socket_directories": ""}
        return as_unprivileged([program("postgres"), "-D", self._data, *(f"--{name}={value}" for name, value in settings.items())])

    def _make_data(self) -> None:
        password = self.write("password", self.password)
        access = [f"--username={_SUPERUSER}", "--auth=scram-sha-256", f"--pwfile={password}"]
        self._run("initdb", "--pgdata", self._data, *access, *_locale(), "--no-sync", "--no-instructions")

    def _set_up(self) -> None:
        self._administer(SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(Identifier(self.user), Quoted(self.password)))

    def _run(self, name: str, *options: str | Path) -> None:
        env = clean_environment(self._directory / "home", PGPASSWORD=self.password)
        run(as_unprivileged([program(name), *options]), env=env).check()

    def _answers(self) -> bool:
        with suppress(psycopg.OperationalError):
            self._administer(b"SELECT 1")
            return True
        return False

    def _administer(self, query: bytes | Composed) -> Rows:
        return self._execute(query, "postgres", _SUPERUSER)

    def _execute(self, query: bytes | Composed, database: str, user: str) -> Rows:
        address = f"host=127.0.0.1 port={self.port} user={user} password={self.password} dbname={database} connect_timeout=10"
        with psycopg.connect(address, autocommit=True) as connection:
            cursor = connection.execute(query)
            while cursor.nextset():
                pass
            return cursor.fetchall() if cursor.description else []


class Standby(PostgresCluster):
    """A PostgreSQL that follows `primary` as it is streamed to it, and can only be read until it is promoted."""

    def __init__(self, directory: Path, primary: PostgresCluster) -> None:
        super().__init__(directory, **primary._settings)
        self.password = primary.password
        self._primary = primary

    def promote(self) -> None:
        """Let the server take writes, and return when it does."""
        self.run_sql("SELECT pg_promote()")

    def _make_data(self) -> None:
        source = ["--host=127.0.0.1", f"--port={self._primary.port}", f"--username={_SUPERUSER}"]
        self._run("pg_basebackup", "--pgdata", self._data, *source, "--write-recovery-conf", "--checkpoint=fast", "--no-sync")

    def _set_up(self) -> None:
        """Leave all to the primary."""


def name_of(database: str) -> str:
    """Return the name of a database that is given by its name or its address."""
    return database.rpartition("/")[2]


def _locale() -> list[str]:
    """Sort text by language and not by bytes, as most installations do; Debian has such a locale without ICU only where one was made."""
    by_language = ["--locale-provider=icu", "--icu-locale=en-US"]
    known = run([program("initdb"), "--help"], env={}).check().output
    return ["--encoding=UTF8", "--locale=C.UTF-8", *(by_language if "--icu-locale" in known else [])]
