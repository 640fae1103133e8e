"""Values: what an owner covers, and the order of visibilities."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_auth.values import (
    DEPLOY_TOKEN_SCOPES,
    PERSONAL_ACCESS_TOKEN_SCOPES,
    Membership,
    NamespaceKind,
    Owner,
    Role,
    TokenScope,
    Visibility,
)

COMPONENTS = st.sampled_from(["a", "b", "a-b", "a.b", "group1", "group10"])
PATHS = st.lists(COMPONENTS, min_size=1, max_size=4).map("/".join)


@given(PATHS, PATHS)
def test_group_covers_what_is_below_by_whole_components(group: str, project: str) -> None:
    """A group covers exactly the projects whose path continues the group's, component by component."""
    group_parts, project_parts = group.split("/"), project.split("/")
    below = len(project_parts) > len(group_parts) and project_parts[: len(group_parts)] == group_parts
    assert Owner(NamespaceKind.GROUP, group).covers(project) is below


@given(PATHS, PATHS)
def test_project_covers_itself_only(owner: str, project: str) -> None:
    """A project covers nothing but itself."""
    assert Owner(NamespaceKind.PROJECT, owner).covers(project) is (owner == project)


@pytest.mark.parametrize("other", ["group10/x", "group1", "group", "x/group1/p", "group1-a/x", "group1.x"])
def test_similar_names_are_not_covered(other: str) -> None:
    """No group covers a path that merely begins or ends with its name (S16)."""
    assert not Owner(NamespaceKind.GROUP, "group1").covers(other)


def test_visibilities_rise_from_private_to_public() -> None:
    """Ranks compare visibilities."""
    assert Visibility.PRIVATE.rank < Visibility.INTERNAL.rank < Visibility.PUBLIC.rank


@given(PATHS, PATHS)
def test_membership_covers_its_path_and_what_is_below(place: str, path: str) -> None:
    """A role counts at its own path and at all that continue it, component by component."""
    place_parts = place.split("/")
    assert Membership(place, Role.GUEST).covers(path) is (path.split("/")[: len(place_parts)] == place_parts)


def test_each_kind_of_token_has_its_scopes() -> None:
    """Deploy tokens never hold the scopes of users, users none of repositories and packages; each in the one order."""
    assert set(TokenScope) - set(DEPLOY_TOKEN_SCOPES) == {"api", "read_api"}
    assert set(TokenScope) - set(PERSONAL_ACCESS_TOKEN_SCOPES) == {"read_repository", "read_package_registry", "write_package_registry"}
    for scopes in (DEPLOY_TOKEN_SCOPES, PERSONAL_ACCESS_TOKEN_SCOPES):
        assert TokenScope.in_order(reversed(scopes)) == scopes
