"""Tokens for the registries behind nginx: they live for seconds, and no client ever holds one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from registry_auth.dependency_proxy.upstreams import DEFAULT_CACHE, CachedImage
from registry_auth.settings import CACHE_SERVICE, STORE_SERVICE
from registry_auth.signing import Signer
from registry_auth.token_endpoint.claims import ClaimSet
from registry_auth.values import Action, Caller, ResourceActions

# A registry looks at the token when a request begins, however long that takes.
INTERNAL_LIFETIME = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class InternalTokens:
    """Issues them, with an audience of its own for the store and for each cache: one stolen from one is good at no other."""

    issuer: str
    signer: Signer
    clock: Callable[[], datetime]
    new_token_id: Callable[[], str]

    def for_store(self, caller: Caller, access: Mapping[str, Sequence[Action]]) -> str:
        """Give a token for the store of pushed images, which knows them by their full names."""
        return self._sign(caller, STORE_SERVICE, access)

    def for_cache(self, caller: Caller, image: CachedImage, action: Action) -> str:
        """Give a token for a cache, which knows images by the names that its upstream has for them."""
        audience = CACHE_SERVICE if image.cache == DEFAULT_CACHE else f"{CACHE_SERVICE}:{image.cache}"
        return self._sign(caller, audience, {image.repository: (action,)})

    def _sign(self, caller: Caller, audience: str, access: Mapping[str, Sequence[Action]]) -> str:
        entries = tuple(ResourceActions("repository", name, tuple(actions)) for name, actions in access.items())
        claims = ClaimSet(self.issuer, audience, caller, entries, self.clock(), INTERNAL_LIFETIME, self.new_token_id())
        return self.signer.sign(claims.as_claims())
