"""The gate: decides on each request to the dependency proxy, with the decision that also issues tokens, on the rights of now."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from registry_auth.authorization import grant
from registry_auth.dependency_proxy.image_owners import ImageOwners
from registry_auth.dependency_proxy.internal_tokens import InternalTokens
from registry_auth.dependency_proxy.presented_tokens import PresentedToken, PresentedTokens
from registry_auth.dependency_proxy.registry_requests import RegistryRequest
from registry_auth.dependency_proxy.routes import OnMissing, Route, route
from registry_auth.dependency_proxy.upstreams import CachedImage, cached_image
from registry_auth.errors import FeatureOffError, InsufficientScopeError
from registry_auth.logs import caller_label
from registry_auth.values import Action, Caller, Group, Scope, Service


@dataclass(frozen=True, slots=True)
class Passage:
    """What nginx needs in order to serve a request: tokens for the store and for the cache, and what to do when the store has it not."""

    store_token: str
    on_missing: OnMissing
    cached: CachedImage | None = None
    cache_token: str | None = None
    keeps_query: bool = False


@dataclass(frozen=True, slots=True)
class Gate:
    """Lets requests through to the registries behind nginx, or refuses them."""

    tokens: PresentedTokens
    owners: ImageOwners
    internal_tokens: InternalTokens
    upstreams: frozenset[str]

    def admit(self, request: RegistryRequest, authorization: str | None) -> Passage:
        """Decide on a request, of which `authorization` is the header.

        The client's token has to grant the request, and so has the credential behind it, now. Raises what PresentedTokens.read does,
        FeatureOffError when the feature is off in the group, and InsufficientScopeError.
        """
        token = self.tokens.read(authorization)
        name, source = request.name.full, request.source
        way = route(request, token.access.get(name, frozenset()))
        owners = self.owners.owners({name, source or name})
        if not _is_granted(token, owners, name, way.needed):
            raise _refusal(token.caller, owners.get(name), name, way)
        access: dict[str, tuple[Action, ...]] = {name: way.at_store}
        if source is not None and source != name and _is_granted(token, owners, source, (Action.PULL,)):
            access[source] = (Action.PULL,)
        return self._passage(token.caller, request, way, access)

    def _passage(self, caller: Caller, request: RegistryRequest, way: Route, access: Mapping[str, tuple[Action, ...]]) -> Passage:
        store_token = self.internal_tokens.for_store(caller, access)
        keeps_query = request.source in access
        cached = cached_image(request.name.image, self.upstreams)
        if way.on_missing is OnMissing.NONE or cached is None:
            return Passage(store_token, OnMissing.NONE, keeps_query=keeps_query)
        action = Action.DELETE if way.on_missing is OnMissing.EVICT else Action.PULL
        return Passage(store_token, way.on_missing, cached, self.internal_tokens.for_cache(caller, cached, action))


def _is_granted(token: PresentedToken, owners: Mapping[str, Group], name: str, actions: tuple[Action, ...]) -> bool:
    return token.access.get(name, frozenset()).issuperset(actions) and _holds(token.caller, owners.get(name), name, actions)


def _holds(caller: Caller, group: Group | None, name: str, actions: tuple[Action, ...]) -> bool:
    granted = grant(caller, Service.DEPENDENCY_PROXY, Scope("repository", name, actions), group)
    return granted is not None and granted.actions == actions


def _refusal(caller: Caller, group: Group | None, name: str, way: Route) -> FeatureOffError | InsufficientScopeError:
    who = caller_label(caller.name, caller.credential_id)
    # Only who could do it otherwise is told that it is off: others must not learn which groups there are.
    if group is not None and not group.dependency_proxy_enabled and _holds(caller, _switched_on(group), name, way.needed):
        return FeatureOffError(f"The dependency proxy is switched off in the group '{group.path}' or in one above it.", who=who)
    return InsufficientScopeError(
        f"This log-in has no right to {way.needed[-1]} here: its scopes are too few, it is not for this group, or there is no such group.",
        who=who,
    )


def _switched_on(group: Group) -> Group:
    return replace(group, dependency_proxy_enabled=True)
