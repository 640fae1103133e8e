"""Which group an image belongs to: the one that is named, and no other."""

import pytest

from registry_auth.dependency_proxy.image_owners import ImageOwners
from registry_auth.namespaces.group_lookup import GroupLookup
from registry_auth.namespaces.paths import MAX_DEPTH
from registry_auth.values import Group, NamespaceKind
from tests.unit.dependency_proxy.door import image
from tests.unit.installation import Installation
from tests.unit.namespaces.statements import counted_statements

DEEPEST = "/".join("d" * MAX_DEPTH)


@pytest.fixture
def tree(installation: Installation) -> Installation:
    """Make groups at several depths, and a project."""
    for path in ("g/sub", "g-x", DEEPEST):
        installation.group(path)
    installation.project("g/p")
    return installation


def owners(tree: Installation, *names: str) -> dict[str, Group]:
    """Give the groups of images."""
    return {**ImageOwners(GroupLookup(tree.database)).owners(names)}


def test_images_of_groups_have_their_group(tree: Installation) -> None:
    """Exactly the named group, whatever the image is called, with its switch; one look-up for all, and none for nothing."""
    tree.namespaces.update(NamespaceKind.GROUP, "g-x", dependency_proxy_enabled=False)
    groups = ["g", "g/sub", "g-x", DEEPEST]
    names = {image(group, name): group for group in groups for name in ("alpine", "g/sub", "sub/p", "ghcr.io/a/b")}
    with counted_statements(tree.database) as statements:
        found = owners(tree, *names)
        assert owners(tree) == owners(tree, "g/p", "alpine", "") == {}
    assert found == {name: Group(group, dependency_proxy_enabled=group != "g-x") for name, group in names.items()}
    assert len(statements) == 1


@pytest.mark.parametrize(
    "name",
    [
        *("g", "g/p", "g/sub", "alpine", "", "/", "g/dependency_proxy", "g/dependency_proxy/containers", "dependency_proxy/containers/a"),
        *(image("g/p"), image("missing"), image("g/missing"), image("sub"), image("gg"), image("g/sub/x"), image(f"{DEEPEST}/d")),
        image("%"),
        *(image("G"), image("g/"), image("g", ""), image("g", image("g-x")), image(image("g")), image("g/../g-x"), f"{image('g')}\n"),
        image("_"),
    ],
    ids=repr,
)
def test_other_names_have_none(tree: Installation, name: str) -> None:
    """A project, a missing group, and what is no image's name are left out, and take no other's group away."""
    assert owners(tree, name) == {}
    assert [*owners(tree, name, image("g"))] == [image("g")]
