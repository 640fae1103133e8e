"""Every released registry: what it grants and refuses with the tokens of this server, and with tokens that are not of this server."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from registry_auth.signing import KeyDirectory
from registry_auth.signing.certificates import KeyPair

from .http_calls import claims, header
from .peers.containers_tools import Skopeo
from .peers.stock_registry import StockRegistry
from .registry_calls import begin_upload, challenge, delete_manifest, enter, list_tags
from .token_server import Token, TokenServer

Forge = Callable[[TokenServer, str, Path], str]


@pytest.fixture
def repository(project: str, name: str) -> str:
    """Give a repository of the private project that nobody has used."""
    return f"{project}/{name}"


def test_the_challenge_leads_to_the_token_server(any_registry: StockRegistry, token_server: TokenServer, repository: str) -> None:
    """Without a token the registry names the address of the token server, the service and the scope."""
    assert challenge(list_tags(any_registry, repository, None)) == {
        "realm": f"{token_server.url}/jwt/auth",
        "service": "container_registry",
        "scope": f"repository:{repository}:pull",
    }


def test_a_token_without_access_enters(any_registry: StockRegistry, token_server: TokenServer, writer: Token) -> None:
    """A token that was asked for without a scope, as at a login, opens `/v2/` and no repository; so does an anonymous one."""
    for token in (writer, None):
        empty = token_server.jwt(token=token)
        assert enter(any_registry, empty).status == 200
        assert challenge(list_tags(any_registry, "any/repository", empty))["error"] == "insufficient_scope"


def test_pull_and_push_are_granted(any_registry: StockRegistry, token_server: TokenServer, writer: Token, repository: str) -> None:
    """With both scopes everything but deleting is allowed."""
    granted = token_server.jwt(f"repository:{repository}:pull,push,delete", token=writer)

    assert list_tags(any_registry, repository, granted).status == 404
    assert begin_upload(any_registry, repository, granted).status == 202
    refused = challenge(delete_manifest(any_registry, repository, granted))
    assert (refused["error"], refused["scope"]) == ("insufficient_scope", f"repository:{repository}:delete")


@pytest.mark.parametrize("asked", ["pull,push", "push,pull", "*", "pull,push,delete", "delete,*"])
def test_a_read_only_token_never_pushes(
    any_registry: StockRegistry, token_server: TokenServer, reader: Token, repository: str, asked: str
) -> None:
    """Whatever is asked for, with read_registry alone the registry allows pulling and refuses pushing for lack of scope."""
    granted = token_server.jwt(f"repository:{repository}:{asked}", token=reader)
    refused = challenge(begin_upload(any_registry, repository, granted))

    assert list_tags(any_registry, repository, granted).status == 404
    assert refused["error"] == "insufficient_scope"
    assert refused["scope"] in {f"repository:{repository}:pull,push", f"repository:{repository}:push,pull"}


@pytest.mark.parametrize("holder", ["write_only", "public_writer", None], ids=["write-only", "foreign", "anonymous"])
def test_no_right_in_a_private_project(
    request: pytest.FixtureRequest, any_registry: StockRegistry, token_server: TokenServer, repository: str, holder: str | None
) -> None:
    """Write alone, a foreign token and nobody get a token that the registry takes, and that opens nothing."""
    token = None if holder is None else request.getfixturevalue(holder)
    granted = token_server.jwt(f"repository:{repository}:pull,push", token=token)

    assert enter(any_registry, granted).status == 200
    for ask in (list_tags, begin_upload):
        assert challenge(ask(any_registry, repository, granted))["error"] == "insufficient_scope"


def test_a_token_counts_for_the_asked_repository_only(
    any_registry: StockRegistry, token_server: TokenServer, writer: Token, repository: str
) -> None:
    """A token that was asked for one repository does not open its neighbours, nor what is below it."""
    granted = token_server.jwt(f"repository:{repository}:pull", token=writer)

    for other in (f"{repository}0", f"{repository}/below", repository.rpartition("/")[0]):
        assert challenge(list_tags(any_registry, other, granted))["error"] == "insufficient_scope"


def test_skopeo_pushes_and_inspects(any_registry: StockRegistry, skopeo: Skopeo, writer: Token, layout: Path, repository: str) -> None:
    """A real client stores an image and describes it."""
    reference = f"{any_registry.host}/{repository}:1"
    skopeo.login(any_registry.host, *writer.credentials).check()
    skopeo.copy(f"oci:{layout}:latest", f"docker://{reference}").check()

    assert f'"Name": "{any_registry.host}/{repository}"' in skopeo.inspect(reference).check().output


def _signed(pair: KeyPair, payload: dict[str, Any], headers: dict[str, Any] | None = None) -> str:
    return jwt.encode(payload, pair.key, "ES256", headers=headers or {"kid": pair.kid, "x5c": [pair.x5c]})


def _current_pair(server: TokenServer) -> KeyPair:
    ring = KeyDirectory(server.keys).read()
    assert ring is not None
    return ring.signing_keys[0].pair


def _resigned(**changes: Any) -> Forge:
    return lambda server, good, _directory: _signed(_current_pair(server), claims(good) | changes)


def _moved(by: timedelta) -> Forge:
    moved = int((datetime.now(UTC) + by).timestamp())
    return _resigned(iat=moved - 30, nbf=moved - 30, exp=moved + 900)


def _of_another_installation(_server: TokenServer, good: str, directory: Path) -> str:
    ring = KeyDirectory(directory / "keys").ready(datetime.now(UTC))
    return _signed(ring.signing_keys[0].pair, claims(good))


def _another_key_under_our_header(_server: TokenServer, good: str, _directory: Path) -> str:
    headers = header(good)
    key = ec.generate_private_key(ec.SECP256R1())
    return jwt.encode(claims(good), key, "ES256", headers={"kid": headers["kid"], "x5c": headers["x5c"]})


def _another_key_in_the_header(_server: TokenServer, good: str, _directory: Path) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    jwk = jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return jwt.encode(claims(good), key, "ES256", headers={"kid": header(good)["kid"], "jwk": jwk | {"kid": header(good)["kid"]}})


def _unsigned(_server: TokenServer, good: str, _directory: Path) -> str:
    return jwt.encode(claims(good), "", "none", headers={"kid": header(good)["kid"], "x5c": header(good)["x5c"]})


FORGERIES: dict[str, Forge] = {
    "expired": _moved(timedelta(hours=-1)),
    "not-yet-valid": _moved(timedelta(hours=1)),
    "of-another-issuer": _resigned(iss="registry-auth2"),
    "for-another-service": _resigned(aud="container_registry2"),
    "of-another-installation": _of_another_installation,
    "by-another-key-under-our-header": _another_key_under_our_header,
    "by-another-key-in-the-header": _another_key_in_the_header,
    "unsigned": _unsigned,
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
def test_a_token_that_is_not_good_is_refused(
    any_registry: StockRegistry, token_server: TokenServer, writer: Token, repository: str, forge: Forge, tmp_path: Path
) -> None:
    """A token with other dates, names or keys does not even open `/v2/`; the one that it was made from does."""
    good = token_server.jwt(f"repository:{repository}:pull", token=writer)
    bad = forge(token_server, good, tmp_path)

    assert enter(any_registry, good).status == 200
    assert list_tags(any_registry, repository, good).status == 404
    assert challenge(enter(any_registry, bad)).get("error", "invalid_token") == "invalid_token"
    assert challenge(list_tags(any_registry, repository, bad)).get("error", "invalid_token") == "invalid_token"


def test_resigning_by_itself_changes_nothing(
    any_registry: StockRegistry, token_server: TokenServer, writer: Token, repository: str
) -> None:
    """The forgeries are refused for what was changed: a token signed again the same way is accepted."""
    good = token_server.jwt(f"repository:{repository}:pull", token=writer)
    again = _resigned(jti="another")(token_server, good, Path())

    assert list_tags(any_registry, repository, again).status == 404
