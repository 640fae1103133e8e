"""Groups by path, and the switch of the dependency proxy, which counts for all that is below."""

from itertools import product

import pytest

from registry_auth.namespaces.group_lookup import GroupLookup
from registry_auth.namespaces.paths import MAX_DEPTH, lineage
from registry_auth.values import Group, NamespaceKind, Visibility
from tests.unit.installation import Installation
from tests.unit.namespaces.statements import counted_statements

DEEPEST = "/".join("d" * MAX_DEPTH)
GROUP, PROJECT = NamespaceKind.GROUP, NamespaceKind.PROJECT


@pytest.fixture
def tree(installation: Installation) -> Installation:
    """Make groups at the root, in a group, and as deep as allowed, and projects."""
    installation.project("app")
    installation.project("g/p")
    installation.project("g/sub/q")
    installation.group(DEEPEST)
    return installation


def switch(tree: Installation, path: str, enabled: bool) -> None:
    """Switch the dependency proxy of a group."""
    tree.namespaces.update(GROUP, path, dependency_proxy_enabled=enabled)


def switched_on(tree: Installation, *paths: str) -> list[str]:
    """Give those of the paths that are groups in which the dependency proxy is on."""
    return [path for path, group in GroupLookup(tree.database).groups(paths).items() if group.dependency_proxy_enabled]


@pytest.mark.parametrize("path", ["g", "g/sub", "d", DEEPEST])
def test_groups_are_found_with_the_proxy_on(tree: Installation, path: str) -> None:
    """A group is given under its path; the dependency proxy is on unless somebody switched it off."""
    assert GroupLookup(tree.database).groups([path]) == {path: Group(path, dependency_proxy_enabled=True)}


@pytest.mark.parametrize(
    "path",
    [
        *("app", "g/p", "g/sub/q", "g/p/image", "g/missing", "g/sub/missing", "missing", "sub", "gg", "g-x", "g/su", "g%", "_"),
        *("", "/", "g/", "/g", "g//sub", "G", f"{DEEPEST}/d", "/".join("d" * 128)),
    ],
)
def test_other_paths_are_no_groups(tree: Installation, path: str) -> None:
    """Projects, what is below a group without being one, and paths that are written otherwise are left out."""
    assert GroupLookup(tree.database).groups([path]) == {}


def test_deleted_group_is_none(tree: Installation) -> None:
    """A reserved path leads to nothing."""
    tree.namespaces.delete(GROUP, "g", recursive=True)
    assert GroupLookup(tree.database).groups(["g", "g/sub"]) == {}


@pytest.mark.parametrize("switches", [*product([True, False], repeat=3)], ids=str)
def test_proxy_is_on_where_all_groups_above_have_it_on(installation: Installation, switches: tuple[bool, ...]) -> None:
    """Every combination over three levels: what is off in a group is off in all below, however those are switched."""
    way = lineage("a/b/c")
    installation.group(way[-1])
    for path, enabled in zip(way, switches, strict=True):
        switch(installation, path, enabled)
    for depth, path in enumerate(way, start=1):
        assert switched_on(installation, path) == ([path] if all(switches[:depth]) else [])


def test_switch_counts_below_and_nowhere_else(tree: Installation) -> None:
    """Groups above, beside, and with a similar name stay as they are, and switching on again gives back what was."""
    for path in ("g/sub/deep", "g/sub-x", "g/subx/deep"):
        tree.group(path, Visibility.PRIVATE)
    asked = ("g", "g/sub", "g/sub/deep", "g/sub-x", "g/subx", "g/subx/deep", "d")
    switch(tree, "g/sub", enabled=False)
    assert switched_on(tree, *asked) == ["g", "g/sub-x", "g/subx", "g/subx/deep", "d"]
    switch(tree, "g/sub", enabled=True)
    assert switched_on(tree, *asked) == [*asked]


def test_new_groups_are_below_the_switch(tree: Installation) -> None:
    """A group that is made after the switch is below it too."""
    switch(tree, "g", enabled=False)
    tree.group("g/new", Visibility.PRIVATE)
    assert tree.namespaces.get(GROUP, "g/new").dependency_proxy_enabled
    assert switched_on(tree, "g/new", "g/sub", "d") == ["d"]


def test_many_groups_take_one_statement(tree: Installation) -> None:
    """All groups of a request are looked up at once, up to the most and deepest that can be asked for."""
    lookup = GroupLookup(tree.database)
    paths = [*lineage(DEEPEST), *("/".join([f"{number:03}", *"a" * (MAX_DEPTH - 1)]) for number in range(256 - MAX_DEPTH))]
    with counted_statements(tree.database) as statements:
        assert lookup.groups(paths).keys() == set(lineage(DEEPEST))
    assert len(statements) == 1


@pytest.mark.parametrize("paths", [[], [f"{DEEPEST}/d"]])
def test_nothing_to_look_for_is_nothing_read(installation: Installation, paths: list[str]) -> None:
    """Without a path that a group may have, the database is not touched."""
    lookup = GroupLookup(installation.database)
    installation.store.take_away()
    with counted_statements(installation.database) as statements:
        assert lookup.groups(paths) == {}
    assert statements == []
