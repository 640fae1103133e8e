"""Issuing for two services: which one is meant, whose rights count there, and what its tokens tell of the credential."""

from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from pydantic import SecretStr

from registry_auth.credentials.basic import Credential
from registry_auth.dependency_proxy.image_owners import ImageOwners
from registry_auth.errors import NoAbilityError, ServiceOffError, UnknownServiceError
from registry_auth.namespaces.group_lookup import GroupLookup
from registry_auth.signing import Signer
from registry_auth.token_endpoint.issuing import TokenIssuer, TokenService
from registry_auth.token_endpoint.scope_grammar import parse_scopes
from registry_auth.token_endpoint.token_request import TokenRequest
from registry_auth.values import (
    ANONYMOUS,
    DEPLOY_TOKEN_SCOPES,
    Caller,
    CallerKind,
    CredentialId,
    NamespaceKind,
    Role,
    Service,
    TokenHeader,
    TokenScope,
)
from tests.unit.installation import NOW, READ_WRITE, Installation, secret_of

REGISTRY, PROXY = "registry.example.com", "proxy.example.com"
VIRTUAL = (TokenScope.READ_VIRTUAL_REGISTRY, TokenScope.WRITE_VIRTUAL_REGISTRY)
GROUP = NamespaceKind.GROUP
LIFETIME = timedelta(minutes=15)
GOOD = "correct horse"


@pytest.fixture
def served(installation: Installation) -> Installation:
    """Give an installation with groups and projects, and a user who owns one of the groups."""
    for path in ("g/group1/p", "g/group10/p", "g/group1/sub/p", "other/p"):
        installation.project(path)
    installation.member("g/group1", installation.user("alice", password=GOOD), Role.OWNER, kind=GROUP)
    return installation


@pytest.fixture
def issuer(served: Installation) -> TokenIssuer:
    """Give an issuer whose tokens are numbered."""
    numbers = count(1)
    return TokenIssuer(
        issuer="issuer",
        services=(
            TokenService(Service.CONTAINER_REGISTRY, REGISTRY, served.projects),
            TokenService(Service.DEPENDENCY_PROXY, PROXY, ImageOwners(GroupLookup(served.database))),
        ),
        lifetime=LIFETIME,
        signer=Signer(served.keys, TokenHeader.X5C, LIFETIME, served.clock),
        clock=served.clock,
        new_token_id=lambda: f"id-{next(numbers)}",
    )


def switched_off(issuer: TokenIssuer, kind: Service = Service.DEPENDENCY_PROXY) -> TokenIssuer:
    """Give the same issuer with one of its services switched off."""
    return replace(issuer, services=tuple(replace(service, is_on=service.kind is not kind) for service in issuer.services))


def image(group: str) -> str:
    """Give the name of an image of the dependency proxy."""
    return f"{group}/dependency_proxy/containers/library/alpine"


def ask(service: str | None, *scopes: str) -> TokenRequest:
    """Give a request."""
    return TokenRequest(service, parse_scopes(scopes))


def issued_claims(installation: Installation, issuer: TokenIssuer, caller: Caller, service: str | None, *scopes: str) -> dict[str, Any]:
    """Issue a token, and give its claims."""
    return installation.claims(issuer.issue(caller, ask(service, *scopes)).text)


def log_in(installation: Installation, username: str, secret: str) -> Caller:
    """Give the caller who logs in so."""
    return installation.authentication.caller(Credential(username, SecretStr(secret)), "192.0.2.1")


def robot(installation: Installation, path: str = "g/group1", scopes: tuple[TokenScope, ...] = VIRTUAL) -> Caller:
    """Give the caller who logs in with a new deploy token of a group."""
    return log_in(installation, "robot", secret_of(installation.token(path, scopes, kind=GROUP, username="robot")))


def people(installation: Installation) -> list[Caller]:
    """Give the callers who log in as alice, by token and by password."""
    user_id = installation.users.get("alice").id
    return [log_in(installation, "alice", secret) for secret in (secret_of(installation.personal_token(user_id)), GOOD)]


@pytest.mark.parametrize(("asked", "audience"), [(None, REGISTRY), (REGISTRY, REGISTRY), (PROXY, PROXY)])
def test_token_is_for_the_service_that_was_asked_for(served: Installation, issuer: TokenIssuer, asked: str | None, audience: str) -> None:
    """Services are known by the names they were given; who names none means the container registry (D20)."""
    for caller in (ANONYMOUS, robot(served, scopes=DEPLOY_TOKEN_SCOPES), *people(served)):
        assert issued_claims(served, issuer, caller, asked)["aud"] == audience


@pytest.mark.parametrize("asked", ["other", "container_registry", "dependency_proxy", "dependency_proxy_store", PROXY.upper(), PROXY[:-1]])
def test_unknown_service_is_told_which_there_are(issuer: TokenIssuer, asked: str) -> None:
    """The list names the services that are on, in one order, by the names they were given (D19)."""
    refused = f"This server issues no tokens for the service '{asked}'. It knows: "
    for issuer_, known in ((issuer, f"{REGISTRY}, {PROXY}."), (switched_off(issuer), f"{REGISTRY}.")):
        with pytest.raises(UnknownServiceError) as refusal:
            issuer_.issue(ANONYMOUS, ask(asked))
        assert str(refusal.value) == refused + known


def test_service_that_is_off_says_so_to_everybody(served: Installation, issuer: TokenIssuer) -> None:
    """Whatever the credential can do there, it is told that the service is off; the other service goes on."""
    off = switched_off(issuer)
    callers = (ANONYMOUS, robot(served), robot(served, scopes=READ_WRITE), *people(served))
    for caller in callers:
        with pytest.raises(ServiceOffError) as refusal:
            off.issue(caller, ask(PROXY, f"repository:{image('g/group1')}:pull"))
        assert str(refusal.value) == f"The service {PROXY} is switched off in this installation."
        assert (refusal.value.status, refusal.value.code) == (404, "UNAVAILABLE")
    assert issued_claims(served, off, ANONYMOUS, None)["aud"] == REGISTRY
    with pytest.raises(ServiceOffError, match=REGISTRY):
        switched_off(issuer, Service.CONTAINER_REGISTRY).issue(ANONYMOUS, ask(None))


def test_claims_of_a_token_for_the_dependency_proxy(served: Installation, issuer: TokenIssuer) -> None:
    """They are those of every token, and name the credential by its kind and ids, besides (D29)."""
    issued = served.token("g/group1", VIRTUAL, kind=GROUP, username="robot")
    caller = log_in(served, "robot", secret_of(issued))
    start = int(NOW.timestamp())
    assert issued_claims(served, issuer, caller, PROXY, f"repository:{image('g/group1')}:pull,push") == {
        "iss": "issuer",
        "sub": "robot",
        "aud": PROXY,
        "exp": start + 900,
        "nbf": start - 30,
        "iat": start - 30,
        "jti": "id-1",
        "auth_type": "deploy_token",
        "access": [{"type": "repository", "name": image("g/group1"), "actions": ["pull", "push"]}],
        "credential": {"kind": "deploy_token", "id": issued.token.id, "secret_id": caller.secret_id},
    }


def test_only_the_dependency_proxy_learns_which_credential_it_was(served: Installation, issuer: TokenIssuer) -> None:
    """Its tokens name every kind of credential, an anonymous one has none; a registry learns no id, and nobody a secret (D29)."""
    token = served.token("g", DEPLOY_TOKEN_SCOPES, kind=GROUP, username="robot")
    alice = served.users.get("alice").id
    personal = served.personal_token(alice)
    secrets = {
        CallerKind.DEPLOY_TOKEN: ("robot", secret_of(token), token.token.id),
        CallerKind.PERSONAL_ACCESS_TOKEN: ("alice", secret_of(personal), personal.token.id),
        CallerKind.PASSWORD: ("alice", GOOD, alice),
    }
    for kind, (username, secret, id_) in secrets.items():
        caller = log_in(served, username, secret)
        claims = issued_claims(served, issuer, caller, PROXY)
        named = {"kind": str(kind), "id": id_} | ({} if kind is CallerKind.PERSONAL_ACCESS_TOKEN else {"secret_id": caller.secret_id})
        assert claims["credential"] == named
        assert caller.credential == CredentialId(kind, id_, caller.secret_id)
        assert "credential" not in issued_claims(served, issuer, caller, REGISTRY)
        assert secret not in str(claims)
        assert served.digester.digest(secret).hex() not in str(claims)
    for service in (REGISTRY, PROXY):
        assert "credential" not in issued_claims(served, issuer, ANONYMOUS, service)


def test_each_secret_of_a_rotated_token_is_told_apart(served: Installation, issuer: TokenIssuer) -> None:
    """While both secrets work, a token says with which of them it was got."""
    first = served.token("g", VIRTUAL, kind=GROUP, username="robot")
    second = served.deploy_tokens.rotate(first.token.id, overlap=timedelta(hours=1))
    named = [issued_claims(served, issuer, log_in(served, "robot", secret_of(issued)), PROXY)["credential"] for issued in (first, second)]
    assert [claim["id"] for claim in named] == [first.token.id] * 2
    assert named[0]["secret_id"] != named[1]["secret_id"]


ASKED = ["g", "g/group1", "g/group1/sub", "g/group10", "other", "missing", "g/group1/p"]
ALL, PULL = ("pull", "push", "delete"), ("pull",)


@pytest.mark.parametrize(
    ("path", "scopes", "granted"),
    [
        ("g/group1", VIRTUAL[:1], dict.fromkeys(["g/group1", "g/group1/sub"], PULL)),
        ("g/group1", VIRTUAL[1:], dict.fromkeys(["g/group1", "g/group1/sub"], ALL)),
        ("g/group1/sub", VIRTUAL, {"g/group1/sub": ALL}),
        ("g", VIRTUAL, dict.fromkeys(["g", "g/group1", "g/group1/sub", "g/group10"], ALL)),
        ("g/group10", VIRTUAL, {"g/group10": ALL}),
        ("other", DEPLOY_TOKEN_SCOPES, {"other": ALL}),
    ],
)
def test_tokens_reach_their_group_and_the_groups_below(
    served: Installation, issuer: TokenIssuer, path: str, scopes: tuple[TokenScope, ...], granted: dict[str, tuple[str, ...]]
) -> None:
    """What lies elsewhere, or is no group, is missing from the token and no error (T8, D18, D27)."""
    access = issuer.issue(
        robot(served, path, scopes), ask(PROXY, *(f"repository:{image(group)}:pull,push,delete" for group in ASKED))
    ).access
    assert {entry.name: entry.actions for entry in access} == {image(group): actions for group, actions in granted.items()}


def test_group_that_is_switched_off_is_missing_from_the_next_token(served: Installation, issuer: TokenIssuer) -> None:
    """A group is off with all its subgroups, for owners too, and on again at once."""
    asked = [f"repository:{image(group)}:pull" for group in ("g/group1", "g/group1/sub", "g/group10")]
    callers = [robot(served, "g"), *people(served)]

    def names(caller: Caller) -> list[str]:
        return [entry.name for entry in issuer.issue(caller, ask(PROXY, *asked)).access]

    before = [names(caller) for caller in callers]
    assert before == [[image("g/group1"), image("g/group1/sub"), image("g/group10")], *[[image("g/group1"), image("g/group1/sub")]] * 2]
    served.namespaces.update(GROUP, "g/group1", dependency_proxy_enabled=False)
    assert [names(caller) for caller in callers] == [[image("g/group10")], [], []]
    served.namespaces.update(GROUP, "g/group1", dependency_proxy_enabled=True)
    assert [names(caller) for caller in callers] == before


def test_names_mean_nothing_at_the_other_service(served: Installation, issuer: TokenIssuer) -> None:
    """An image of a project is none at the dependency proxy, and the other way round, for who may do everything at both."""
    root = log_in(served, "root", secret_of(served.personal_token(served.user("root", is_administrator=True))))
    asked = ["repository:g/group1/p:*", f"repository:{image('g/group1')}:*", "registry:catalog:*"]
    granted = {
        service: [(entry.type, entry.name) for entry in issuer.issue(root, ask(service, *asked)).access] for service in (REGISTRY, PROXY)
    }
    assert granted == {REGISTRY: [("repository", "g/group1/p"), ("registry", "catalog")], PROXY: [("repository", image("g/group1"))]}


def test_credential_that_counts_at_one_service_is_refused_at_the_other(served: Installation, issuer: TokenIssuer) -> None:
    """A token of a project and one without virtual scopes are refused at the dependency proxy, one with nothing else at the registry."""
    project = log_in(served, "p", secret_of(served.token("g/group1/p", DEPLOY_TOKEN_SCOPES, username="p")))
    for caller, service, sentence in (
        (project, PROXY, "one of a project"),
        (robot(served, scopes=READ_WRITE), PROXY, "has only the scopes read_registry, write_registry"),
        (robot(served, scopes=VIRTUAL), REGISTRY, "has only the scopes read_virtual_registry, write_virtual_registry"),
        (robot(served, scopes=VIRTUAL), None, "has only the scopes read_virtual_registry, write_virtual_registry"),
    ):
        with pytest.raises(NoAbilityError, match=sentence):
            issuer.issue(caller, ask(service))
    assert issuer.issue(ANONYMOUS, ask(PROXY, f"repository:{image('g/group1')}:pull")).access == ()
