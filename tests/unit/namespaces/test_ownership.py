"""Ownership: the project on the way of an image path, at any depth above the image."""

import pytest

from registry_auth.namespaces.paths import MAX_DEPTH
from registry_auth.values import Project, Visibility
from tests.unit.installation import Installation
from tests.unit.namespaces.statements import counted_statements

DEEPEST = "/".join("d" * MAX_DEPTH)


@pytest.fixture
def tree(installation: Installation) -> Installation:
    """Make projects at the root, in a group, in a subgroup, and as deep as allowed."""
    for path in ("app", "g/p", "g/sub/q", DEEPEST):
        installation.project(path, Visibility.INTERNAL)
    return installation


@pytest.mark.parametrize(
    ("repository", "owner"),
    [
        ("app", "app"),
        ("app/x", "app"),
        ("g/p", "g/p"),
        ("g/p/a/b/c", "g/p"),
        ("g/sub/q/image", "g/sub/q"),
        (DEEPEST, DEEPEST),
        (f"{DEEPEST}/image", DEEPEST),
        ("/".join("d" * 128), DEEPEST),
        ("g", None),
        ("g/sub", None),
        ("g/px", None),
        ("g/p-x", None),
        ("g/other/p", None),
        ("appx", None),
        ("p", None),
        ("g/_/x", None),
    ],
)
def test_image_belongs_to_the_project_on_its_way(tree: Installation, repository: str, owner: str | None) -> None:
    """Whole components count: an image has the one project above it, or none (T12, D16)."""
    expected = {} if owner is None else {repository: Project(owner, Visibility.INTERNAL)}
    assert tree.projects.owners([repository]) == expected


def test_many_repositories_take_one_statement(tree: Installation) -> None:
    """All repositories of a request are looked up at once, up to the most and deepest that can be asked for."""
    names = [f"g/p/{number}" for number in range(255)] + [f"{number:03}" + "/a" * 126 for number in range(256)]
    with counted_statements(tree.database) as statements:
        assert set(tree.projects.owners(names)) == set(names[:255])
    assert len(statements) == 1


def test_nothing_asked_is_nothing_read(installation: Installation) -> None:
    """A log-in without scopes does not touch the database for it."""
    installation.store.take_away()
    assert installation.projects.owners([]) == {}
