"""Good credentials without any ability at a service: who is refused, and with which words."""

import re

import pytest

from registry_auth.errors import NoAbilityError
from registry_auth.token_endpoint.abilities import check_ability
from registry_auth.values import ANONYMOUS, Caller, CallerKind, NamespaceKind, Owner, Person, Service, TokenScope

REGISTRY, PROXY = Service.CONTAINER_REGISTRY, Service.DEPENDENCY_PROXY
API, READ_API, READ_REPOSITORY = TokenScope.API, TokenScope.READ_API, TokenScope.READ_REPOSITORY
READ, WRITE = TokenScope.READ_REGISTRY, TokenScope.WRITE_REGISTRY
READ_VIRTUAL, WRITE_VIRTUAL = TokenScope.READ_VIRTUAL_REGISTRY, TokenScope.WRITE_VIRTUAL_REGISTRY
OF_PROJECT, OF_GROUP = Owner(NamespaceKind.PROJECT, "team-a/secret-app"), Owner(NamespaceKind.GROUP, "team-a")

REGISTRY_NEEDS = "The container registry needs read_registry to pull, and write_registry with it to push"
PROXY_NEEDS = "The dependency proxy needs read_virtual_registry to pull, write_virtual_registry to pull, push and delete"
OR_API = "; or api for all that its user may do"
OF_A_PROJECT = (
    "This deploy token is one of a project. The dependency proxy belongs to groups: "
    "it takes deploy tokens of the group itself or of a group above it."
)


def deploy_token(owner: Owner, *scopes: TokenScope) -> Caller:
    """Give the caller who showed a deploy token."""
    return Caller(CallerKind.DEPLOY_TOKEN, "robot", 7, frozenset({owner}), frozenset(scopes), secret_id=9)


def personal_token(*scopes: TokenScope) -> Caller:
    """Give the caller who showed a personal access token."""
    return Caller(CallerKind.PERSONAL_ACCESS_TOKEN, "alice", 7, scopes=frozenset(scopes), person=Person(1, is_administrator=True))


@pytest.mark.parametrize(
    ("caller", "service", "sentence"),
    [
        (deploy_token(OF_PROJECT, READ_REPOSITORY), REGISTRY, f"This deploy token has only the scope read_repository. {REGISTRY_NEEDS}."),
        (
            deploy_token(OF_GROUP, WRITE_VIRTUAL, READ_VIRTUAL),
            REGISTRY,
            f"This deploy token has only the scopes read_virtual_registry, write_virtual_registry. {REGISTRY_NEEDS}.",
        ),
        (
            deploy_token(OF_PROJECT, READ_VIRTUAL),
            REGISTRY,
            f"This deploy token has only the scope read_virtual_registry. {REGISTRY_NEEDS}.",
        ),
        (
            deploy_token(OF_GROUP, WRITE, READ),
            PROXY,
            f"This deploy token has only the scopes read_registry, write_registry. {PROXY_NEEDS}.",
        ),
        (deploy_token(OF_GROUP, READ_REPOSITORY), PROXY, f"This deploy token has only the scope read_repository. {PROXY_NEEDS}."),
        (deploy_token(OF_PROJECT, READ_VIRTUAL, WRITE_VIRTUAL), PROXY, OF_A_PROJECT),
        (deploy_token(OF_PROJECT, READ, WRITE), PROXY, OF_A_PROJECT),
        (deploy_token(OF_PROJECT, READ_REPOSITORY), PROXY, OF_A_PROJECT),
        (personal_token(READ_API), REGISTRY, f"This personal access token has only the scope read_api. {REGISTRY_NEEDS}{OR_API}."),
        (
            personal_token(WRITE, READ_API, READ),
            PROXY,
            f"This personal access token has only the scopes read_api, read_registry, write_registry. {PROXY_NEEDS}{OR_API}.",
        ),
    ],
)
def test_refusal_says_what_the_credential_has_and_lacks(caller: Caller, service: Service, sentence: str) -> None:
    """Scopes come in the order in which they are listed everywhere; a project's token learns why, and no path of anything (D12, D21)."""
    with pytest.raises(NoAbilityError) as refusal:
        check_ability(caller, service)
    assert str(refusal.value) == sentence
    assert (refusal.value.status, refusal.value.code) == (403, "DENIED")
    assert refusal.value.who == f"caller='{caller.name}' credential=7"
    assert "team-a" not in sentence
    assert re.fullmatch(r"[ !#-\[\]-~]+", sentence), "RFC 6749 section 5.2: printable ASCII without quotes and backslashes"


@pytest.mark.parametrize(
    ("caller", "services"),
    [
        (ANONYMOUS, [REGISTRY, PROXY]),
        (personal_token(API), [REGISTRY, PROXY]),
        (Caller(CallerKind.PASSWORD, "alice", 1, scopes=frozenset({API}), person=Person(1)), [REGISTRY, PROXY]),
        (personal_token(READ), [REGISTRY]),
        (personal_token(READ_VIRTUAL), [PROXY]),
        (deploy_token(OF_PROJECT, WRITE), [REGISTRY]),
        (deploy_token(OF_PROJECT, *TokenScope), [REGISTRY]),
        (deploy_token(OF_GROUP, READ), [REGISTRY]),
        (deploy_token(OF_GROUP, READ_VIRTUAL), [PROXY]),
        (deploy_token(OF_GROUP, WRITE_VIRTUAL), [PROXY]),
        (deploy_token(OF_GROUP, WRITE, READ_VIRTUAL), [REGISTRY, PROXY]),
    ],
)
def test_one_scope_of_the_service_is_enough_to_ask(caller: Caller, services: list[Service]) -> None:
    """Who holds anything that counts there, or nothing at all as an anonymous caller, may ask; the others may not (D18, D21)."""
    for service in Service:
        if service in services:
            check_ability(caller, service)
        else:
            with pytest.raises(NoAbilityError):
                check_ability(caller, service)
