"""The dependency proxy with upstreams of every kind: with accounts, with further ones beside the default, with unknown ones."""

import dataclasses
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from .dependency_proxy import FURTHER_UPSTREAM, SHIPPED, DependencyProxy
from .peers.availability import require
from .peers.containers_tools import Skopeo
from .peers.nginx import Nginx
from .peers.oci_layout import write_oci_layout
from .peers.stock_registry import REGISTRIES, PasswordAuth, RegistryLine, StockRegistry
from .proxy_teams import ask, full, group_token, outcome
from .registry_calls import challenge, enter
from .secret_search import check_nothing_secret
from .token_server import Token, TokenServer
from .upstream import publish

# Listed at the token server, and not in the maps of nginx.
UNMAPPED = "unmapped.example"
# Listed nowhere.
UNLISTED = "nowhere.example"

VARIABLES = ("REGISTRY_PROXY_USERNAME", "REGISTRY_PROXY_PASSWORD")
ACCOUNT = ("mirror", "upstream-password")
HTPASSWD = "mirror:$2b$05$CCCCCCCCCCCCCCCCCCCCC.qyBq7mBUFNT6c0WHlEseyg6ft3kml4G\n"


@pytest.mark.parametrize("line", REGISTRIES, ids=lambda line: line.label)
def test_account_at_an_upstream_with_tokens(
    line: RegistryLine, token_server: TokenServer, skopeo: Skopeo, name: str, tmp_path: Path
) -> None:
    """The cache fetches with its account what the upstream, which has a token server as Docker Hub has, shows to nobody else."""
    require("nginx", line.peer)
    private = token_server.create_project(f"{name}-upstream/private")
    account, reader = token_server.create_token(project=private), group_token(token_server, f"{name}-team")
    layout = write_oci_layout(tmp_path / "layout", name)
    answers = []
    with _upstream_with_tokens(line, token_server, tmp_path) as (upstream, url):
        skopeo.login(upstream.host, *account.credentials).check()
        skopeo.copy(f"oci:{layout}:latest", f"docker://{upstream.host}/{private}/image:1").check()
        login = dict(zip(VARIABLES, account.credentials, strict=True))
        for variables in (login, {}):
            env = {"REGISTRY_PROXY_REMOTEURL": url, **variables}
            with DependencyProxy(token_server, upstream, tmp_path / f"proxy-{len(env)}", line=line, env=env) as proxy:
                answers.append(ask(proxy, reader, f"{private}/image", "manifests/1"))

    assert answers[0].status == 200
    assert outcome(answers[1]) == (404, "MANIFEST_UNKNOWN")
    assert "www-authenticate" not in answers[1].headers


@contextmanager
def _upstream_with_tokens(line: RegistryLine, server: TokenServer, directory: Path) -> Iterator[tuple[StockRegistry, str]]:
    """Run a registry with a token server; give it and the address of both together.

    Since 3.1 a cache sends its account to no other host than the upstream's, or one of the same domain.
    """
    for place in ("upstream", "front"):
        (directory / place).mkdir()
    front = Nginx(directory / "front")
    auth = dataclasses.replace(server.token_auth, realm=f"http://{front.host}/jwt/auth")
    upstream = StockRegistry(line, directory / "upstream", auth)
    temporary = " ".join(f"{kind}_temp_path {kind};" for kind in ("client_body", "proxy", "fastcgi", "scgi", "uwsgi"))
    places = f"location / {{ proxy_pass http://{upstream.host}; }} location /jwt/ {{ proxy_pass {server.url}; }}"
    front.configuration.write_text(
        f"pid nginx.pid; events {{}} http {{ access_log off; {temporary} server {{ listen {front.host}; {places} }} }}"
    )
    with upstream, front:
        yield upstream, f"http://{front.host}"


def test_upstream_with_passwords(token_server: TokenServer, skopeo: Skopeo, name: str, tmp_path: Path) -> None:
    """A cache 2.8.2 cannot log in with Basic; it says that there is nothing, and shows no client the challenge of its upstream."""
    require("nginx", REGISTRIES[0].peer)
    reader = group_token(token_server, f"{name}-team")
    (tmp_path / "htpasswd").write_text(HTPASSWD)
    (tmp_path / "upstream").mkdir()
    layout = write_oci_layout(tmp_path / "layout", name)
    upstream = StockRegistry(REGISTRIES[0], tmp_path / "upstream", PasswordAuth("upstream", tmp_path / "htpasswd"))
    env = dict(zip(VARIABLES, ACCOUNT, strict=True))
    with upstream, DependencyProxy(token_server, upstream, tmp_path / "proxy", env=env) as proxy:
        skopeo.login(upstream.host, *ACCOUNT).check()
        skopeo.copy(f"oci:{layout}:latest", f"docker://{upstream.host}/library/{name}:1").check()
        answer = ask(proxy, reader, name, "manifests/1")

    assert outcome(answer) == (404, "MANIFEST_UNKNOWN")
    assert "www-authenticate" not in answer.headers


@pytest.mark.parametrize("line", REGISTRIES, ids=lambda line: line.label)
@pytest.mark.parametrize("part", ["cache", "evictor"])
def test_variables_of_a_further_upstream(
    line: RegistryLine, part: str, token_server: TokenServer, upstream: StockRegistry, tmp_path: Path
) -> None:
    """The shipped files become those of a further upstream by variables alone."""
    require(line.peer)
    configuration = yaml.safe_load((SHIPPED / f"{part}.yml").read_bytes())
    configuration["auth"]["token"]["rootcertbundle"] = str(token_server.keys / "public" / "ca.crt")
    env = {"REGISTRY_AUTH_TOKEN_SERVICE": f"dependency_proxy_cache:{FURTHER_UPSTREAM}"}
    if part == "cache":
        env["REGISTRY_PROXY_REMOTEURL"] = f"http://{upstream.host}"
    with StockRegistry(line, tmp_path, None, configuration=configuration, env=env) as registry:
        asked = challenge(enter(registry, None))

    assert asked["service"] == f"dependency_proxy_cache:{FURTHER_UPSTREAM}"


@dataclass(frozen=True, slots=True)
class Upstreams:
    """A default upstream, one that is set up as FURTHER_UPSTREAM, and the dependency proxy in front of both."""

    default: StockRegistry
    further: StockRegistry
    proxy: DependencyProxy
    team: Token

    def asked(self, repository: str) -> bool:
        """Say whether an upstream was ever asked for a repository that ends in these components."""
        return any(f"{repository}/" in upstream.log() for upstream in (self.default, self.further))


@pytest.fixture(scope="module")
def upstreams(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upstreams]:
    """Run a token server that knows two further upstreams, and an nginx that knows one of them."""
    require("nginx", REGISTRIES[0].peer)
    directory = tmp_path_factory.mktemp("upstreams")
    for place in ("default", "further"):
        (directory / place).mkdir()
    default, further = (StockRegistry(REGISTRIES[0], directory / place, None) for place in ("default", "further"))
    server = TokenServer(directory / "server", REGISTRY_AUTH_DEPENDENCY_PROXY_UPSTREAMS=f"{FURTHER_UPSTREAM},{UNMAPPED}")
    with server, default, further:
        team = group_token(server, "team")
        with DependencyProxy(server, default, directory / "proxy", further=further) as proxy:
            yield Upstreams(default, further, proxy, team)
    check_nothing_secret(server)


def test_further_upstream_cached_and_evicted(upstreams: Upstreams, name: str, tmp_path: Path) -> None:
    """It has a cache and an evictor of its own, whatever the default upstream has under that name."""
    repository = f"owner/{name}"
    publish(upstreams.default, repository, "1", tmp_path / "default", marker=f"{name} of the default upstream")
    image = publish(upstreams.further, repository, "1", tmp_path / "further", marker=f"{name} of the further upstream")
    asked = f"{FURTHER_UPSTREAM}/{repository}"
    paths = ("manifests/1", f"manifests/{image.digest}")
    first = [ask(upstreams.proxy, upstreams.team, asked, path) for path in paths]
    upstreams.further.stop()
    try:
        cached = [ask(upstreams.proxy, upstreams.team, asked, path) for path in paths]
        evicted = ask(upstreams.proxy, upstreams.team, asked, paths[1], method="DELETE")
        gone = ask(upstreams.proxy, upstreams.team, asked, paths[1])
    finally:
        upstreams.further.start()
    again = ask(upstreams.proxy, upstreams.team, asked, paths[0])

    assert [answer.body for answer in (*first, *cached, again)] == [image.manifest] * 5
    assert (evicted.status, outcome(gone)) == (202, (404, "MANIFEST_UNKNOWN"))
    assert f"/{repository}/" not in upstreams.default.log().split(f'"PUT /v2/{repository}/manifests/', 1)[1]


def test_listed_upstream_that_nginx_does_not_know(upstreams: Upstreams, name: str, tmp_path: Path) -> None:
    """It is a fault, and never the default upstream's image of that name, cached or not."""
    image = publish(upstreams.default, f"owner/{name}", "1", tmp_path)
    own = ask(upstreams.proxy, upstreams.team, f"owner/{name}", "manifests/1")
    paths = ("manifests/1", f"manifests/{image.digest}", *(f"blobs/{digest}" for digest in image.blobs), "tags/list")
    answers = [ask(upstreams.proxy, upstreams.team, f"{UNMAPPED}/owner/{name}", path) for path in paths]
    evicted = ask(upstreams.proxy, upstreams.team, f"{UNMAPPED}/owner/{name}", paths[1], method="DELETE")

    assert own.body == image.manifest
    assert [outcome(answer) for answer in (*answers, evicted)] == [(502, "UNAVAILABLE")] * (len(paths) + 1)
    assert ask(upstreams.proxy, upstreams.team, f"owner/{name}", "manifests/1").status == 200


def test_host_that_is_no_upstream(upstreams: Upstreams, skopeo: Skopeo, layout: Path, name: str, tmp_path: Path) -> None:
    """An image with the name of a host that is not listed is never asked for anywhere, but a group can have pushed one."""
    publish(upstreams.default, f"owner/{name}", "1", tmp_path)
    image = f"{UNLISTED}/owner/{name}"
    before = len(upstreams.default.log()), len(upstreams.further.log())
    missing = ask(upstreams.proxy, upstreams.team, image, "manifests/1")
    reference = f"docker://{upstreams.proxy.host}/{full(upstreams.team, image)}:1"
    skopeo.login(upstreams.proxy.host, *upstreams.team.credentials).check()
    skopeo.copy(f"oci:{layout}:latest", reference).check()
    skopeo.copy(reference, f"dir:{tmp_path}/pulled").check()
    skopeo.delete(reference.removeprefix("docker://")).check()
    deleted = ask(upstreams.proxy, upstreams.team, image, "manifests/1")

    assert [outcome(answer) for answer in (missing, deleted)] == [(404, "MANIFEST_UNKNOWN")] * 2
    assert json.loads((tmp_path / "pulled" / "manifest.json").read_bytes())["layers"]
    assert (len(upstreams.default.log()), len(upstreams.further.log())) == before
