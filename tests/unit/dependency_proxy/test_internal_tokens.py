"""Tokens for the registries behind nginx: for one of them, for one request."""

from datetime import timedelta
from typing import Any

import pytest

from registry_auth.dependency_proxy.internal_tokens import InternalTokens
from registry_auth.dependency_proxy.upstreams import CachedImage
from registry_auth.signing import Signer
from registry_auth.values import Action, Caller, CallerKind, Person, TokenHeader
from tests.unit.dependency_proxy.door import image
from tests.unit.installation import NOW, Installation

pytestmark = pytest.mark.one_store("tokens are made without the store")

ROBOT = Caller(CallerKind.DEPLOY_TOKEN, "robot", 7, secret_id=8)
ALICE = Caller(CallerKind.PASSWORD, "Alice", 9, person=Person(9))


@pytest.fixture
def tokens(installation: Installation) -> InternalTokens:
    """Give the issuer of internal tokens."""
    signer = Signer(installation.keys, TokenHeader.X5C, timedelta(minutes=15), installation.clock)
    return InternalTokens("registry-auth", signer, installation.clock, iter(["first", "second"]).__next__)


def expected(caller: Caller, audience: str, token_id: str, access: list[dict[str, object]]) -> dict[str, Any]:
    """Give the claims of a token that is made now."""
    now = int(NOW.timestamp())
    times = {"exp": now + 30, "nbf": now - 30, "iat": now - 30}
    who = {"iss": "registry-auth", "sub": caller.name, "aud": audience, "jti": token_id, "auth_type": str(caller.kind)}
    return {**who, **times, "access": access}


@pytest.mark.parametrize("caller", [ROBOT, ALICE], ids=lambda caller: caller.name)
def test_token_for_the_store(installation: Installation, tokens: InternalTokens, caller: Caller) -> None:
    """It lives for 30 seconds, names its images in full and nothing more, and not the credential."""
    access = {image("g"): (Action.PULL, Action.PUSH), image("h", "x/y"): (Action.PULL,)}
    entries: list[dict[str, object]] = [
        {"type": "repository", "name": image("g"), "actions": ["pull", "push"]},
        {"type": "repository", "name": image("h", "x/y"), "actions": ["pull"]},
    ]
    first, second = (installation.claims(tokens.for_store(caller, access)) for _ in range(2))
    assert first == expected(caller, "dependency_proxy_store", "first", entries)
    assert second == expected(caller, "dependency_proxy_store", "second", entries)


@pytest.mark.parametrize(
    ("cached", "audience"),
    [
        (CachedImage("default", "library/alpine"), "dependency_proxy_cache"),
        (CachedImage("ghcr.io", "owner/image"), "dependency_proxy_cache:ghcr.io"),
        (CachedImage("quay.io", "owner/image"), "dependency_proxy_cache:quay.io"),
    ],
)
@pytest.mark.parametrize("action", [Action.PULL, Action.DELETE])
def test_token_for_a_cache(installation: Installation, tokens: InternalTokens, cached: CachedImage, audience: str, action: Action) -> None:
    """Each cache has an audience of its own, and knows the image by its upstream's name; one action is granted."""
    claims = installation.claims(tokens.for_cache(ROBOT, cached, action))
    assert claims == expected(ROBOT, audience, "first", [{"type": "repository", "name": cached.repository, "actions": [action]}])
