"""Values: what an owner covers, and the order of visibilities."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_auth.values import NamespaceKind, Owner, Visibility

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
