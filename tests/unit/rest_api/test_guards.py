"""Guards by themselves: who comes in, and how a group or project is found by number or path."""

from collections.abc import Callable
from functools import partial

import pytest

from registry_auth.rest_api.errors import InsufficientScopeError, RefusedError
from registry_auth.rest_api.guards import (
    ADMINISTRATOR,
    ANYBODY,
    SIGNED_IN,
    Guard,
    check_token_scope,
    person,
    visible_namespace,
    who_has,
    who_sees,
)
from registry_auth.values import ANONYMOUS, Caller, CallerKind, Membership, NamespaceKind, Person, Role, TokenScope, Visibility
from tests.unit.installation import Installation

GROUP, PROJECT = NamespaceKind.GROUP, NamespaceKind.PROJECT


def caller(*memberships: tuple[str, Role], is_administrator: bool = False, scopes: frozenset[TokenScope] | None = None) -> Caller:
    """Give somebody with these memberships."""
    person = Person(1, is_administrator, frozenset(Membership(path, role) for path, role in memberships))
    return Caller(CallerKind.PERSONAL_ACCESS_TOKEN, "somebody", 1, scopes=scopes or frozenset({TokenScope.API}), person=person)


def refusal(ask: Callable[[], object]) -> int | None:
    """Give the status of a refusal, with which its sentence begins, or None for somebody who is let in."""
    try:
        ask()
    except RefusedError as error:
        return error.status if str(error).startswith(f"{error.status} ") else 0
    return None


SOMEBODY, CHIEF = caller(), caller(is_administrator=True)
# A deploy token never gets as far as a guard; if it did, it would be nobody.
DEPLOY_TOKEN = Caller(CallerKind.DEPLOY_TOKEN, "robot", 1, scopes=frozenset({TokenScope.API}))


@pytest.mark.parametrize(
    ("guard", "who", "status"),
    [
        *((ANYBODY, who, None) for who in (ANONYMOUS, SOMEBODY, CHIEF, DEPLOY_TOKEN)),
        *((SIGNED_IN, who, 401) for who in (ANONYMOUS, DEPLOY_TOKEN)),
        *((SIGNED_IN, who, None) for who in (SOMEBODY, CHIEF)),
        *((ADMINISTRATOR, who, 401) for who in (ANONYMOUS, DEPLOY_TOKEN)),
        (ADMINISTRATOR, SOMEBODY, 403),
        (ADMINISTRATOR, caller(("g", Role.OWNER)), 403),
        (ADMINISTRATOR, CHIEF, None),
    ],
)
def test_who_comes_in_at_all(guard: Guard, who: Caller, status: int | None) -> None:
    """Without a group or project the guard asks for a person, or for an administrator."""
    assert refusal(lambda: guard.check(who)) == status


@pytest.mark.parametrize(
    ("scopes", "reads", "changes"),
    [
        ({TokenScope.API}, True, True),
        ({TokenScope.READ_API}, True, False),
        ({TokenScope.READ_API, TokenScope.API}, True, True),
        *(({scope}, False, False) for scope in TokenScope if scope not in {TokenScope.API, TokenScope.READ_API}),
    ],
)
def test_which_scopes_are_for_the_api(scopes: set[TokenScope], reads: bool, changes: bool) -> None:
    """`api` does all, `read_api` reads, every other scope does nothing here."""
    who = caller(scopes=frozenset(scopes))
    for may, is_change in ((reads, False), (changes, True)):
        if may:
            check_token_scope(who, changes=is_change)
        else:
            with pytest.raises(InsufficientScopeError) as raised:
                check_token_scope(who, changes=is_change)
            assert raised.value.needed == ("api" if is_change else "read_api")
    check_token_scope(ANONYMOUS, changes=True)


def test_nobody_is_no_person() -> None:
    """Who has not logged in is told how to."""
    with pytest.raises(RefusedError, match=r"^401 .*PRIVATE-TOKEN"):
        person(ANONYMOUS)


def test_guards_without_a_place_admit_to_none(installation: Installation) -> None:
    """A declaration that mixes things up fails, instead of letting everybody in."""
    with pytest.raises(TypeError, match="no group or project"):
        ANYBODY.admit(CHIEF, installation.namespaces, "1")


def test_groups_and_projects_are_found_by_number_or_path(installation: Installation) -> None:
    """The number and the whole path lead to one of the right kind alone; nothing else leads anywhere."""
    installation.project("g/app", Visibility.PUBLIC)
    installation.project("7", Visibility.PUBLIC)
    group, project, numeric = (
        installation.namespaces.get(kind, path).id for kind, path in ((GROUP, "g"), (PROJECT, "g/app"), (PROJECT, "7"))
    )
    found = {(GROUP, "g"): group, (GROUP, str(group)): group, (GROUP, f"00{group}"): group}
    found |= {(PROJECT, "g/app"): project, (PROJECT, str(project)): project, (PROJECT, str(numeric)): numeric}
    for (kind, text), id_ in found.items():
        assert visible_namespace(ANONYMOUS, installation.namespaces, kind, text).id == id_
    missing = [(GROUP, "g/app"), (GROUP, str(project)), (PROJECT, "g"), (PROJECT, str(group)), (PROJECT, "app"), (PROJECT, "7")]
    texts = [
        "",
        "G",
        "g/",
        "/g",
        "g//app",
        "g/../g",
        ".",
        "%67",
        "g%2Fapp",
        "0",
        "-1",
        "+1",
        "1.0",
        " 1",
        "\u0661",
        "9" * 18,
        "9" * 19,
        "9" * 5000,
    ]
    texts += ["g\0", "\udcff", "é", "g/app/x", "*", "g' OR 1=1 --"]
    missing += [(kind, text) for kind in NamespaceKind for text in texts]
    for kind, text in missing:
        with pytest.raises(RefusedError, match=f"^404 {kind.capitalize()} Not Found$"):
            visible_namespace(CHIEF, installation.namespaces, kind, text)


@pytest.mark.parametrize("visibility", Visibility)
def test_what_is_seen_is_admitted_to_by_role(installation: Installation, visibility: Visibility) -> None:
    """First who may know of it, then who has logged in, then who has the role."""
    installation.group("g", visibility)
    outsider = None if visibility is Visibility.PUBLIC else 404
    stranger = 404 if visibility is Visibility.PRIVATE else None
    developer, owner, neighbour = caller(("g", Role.DEVELOPER)), caller(("g", Role.OWNER)), caller(("g1", Role.OWNER))
    below = caller(("g/sub/app", Role.OWNER))
    for guard, statuses in (
        (who_sees(GROUP), [outsider, stranger, stranger, None, None, None, None]),
        (who_sees(GROUP, signed_in=True), [outsider or 401, stranger, stranger, None, None, None, None]),
        (who_has(Role.MAINTAINER, GROUP), [outsider or 403, stranger or 403, stranger or 403, 403, 403, None, None]),
    ):
        for who, status in zip((ANONYMOUS, SOMEBODY, neighbour, below, developer, owner, CHIEF), statuses, strict=True):
            guard.check(who)
            assert refusal(partial(guard.admit, who, installation.namespaces, "g")) == status


def test_guards_say_in_words_who_comes_in() -> None:
    """The words of a guard, which the description shows, name kind and role."""
    assert who_has(Role.MAINTAINER, PROJECT).who == "Maintainers and above of the project, and administrators."
    assert who_has(Role.OWNER, GROUP).who == "Owners of the group, and administrators."
    assert "without logging in" in who_sees(GROUP).who
    assert who_sees(PROJECT, signed_in=True).who == "Every user who sees the project."
