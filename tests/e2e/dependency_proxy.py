"""The dependency proxy of the tests: the shipped rules and configurations, with real registries and a real nginx on free ports."""

import re
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import yaml

from .http_calls import Answer, call
from .peers.availability import REPOSITORY
from .peers.nginx import Nginx
from .peers.processes import wait_until
from .peers.stock_registry import REGISTRIES, RegistryLine, StockRegistry
from .token_server import TokenServer

SHIPPED = REPOSITORY / "deploy" / "dependency-proxy"

# Whose lines nginx.conf shows as comments.
FURTHER_UPSTREAM = "ghcr.io"


class DependencyProxy:
    """nginx and three registries in front of an upstream. Tests may stop each part by itself and start it again.

    An account at the upstream is given by `env`, as docker-compose.yml gives it: REGISTRY_PROXY_USERNAME and REGISTRY_PROXY_PASSWORD.
    With `further` there are also a cache and an evictor of a second upstream, which is called FURTHER_UPSTREAM.
    """

    def __init__(
        self,
        server: TokenServer,
        upstream: StockRegistry,
        directory: Path,
        *,
        line: RegistryLine = REGISTRIES[0],
        env: Mapping[str, str] | None = None,
        further: StockRegistry | None = None,
    ) -> None:
        self.server = server
        self._directory = directory
        self._line = line
        self.store = self._registry("store", "store", {})
        self.cache, self.evictor = self._cache_and_evictor(upstream, "", env)
        self.further = None if further is None else self._cache_and_evictor(further, f":{FURTHER_UPSTREAM}", None)
        self.nginx = Nginx(self._new_directory("nginx"))
        self._stack = ExitStack()

    @property
    def host(self) -> str:
        """The address for clients, HOST:PORT."""
        return self.nginx.host

    @property
    def secret_file(self) -> Path:
        """What the token server writes at its start for nginx to read."""
        return self.server.keys / "dependency-proxy" / "gate-secret.conf"

    def start(self) -> Self:
        """Start everything, the token server and the upstream being up, and return when all answer."""
        wait_until(self.secret_file.exists, f"the file {self.secret_file}")
        self._write_configuration()
        with ExitStack() as stack:
            for part in (self.store, self.cache, self.evictor, *(self.further or ()), self.nginx):
                stack.enter_context(part)
            self._stack = stack.pop_all()
        return self

    def stop(self) -> None:
        """End everything that was started here."""
        self._stack.close()

    def logs(self) -> str:
        """Return what nginx and the registries have written."""
        registries = {"store": self.store, "cache": self.cache, "evictor": self.evictor}
        written = {name: registry.log() for name, registry in registries.items()} | {"nginx": self.nginx.log()}
        return "\n".join(f"== {name}\n{log}" for name, log in written.items())

    def stores(self, name: str, tag: str, *blobs: str) -> bool:
        """Say whether the store holds a tag of its own, and blobs."""
        return self.store.has_tag(name, tag) and self.store.has_blobs(name, *blobs)

    def wait_for_copies(self, repository: str, *blobs: str) -> None:
        """Return when the cache has stored these, of the repository of that name at the upstream."""
        wait_until(lambda: self.cache.has_blobs(repository, *blobs), "the cache's copies")

    def ask(
        self, path: str, *, method: str = "GET", jwt: str | None = None, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        """Make one request, with a token if there is one; the path goes out as it is."""
        authorization = {} if jwt is None else {"Authorization": f"Bearer {jwt}"}
        return call(f"http://{self.host}{path}", method=method, headers={**authorization, **(headers or {})}, body=body)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    def _cache_and_evictor(
        self, upstream: StockRegistry, suffix: str, env: Mapping[str, str] | None
    ) -> tuple[StockRegistry, StockRegistry]:
        """Give the two registries of an upstream, with a storage in common and `suffix` at the end of their service."""
        proxy = {"proxy": {"remoteurl": f"http://{upstream.host}"}}
        cache = self._registry("cache", f"cache{suffix}", proxy, suffix=suffix, env=env)
        return cache, self._registry("evictor", f"evictor{suffix}", {}, suffix=suffix, storage=cache.storage)

    def _registry(
        self,
        shipped: str,
        name: str,
        changes: Mapping[str, Any],
        *,
        suffix: str = "",
        storage: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> StockRegistry:
        configuration: dict[str, Any] = {**yaml.safe_load((SHIPPED / f"{shipped}.yml").read_bytes()), **changes}
        configuration["auth"]["token"]["rootcertbundle"] = str(self.server.keys / "public" / "ca.crt")
        configuration["auth"]["token"]["service"] += suffix
        return StockRegistry(self._line, self._new_directory(name), None, storage=storage, configuration=configuration, env=env)

    def _new_directory(self, name: str) -> Path:
        directory = self._directory / name
        directory.mkdir(parents=True)
        return directory

    def _write_configuration(self) -> None:
        """Write the shipped nginx.conf with the addresses and places of this test; the rules are included where they lie."""
        places = self._places()
        shipped = (SHIPPED / "nginx.conf").read_text()
        assert [place for place in places if place not in shipped] == []
        every_place = "|".join(re.escape(place) for place in places)
        self.nginx.configuration.write_text(re.sub(every_place, lambda found: places[found[0]], shipped))

    def _places(self) -> dict[str, str]:
        rules = {f"include {name}.conf": f"include {SHIPPED}/{name}.conf" for name in ("maps", "gate", "locations")}
        further = {}
        if self.further is not None:
            for registry, kind in zip(self.further, ("cache", "evictor"), strict=True):
                further[f"# {FURTHER_UPSTREAM} dependency-proxy-{kind}-ghcr:5000;"] = f"{FURTHER_UPSTREAM} {registry.host};"
        return {**rules, **further} | {
            "listen 8080;": f"listen {self.host};",
            "registry-auth:5001": self.server.url.removeprefix("http://"),
            "dependency-proxy-store:5000": self.store.host,
            "dependency-proxy-cache:5000": self.cache.host,
            "dependency-proxy-evictor:5000": self.evictor.host,
            "/keys/dependency-proxy/gate-secret.conf": str(self.secret_file),
            " /tmp/": f" {self.nginx.configuration.parent}/",
        }
