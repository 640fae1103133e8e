"""The decision: granted is always a subset of asked and of held."""

from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_auth.authorization import grant, has_ability
from registry_auth.values import (
    ANONYMOUS,
    DEPLOY_TOKEN_SCOPES,
    Action,
    Caller,
    CallerKind,
    NamespaceKind,
    Owner,
    Project,
    Role,
    Scope,
    Service,
    TokenScope,
    Visibility,
)
from tests.unit.authorization.callers import (
    ANY_SCOPES,
    DEPLOY_SCOPE_SETS,
    PERSONAL_SCOPE_SETS,
    asked_scopes,
    check_all_is_most,
    check_scopes_only_add,
    deploy_token,
    machines,
    people,
    person,
)

REGISTRY = Service.CONTAINER_REGISTRY
API, READ_API = TokenScope.API, TokenScope.READ_API
READ, WRITE = TokenScope.READ_REGISTRY, TokenScope.WRITE_REGISTRY
VIRTUAL = (TokenScope.READ_VIRTUAL_REGISTRY, TokenScope.WRITE_VIRTUAL_REGISTRY)
PROJECT = "g/h/p"


# Who the token was made for, and whether that covers PROJECT.
OWNERS = {
    "project": (Owner(NamespaceKind.PROJECT, "g/h/p"), True),
    "group": (Owner(NamespaceKind.GROUP, "g/h"), True),
    "ancestor": (Owner(NamespaceKind.GROUP, "g"), True),
    "child project": (Owner(NamespaceKind.PROJECT, "g/h/p/q"), False),
    "child group": (Owner(NamespaceKind.GROUP, "g/h/i"), False),
    "sibling project": (Owner(NamespaceKind.PROJECT, "g/h/px"), False),
    "sibling group": (Owner(NamespaceKind.GROUP, "g/hx"), False),
    "foreign": (Owner(NamespaceKind.GROUP, "other"), False),
}

# Where a user is a member, and whether the role counts at PROJECT.
PLACES = {
    "project": ("g/h/p", True),
    "parent group": ("g/h", True),
    "ancestor": ("g", True),
    "child": ("g/h/p/q", False),
    "sibling project": ("g/h/q", False),
    "sibling group": ("g/i", False),
    "project of a similar name": ("g/h/px", False),
    "group of a similar name": ("g/hx", False),
    "ancestor of a similar name": ("gg", False),
    "beginning of a component": ("g/h/", False),
    "foreign": ("other", False),
}


MACHINES = machines(OWNERS)
CALLERS = MACHINES | people(PLACES)
SCOPES = asked_scopes(PROJECT, "g/h/p/image", "catalog", "g/h/P")
PROJECTS = st.none() | st.builds(Project, st.just(PROJECT), st.sampled_from(Visibility))


def granted_actions(caller: Caller, actions: tuple[str, ...], visibility: Visibility) -> tuple[str, ...]:
    """Give what the caller gets of these actions on PROJECT."""
    granted = grant(caller, REGISTRY, Scope("repository", PROJECT, actions), Project(PROJECT, visibility))
    return granted.actions if granted else ()


@pytest.mark.parametrize("visibility", Visibility)
@pytest.mark.parametrize(("owner", "covers"), OWNERS.values(), ids=OWNERS)
def test_every_scope_set_of_every_owner_holds_exactly_its_actions(owner: Owner, covers: bool, visibility: Visibility) -> None:
    """Whatever else a token holds: read pulls, read with write pushes, both only within reach; the public may pull (D1, D2, S4, S5)."""
    for scopes in DEPLOY_SCOPE_SETS:
        held = set()
        if visibility is Visibility.PUBLIC or (covers and READ in scopes):
            held.add("pull")
        if covers and {READ, WRITE} <= scopes:
            held.add("push")
        for actions in (("pull",), ("push",), ("delete",), ("pull", "push"), ("delete", "push", "pull"), ("*",)):
            asked = {"pull", "push", "delete"} if "*" in actions else set(actions)
            assert set(granted_actions(deploy_token(scopes, owner), actions, visibility)) == asked & held


@given(CALLERS, SCOPES, PROJECTS)
def test_grant_never_exceeds_what_was_asked(caller: Caller, scope: Scope, project: Project | None) -> None:
    """A grant names the asked resource byte for byte and no action that was not asked, none twice (S14, S23)."""
    granted = grant(caller, REGISTRY, scope, project)
    if granted is None:
        return
    assert (granted.type, granted.name) == (scope.type, scope.name)
    assert granted.actions
    assert len(set(granted.actions)) == len(granted.actions)
    if granted.type == "registry":
        assert (granted.name, granted.actions) == ("catalog", ("*",))
        assert "*" in scope.actions
        return
    assert project is not None
    assert granted.type == "repository"
    assert set(granted.actions) <= {"pull", "push", "delete"}
    assert "*" in scope.actions or set(granted.actions) <= set(scope.actions)


@given(MACHINES, SCOPES, PROJECTS)
def test_deploy_tokens_and_anonymous_only_pull_and_push(caller: Caller, scope: Scope, project: Project | None) -> None:
    """Neither deletes an image, nor is granted anything but a repository that a project owns (S14, S23)."""
    granted = grant(caller, REGISTRY, scope, project)
    if granted is None:
        return
    assert project is not None
    assert granted.type == "repository"
    assert set(granted.actions) <= {"pull", "push"}


@given(CALLERS, SCOPES, PROJECTS)
def test_grant_never_exceeds_what_is_held(caller: Caller, scope: Scope, project: Project | None) -> None:
    """Whatever is asked and in whatever words, nothing is granted that asking for all would not grant (S4)."""
    check_all_is_most(caller, REGISTRY, scope, project)


@given(CALLERS, SCOPES, PROJECTS, ANY_SCOPES)
def test_scopes_only_add(caller: Caller, scope: Scope, project: Project | None, more: frozenset[TokenScope]) -> None:
    """A credential with more scopes may do at least as much, and counts at the registry if it did before (S4)."""
    check_scopes_only_add(caller, REGISTRY, scope, project, more)


@given(MACHINES, SCOPES)
def test_internal_is_private_for_who_is_no_user(caller: Caller, scope: Scope) -> None:
    """Deploy tokens and anonymous callers gain nothing from internal visibility (D2)."""
    private, internal = (
        grant(caller, REGISTRY, scope, Project(PROJECT, visibility)) for visibility in (Visibility.PRIVATE, Visibility.INTERNAL)
    )
    assert private == internal


@given(CALLERS, SCOPES, PROJECTS)
def test_more_scopes_never_take_a_right_away(caller: Caller, scope: Scope, project: Project | None) -> None:
    """Every credential may do at least what an anonymous caller may (D1, D2)."""
    anonymous, known = grant(ANONYMOUS, REGISTRY, scope, project), grant(caller, REGISTRY, scope, project)
    assert anonymous is None or (known is not None and set(anonymous.actions) <= set(known.actions))


@pytest.mark.parametrize(
    ("actions", "granted"),
    [
        (("push", "pull"), ("push", "pull")),
        (("pull", "push"), ("pull", "push")),
        (("delete", "push"), ("push",)),
        (("*",), ("pull", "push")),
        (("push", "*"), ("pull", "push")),
        (("delete",), ()),
        (("destroy", "pull"), ("pull",)),
    ],
)
def test_actions_come_in_the_order_of_asking(actions: tuple[str, ...], granted: tuple[str, ...]) -> None:
    """The order is the asker's; `*` is spelled out and never echoed (D24)."""
    caller = deploy_token(frozenset({READ, WRITE}), OWNERS["project"][0])
    assert granted_actions(caller, actions, Visibility.PRIVATE) == granted


@pytest.mark.parametrize(("visibility", "granted"), [("private", ()), ("internal", ()), ("public", ("pull",))])
def test_anonymous_pulls_what_is_public(visibility: str, granted: tuple[str, ...]) -> None:
    """Without a credential only public projects can be pulled, and nothing can be pushed (S6)."""
    assert granted_actions(ANONYMOUS, tuple(Action), Visibility(visibility)) == granted


def test_reach_of_several_owners_adds_up() -> None:
    """A caller who reaches several owners may act in each of them."""
    caller = deploy_token(frozenset({READ}), OWNERS["foreign"][0], OWNERS["project"][0])
    assert granted_actions(caller, ("pull",), Visibility.PRIVATE) == ("pull",)


@pytest.mark.parametrize("scopes", DEPLOY_SCOPE_SETS, ids=lambda scopes: "+".join(sorted(scopes)) or "none")
def test_ability_needs_a_registry_scope(scopes: frozenset[TokenScope]) -> None:
    """A deploy token counts at the container registry when it holds at least one of its two scopes (D11, D21)."""
    assert has_ability(deploy_token(scopes), REGISTRY) is bool(scopes & {READ, WRITE})


def test_ability_of_users_needs_a_registry_scope_or_api() -> None:
    """A personal access token counts at the container registry with `api` or one of the two registry scopes (D11, D21, D31)."""
    able = {scopes for scopes in PERSONAL_SCOPE_SETS if has_ability(person(scopes), REGISTRY)}
    assert able == {scopes for scopes in PERSONAL_SCOPE_SETS if scopes & {API, READ, WRITE}}


def test_anonymous_has_ability() -> None:
    """Anonymous callers may ask, within what is public."""
    assert has_ability(ANONYMOUS, REGISTRY)


# What a user may do with all scopes, by role: on a private, an internal, a public project.
BY_ROLE: dict[Role | str, tuple[str, str, str]] = {
    "none": ("", "pull", "pull"),
    Role.GUEST: ("", "pull", "pull"),
    Role.REPORTER: ("pull", "pull", "pull"),
    Role.DEVELOPER: ("pull push", "pull push", "pull push"),
    Role.MAINTAINER: ("pull push delete",) * 3,
    Role.OWNER: ("pull push delete",) * 3,
    "administrator": ("pull push delete",) * 3,
}

# What the scopes of a credential let through of that.
LET_THROUGH: dict[tuple[TokenScope, ...], str] = {
    (API,): "pull push delete",
    (API, READ_API, READ, WRITE, *VIRTUAL): "pull push delete",
    (API, WRITE): "pull push delete",
    (READ, WRITE): "pull push",
    (READ,): "pull",
    (READ, READ_API, *VIRTUAL): "pull",
    (WRITE,): "",
    (WRITE, READ_API): "",
    (READ_API,): "",
    VIRTUAL: "",
    (): "",
}


@pytest.mark.parametrize("scopes", LET_THROUGH, ids=lambda scopes: "+".join(scopes) or "none")
@pytest.mark.parametrize("visibility", Visibility)
@pytest.mark.parametrize("role", BY_ROLE, ids=lambda role: str(getattr(role, "name", role)).lower())
def test_user_gets_what_both_role_and_scopes_allow(role: Role | str, visibility: Visibility, scopes: tuple[TokenScope, ...]) -> None:
    """A user's credential holds what the role gives as far as its scopes let it through, and the public may pull (D1, D31, S4)."""
    caller = person(scopes, (PROJECT, role)) if isinstance(role, Role) else person(scopes, is_administrator=role == "administrator")
    held = set(BY_ROLE[role][visibility.rank].split()) & set(LET_THROUGH[scopes].split())
    if visibility is Visibility.PUBLIC:
        held.add("pull")
    for actions in (*combinations(Action, 1), *combinations(Action, 2), ("delete", "push", "pull"), ("*",), ("delete", "*")):
        asked = tuple(Action) if "*" in actions else actions
        assert granted_actions(caller, actions, visibility) == tuple(action for action in asked if action in held)


@pytest.mark.parametrize(("place", "counts"), PLACES.values(), ids=PLACES)
def test_membership_counts_there_and_below(place: str, counts: bool) -> None:
    """A role counts in its project or group and in all that is below, by whole components; never upward or sideways (S16)."""
    for role, rights in ((Role.REPORTER, ("pull",)), (Role.DEVELOPER, ("pull", "push")), (Role.OWNER, ("pull", "push", "delete"))):
        assert granted_actions(person({API}, (place, role)), ("*",), Visibility.PRIVATE) == (rights if counts else ())


@pytest.mark.parametrize(
    ("memberships", "granted"),
    [
        ([("g", Role.MAINTAINER), (PROJECT, Role.GUEST)], ("pull", "push", "delete")),
        ([("g", Role.GUEST), (PROJECT, Role.DEVELOPER)], ("pull", "push")),
        ([("g", Role.REPORTER), ("g/h", Role.DEVELOPER), (PROJECT, Role.REPORTER)], ("pull", "push")),
        ([("g/hx", Role.OWNER), ("g/h", Role.REPORTER), ("other", Role.OWNER)], ("pull",)),
        ([("g/h/q", Role.OWNER), ("g/h/p/q", Role.OWNER)], ()),
    ],
)
def test_highest_role_counts(memberships: list[tuple[str, Role]], granted: tuple[str, ...]) -> None:
    """Of several roles on the way the highest counts, wherever it was given; those elsewhere do not."""
    assert granted_actions(person({API}, *memberships), ("*",), Visibility.PRIVATE) == granted


def test_password_can_do_what_its_user_can() -> None:
    """A log-in with a password, which has the scope `api`, may do the same as a personal access token with `api` (D31)."""
    token = person({API}, ("g", Role.DEVELOPER))
    password = replace(token, kind=CallerKind.PASSWORD)
    for visibility in Visibility:
        assert granted_actions(password, ("*",), visibility) == granted_actions(token, ("*",), visibility) == ("pull", "push")


@pytest.mark.parametrize("scopes", PERSONAL_SCOPE_SETS, ids=lambda scopes: "+".join(sorted(scopes)) or "none")
def test_catalog_is_for_administrators_who_may_read(scopes: frozenset[TokenScope]) -> None:
    """The list of all repositories needs an administrator with `api` or `read_registry`; `*` is the literal grant there (D24)."""
    catalog = Scope("registry", "catalog", ("*",))
    granted = grant(person(scopes, is_administrator=True), REGISTRY, catalog, None)
    assert (granted is not None) is bool(scopes & {API, READ})
    assert granted is None or (granted.type, granted.name, granted.actions) == ("registry", "catalog", ("*",))


@pytest.mark.parametrize(
    "caller",
    [
        ANONYMOUS,
        deploy_token(frozenset(DEPLOY_TOKEN_SCOPES), Owner(NamespaceKind.GROUP, "g")),
        deploy_token(frozenset(TokenScope), Owner(NamespaceKind.GROUP, "g")),
        person({API}),
        person({API}, ("g", Role.OWNER), ("catalog", Role.OWNER)),
    ],
    ids=["anonymous", "deploy token", "deploy token with api", "user", "owner"],
)
def test_catalog_is_for_nobody_else(caller: Caller) -> None:
    """Neither a deploy token nor an owner of everything lists the repositories of all (D24)."""
    assert grant(caller, REGISTRY, Scope("registry", "catalog", ("*",)), None) is None


@pytest.mark.parametrize(
    ("scope", "granted"),
    [
        (Scope("registry", "catalog", ("pull", "*")), ("*",)),
        (Scope("registry", "catalog", ("pull",)), None),
        (Scope("registry", "catalog", ("pull", "push", "delete")), None),
        (Scope("registry", "catalog", ()), None),
        (Scope("registry", "statistics", ("*",)), None),
        (Scope("registry", "background-migrations", ("*",)), None),
        (Scope("registry", PROJECT, ("*",)), None),
        (Scope("registry", "catalog/x", ("*",)), None),
        (Scope("registry", "Catalog", ("*",)), None),
        (Scope("Registry", "catalog", ("*",)), None),
        (Scope("repository", "catalog", ("*",)), None),
        (Scope("", "", ("*",)), None),
    ],
)
def test_registry_scopes_are_taken_literally(scope: Scope, granted: tuple[str, ...] | None) -> None:
    """Even an administrator is granted `registry:catalog:*` and no other word, name or type without a project (D24, S14)."""
    answer = grant(person({API}, is_administrator=True), REGISTRY, scope, None)
    assert (None if answer is None else answer.actions) == granted


def test_repository_named_catalog_is_a_repository() -> None:
    """A project may have that name; its images are granted like any others, with `*` spelled out."""
    images = Scope("repository", "catalog", ("*",))
    answer = grant(person({API}, ("catalog", Role.DEVELOPER)), REGISTRY, images, Project("catalog", Visibility.PRIVATE))
    assert answer is not None
    assert answer.actions == ("pull", "push")
