"""The decision at the dependency proxy: by the group, the virtual registry's scopes and the role; never more than asked and held."""

from collections.abc import Collection
from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_auth.authorization import grant, has_ability
from registry_auth.values import (
    ANONYMOUS,
    Action,
    Caller,
    CallerKind,
    Group,
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

PROXY = Service.DEPENDENCY_PROXY
API, READ_API = TokenScope.API, TokenScope.READ_API
READ_REGISTRY, WRITE_REGISTRY = TokenScope.READ_REGISTRY, TokenScope.WRITE_REGISTRY
READ, WRITE = TokenScope.READ_VIRTUAL_REGISTRY, TokenScope.WRITE_VIRTUAL_REGISTRY
GROUP = "g/group1"
IMAGE = f"{GROUP}/dependency_proxy/containers/alpine"

# What can be asked: each action, each two of them, all in another order, and `*`, alone and beside others.
ASKED: list[tuple[str, ...]] = [
    *combinations(Action, 1),
    *combinations(Action, 2),
    ("delete", "push", "pull"),
    ("*",),
    ("delete", "*"),
    ("admin", "pull", "PUSH"),
    (),
]

# Who a token was made for, and whether that covers GROUP.
OWNERS = {
    "project in the group": (Owner(NamespaceKind.PROJECT, f"{GROUP}/p"), False),
    "project of the group's name": (Owner(NamespaceKind.PROJECT, GROUP), False),
    "project above": (Owner(NamespaceKind.PROJECT, "g"), False),
    "group": (Owner(NamespaceKind.GROUP, GROUP), True),
    "ancestor": (Owner(NamespaceKind.GROUP, "g"), True),
    "child group": (Owner(NamespaceKind.GROUP, f"{GROUP}/sub"), False),
    "group of a longer name": (Owner(NamespaceKind.GROUP, f"{GROUP}0"), False),
    "group of a shorter name": (Owner(NamespaceKind.GROUP, "g/group"), False),
    "beginning of a component": (Owner(NamespaceKind.GROUP, "g/group1/"), False),
    "sibling": (Owner(NamespaceKind.GROUP, "g/other"), False),
    "foreign": (Owner(NamespaceKind.GROUP, "group1"), False),
}

# Where a user is a member, and whether the role counts in GROUP.
PLACES = {
    "group": (GROUP, True),
    "ancestor": ("g", True),
    "child group": (f"{GROUP}/sub", False),
    "project in the group": (f"{GROUP}/p", False),
    "group of a longer name": (f"{GROUP}0", False),
    "group of a shorter name": ("g/group", False),
    "sibling": ("g/other", False),
    "foreign": ("group1", False),
}

# What a user may do with all scopes, by role.
BY_ROLE: dict[Role | str, set[str]] = {
    "none": set(),
    Role.GUEST: {"pull"},
    Role.REPORTER: {"pull"},
    Role.DEVELOPER: {"pull", "push"},
    Role.MAINTAINER: {"pull", "push", "delete"},
    Role.OWNER: {"pull", "push", "delete"},
    "administrator": {"pull", "push", "delete"},
}


def let_through(scopes: Collection[TokenScope]) -> set[str]:
    """Give what the scopes let through: writing implies reading, and the registry's own scopes count for nothing (D9 to D11)."""
    if WRITE in scopes or API in scopes:
        return {"pull", "push", "delete"}
    return {"pull"} if READ in scopes else set()


def granted_actions(caller: Caller, actions: tuple[str, ...], *, enabled: bool = True) -> tuple[str, ...]:
    """Give what the caller gets of these actions on an image of GROUP."""
    granted = grant(caller, PROXY, Scope("repository", IMAGE, actions), Group(GROUP, enabled))
    return granted.actions if granted else ()


def in_order_of_asking(actions: tuple[str, ...], held: Collection[str]) -> tuple[str, ...]:
    """Give what is granted to who holds these actions; `*` asks for all of them."""
    return tuple(action for action in (tuple(Action) if "*" in actions else actions) if action in held)


@pytest.mark.parametrize(("owner", "covers"), OWNERS.values(), ids=OWNERS)
def test_every_scope_set_of_every_owner_holds_exactly_its_actions(owner: Owner, covers: bool) -> None:
    """Tokens of the group or one above it read or write by the virtual registry's scopes alone, all others nothing (T8, S5, S21)."""
    for scopes in DEPLOY_SCOPE_SETS:
        held = let_through(scopes) if covers else set()
        for actions in ASKED:
            assert granted_actions(deploy_token(scopes, owner), actions) == in_order_of_asking(actions, held)


@pytest.mark.parametrize("role", BY_ROLE, ids=lambda role: str(getattr(role, "name", role)).lower())
def test_user_gets_what_both_role_and_scopes_allow(role: Role | str) -> None:
    """Every scope set lets through of a role what it names: members pull, developers push, maintainers delete (T8, D31, S4)."""
    for scopes in PERSONAL_SCOPE_SETS:
        caller = person(scopes, (GROUP, role)) if isinstance(role, Role) else person(scopes, is_administrator=role == "administrator")
        for actions in ASKED:
            assert granted_actions(caller, actions) == in_order_of_asking(actions, BY_ROLE[role] & let_through(scopes))


@pytest.mark.parametrize("role", Role, ids=lambda role: role.name.lower())
@pytest.mark.parametrize(("place", "counts"), PLACES.values(), ids=PLACES)
def test_membership_counts_there_and_below(place: str, counts: bool, role: Role) -> None:
    """A role counts in its group and the groups below; who belongs to a subgroup or project alone has nothing in the group (S16)."""
    caller = person({API}, (place, role))
    assert granted_actions(caller, ("*",)) == in_order_of_asking(("*",), BY_ROLE[role] if counts else ())


@pytest.mark.parametrize(
    ("memberships", "granted"),
    [
        ([("g", Role.MAINTAINER), (GROUP, Role.GUEST)], ("pull", "push", "delete")),
        ([("g", Role.GUEST), (GROUP, Role.DEVELOPER)], ("pull", "push")),
        ([(f"{GROUP}/p", Role.OWNER), (GROUP, Role.REPORTER), ("group1", Role.OWNER)], ("pull",)),
        ([(f"{GROUP}/p", Role.OWNER), (f"{GROUP}/sub", Role.OWNER)], ()),
    ],
)
def test_highest_role_counts(memberships: list[tuple[str, Role]], granted: tuple[str, ...]) -> None:
    """Of several roles on the way the highest counts, those elsewhere do not."""
    assert granted_actions(person({API}, *memberships), ("*",)) == granted


@pytest.mark.parametrize("role", Role, ids=lambda role: role.name.lower())
def test_password_can_do_what_its_user_can(role: Role) -> None:
    """A log-in with a password, which has the scope `api`, may do what the role allows (D31)."""
    password = replace(person({API}, ("g", role)), kind=CallerKind.PASSWORD)
    for actions in ASKED:
        assert granted_actions(password, actions) == in_order_of_asking(actions, BY_ROLE[role])


def test_nothing_is_public() -> None:
    """An anonymous caller may ask and gets nothing, whatever is asked (D18)."""
    assert has_ability(ANONYMOUS, PROXY)
    assert {granted_actions(ANONYMOUS, actions) for actions in ASKED} == {()}


@pytest.mark.parametrize(
    "caller",
    [
        deploy_token(frozenset(TokenScope), Owner(NamespaceKind.GROUP, GROUP)),
        person(frozenset(TokenScope), (GROUP, Role.OWNER)),
        person({API}, is_administrator=True),
    ],
    ids=["deploy token", "owner", "administrator"],
)
def test_switched_off_group_grants_nobody_anything(caller: Caller) -> None:
    """What is switched off stays so for owners and administrators too, and is on again when it is switched on."""
    assert {granted_actions(caller, actions, enabled=False) for actions in ASKED} == {()}
    assert granted_actions(caller, ("*",)) == ("pull", "push", "delete")


def test_reach_of_several_owners_adds_up() -> None:
    """One owner that covers the group is enough."""
    caller = deploy_token(frozenset({READ}), OWNERS["foreign"][0], OWNERS["project in the group"][0], OWNERS["ancestor"][0])
    assert granted_actions(caller, ("*",)) == ("pull",)


def test_ability_of_deploy_tokens_needs_a_group_and_a_virtual_scope() -> None:
    """A token of any group counts with one of the two virtual scopes, wherever that group is; one of a project never (D12, D21, D27)."""
    for owner, _ in OWNERS.values():
        able = {scopes for scopes in DEPLOY_SCOPE_SETS if has_ability(deploy_token(scopes, owner), PROXY)}
        of_a_group = owner.kind is NamespaceKind.GROUP
        assert able == {scopes for scopes in DEPLOY_SCOPE_SETS if of_a_group and scopes & {READ, WRITE}}
    assert not has_ability(deploy_token(frozenset(TokenScope)), PROXY)


def test_ability_of_users_needs_a_virtual_scope_or_api() -> None:
    """A personal access token counts with `api` or one of the two virtual scopes, whatever its user may do (D21, D31)."""
    for is_administrator in (True, False):
        able = {scopes for scopes in PERSONAL_SCOPE_SETS if has_ability(person(scopes, is_administrator=is_administrator), PROXY)}
        assert able == {scopes for scopes in PERSONAL_SCOPE_SETS if scopes & {API, READ, WRITE}}
    assert has_ability(replace(person({API}), kind=CallerKind.PASSWORD), PROXY)


@pytest.mark.parametrize(
    "scope",
    [
        Scope("registry", "catalog", ("*",)),
        Scope("registry", "catalog", ("pull", "push", "delete", "*")),
        Scope("registry", IMAGE, ("*",)),
        Scope("", "", ("*",)),
    ],
)
def test_nothing_but_images_is_granted(scope: Scope) -> None:
    """Neither the catalog nor anything else that is no repository exists there, not even for administrators (D24)."""
    for caller in (person({API}, is_administrator=True), deploy_token(frozenset(TokenScope), OWNERS["ancestor"][0])):
        for group in (None, Group(GROUP, dependency_proxy_enabled=True)):
            assert grant(caller, PROXY, scope, group) is None


@pytest.mark.parametrize(
    ("service", "owner"),
    [
        (PROXY, None),
        (PROXY, Project(GROUP, Visibility.PUBLIC)),
        (PROXY, Project(f"{GROUP}/p", Visibility.PUBLIC)),
        (Service.CONTAINER_REGISTRY, None),
        (Service.CONTAINER_REGISTRY, Group(GROUP, dependency_proxy_enabled=True)),
    ],
)
def test_owner_of_another_kind_is_none(service: Service, owner: Project | Group | None) -> None:
    """Groups own nothing at the container registry and projects nothing at the dependency proxy, not even what is public."""
    callers = (
        ANONYMOUS,
        person({API}, is_administrator=True),
        person(frozenset(TokenScope), ("g", Role.OWNER)),
        deploy_token(frozenset(TokenScope), Owner(NamespaceKind.GROUP, "g"), Owner(NamespaceKind.PROJECT, f"{GROUP}/p")),
    )
    for caller in callers:
        assert grant(caller, service, Scope("repository", IMAGE, ("*",)), owner) is None


def test_scopes_of_one_service_open_nothing_at_the_other() -> None:
    """The pairs are strangers to each other: each lets through all at its own service and nothing at the other (D11, S5)."""
    project, group = Project("g/p", Visibility.PRIVATE), Group("g", dependency_proxy_enabled=True)
    owner, image = Owner(NamespaceKind.GROUP, "g"), Scope("repository", "x", ("pull", "push"))
    for scopes, service, strange in (
        ({READ_REGISTRY, WRITE_REGISTRY}, Service.CONTAINER_REGISTRY, PROXY),
        ({READ, WRITE}, PROXY, Service.CONTAINER_REGISTRY),
    ):
        for caller in (deploy_token(frozenset(scopes), owner), person(scopes, is_administrator=True), person(scopes, ("g", Role.OWNER))):
            granted = {asked: grant(caller, asked, image, project if asked is Service.CONTAINER_REGISTRY else group) for asked in Service}
            assert granted[strange] is None
            assert granted[service] is not None
            assert not has_ability(caller, strange)


CALLERS = machines(OWNERS) | people(PLACES)
SCOPES = asked_scopes(IMAGE, "catalog", f"{GROUP}/dependency_proxy/containers/a/b", "g/P")
GROUPS = st.none() | st.builds(Group, st.sampled_from([GROUP, "g", f"{GROUP}/sub"]), st.booleans())


@given(CALLERS, SCOPES, GROUPS)
def test_granted_is_within_asked_and_held(caller: Caller, scope: Scope, group: Group | None) -> None:
    """A grant names the asked image byte for byte, with nothing that was not asked or that the scopes do not let through (S4, S14, S23)."""
    granted = grant(caller, PROXY, scope, group)
    if granted is None:
        return
    assert group is not None
    assert group.dependency_proxy_enabled
    assert has_ability(caller, PROXY)
    assert (granted.type, granted.name) == ("repository", scope.name)
    assert granted.type == scope.type
    assert granted.actions
    assert len(set(granted.actions)) == len(granted.actions)
    assert set(granted.actions) <= let_through(caller.scopes)
    assert "*" in scope.actions or set(granted.actions) <= set(scope.actions)


@given(CALLERS, SCOPES, GROUPS)
def test_more_words_never_get_more_than_all(caller: Caller, scope: Scope, group: Group | None) -> None:
    """Whatever is asked and in whatever words, nothing is granted that asking for all would not grant (S4)."""
    check_all_is_most(caller, PROXY, scope, group)


@given(CALLERS, SCOPES, GROUPS, ANY_SCOPES)
def test_scopes_only_add(caller: Caller, scope: Scope, group: Group | None, more: frozenset[TokenScope]) -> None:
    """A credential with more scopes may do at least as much, and counts at the dependency proxy if it did before (S4)."""
    check_scopes_only_add(caller, PROXY, scope, group, more)
