"""A private Redis that keeps nothing on disk and asks for a password."""

import secrets
from contextlib import ExitStack

from .availability import program
from .daemon import Daemon
from .processes import Server, clean_environment, free_port, run, wait_for_port


class Redis(Daemon):
    """A Redis on a free port of 127.0.0.1."""

    def __init__(self) -> None:
        super().__init__()
        self.password = secrets.token_hex(16)
        self.port = free_port()

    @property
    def url(self) -> str:
        """The address for clients, with the password in it."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def _run(self, stack: ExitStack) -> Server:
        listen = ["--bind", "127.0.0.1", "--port", str(self.port), "--requirepass", self.password]
        nothing_kept = ["--save", "", "--appendonly", "no", "--dir", str(self._directory)]
        env = clean_environment(self._directory / "home")
        server = Server([program("redis-server"), *listen, *nothing_kept], env=env, log=self._directory / "redis.log")
        stack.callback(server.stop)
        wait_for_port("127.0.0.1", self.port, server)
        return server

    def dump(self) -> str:
        """Return every key with its time to live and its list, as redis-cli prints them."""
        keys = self._ask("KEYS", "*").split()
        return "\n".join(f"{key}\n{self._ask('TTL', key)}\n{self._ask('LRANGE', key, '0', '-1')}" for key in keys)

    def _ask(self, *words: str) -> str:
        env = clean_environment(self._directory / "home", REDISCLI_AUTH=self.password)
        return run([program("redis-cli"), "-p", str(self.port), *words], env=env).check().output
