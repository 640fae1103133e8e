"""A server at which keys are changed in stages, with registries that are restarted for it and others that are not."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import chain
from pathlib import Path
from urllib.parse import urlencode

from registry_auth.signing import KeyDirectory
from registry_auth.signing.key_exports import stale_exports
from registry_auth.values import TokenHeader

from .http_calls import basic
from .peers.stock_registry import RegistryLine, StockRegistry
from .signing_keys import key_id, let_pass, new_rsa_pair, ring_of, write_key_file
from .token_server import Token, TokenServer
from .workers import WorkerLine, lines_to_workers

PROJECT = "staged/project"
REPOSITORY = f"{PROJECT}/app"

# What a registry is given of the keys.
BUNDLE, JWKS = "bundle", "jwks"


@dataclass(frozen=True, slots=True)
class Change:
    """A change of keys in stages: the header of tokens, the command that publishes, and what registries of each line are given.

    Without a command a new RSA key is imported.
    """

    header: TokenHeader
    publish: Sequence[str] | None
    given: Mapping[RegistryLine, str]


class Site:
    """A server, and registries: `restarted` before the activation, `left` as they were, and `late`, which are started after it.

    `before`, `meanwhile` and `after` hold a signed token of each worker: before anything is published, before it is activated, and after.
    """

    def __init__(self, change: Change, directory: Path) -> None:
        self.server = TokenServer(directory / "server", REGISTRY_AUTH_TOKEN_HEADER=change.header)
        self.server.create_project(PROJECT)
        self.token = self.server.create_token(project=PROJECT)
        let_pass(timedelta(hours=1), self.server.keys)  # a rotation of a key just made would count as the same one
        self._change = change
        self._directory = directory
        self.restarted, self.left, self.late = (self.new_registries(kind) for kind in ("restarted", "left", "late"))
        self._lines: Sequence[WorkerLine] = ()

    def start(self, stack: ExitStack) -> None:
        """Wait for the server, which has begun to start, and start all registries."""
        self.server.wait()
        for registry in chain(self.restarted, self.left):
            stack.enter_context(registry)
        self._lines = stack.enter_context(lines_to_workers(self.server))
        self.before = self._signed()

    def publish(self) -> None:
        """Run the command that publishes."""
        file = self._directory / "imported.pem"
        words = self._change.publish or ("import", str(write_key_file(file, new_rsa_pair())))
        self.told_to_restart = self.server.said_by("keys", *words)

    def is_published(self) -> bool:
        """Say whether all workers publish the next signing key, if there is one."""
        key = ring_of(self.server.keys).next_signing_key
        key_sets = [line.ask("/.well-known/jwks.json", {}).document["keys"] for line in self._lines]
        return key is None or all(key.pair.kid in {entry["kid"] for entry in key_set} for key_set in key_sets)

    def activate(self) -> None:
        """Restart registries, then run the command that activates."""
        self.meanwhile = self._signed()
        for registry in self.restarted:
            registry.stop()
            registry.start()
        self.server.said_by("keys", "activate")

    def is_activated(self) -> bool:
        """Say whether all workers sign with the newest key."""
        newest = ring_of(self.server.keys).signing_keys[0]
        self.after = self._signed()
        return {key_id(jwt) for jwt in self.after} <= set(newest.ids)

    def is_forgotten(self) -> bool:
        """Say whether nothing but the key that signs is left, in the public files too."""
        self._signed()  # the server looks into the key directory when it is asked for something
        ring = ring_of(self.server.keys)
        return len(ring.published_keys) == 1 and not ring.former_authorities and not stale_exports(ring, self.server.keys / "public")

    def new_registries(self, kind: str) -> list[StockRegistry]:
        """Give registries that have not started yet, of every line of the change."""
        bundle = KeyDirectory(self.server.keys, self._change.header).bundle
        auths = {
            BUNDLE: replace(self.server.token_auth, rootcertbundle=bundle),
            JWKS: replace(self.server.token_auth, rootcertbundle=None, jwks=bundle.with_name("jwks.json")),
        }
        registries = []
        for line, given in self._change.given.items():
            directory = self._directory / kind / line.label
            directory.mkdir(parents=True)
            registries.append(StockRegistry(line, directory, auths[given]))
        return registries

    def _signed(self) -> Sequence[str]:
        return signed_by_each(self._lines, self.token, REPOSITORY)


def signed_by_each(lines: Sequence[WorkerLine], token: Token, repository: str) -> list[str]:
    """Give a signed token of each worker for a repository."""
    query = urlencode({"service": "container_registry", "scope": f"repository:{repository}:pull,push"})
    headers = {"Authorization": basic(*token.credentials)}
    return [str(line.ask(f"/jwt/auth?{query}", headers).granted()["token"]) for line in lines]
