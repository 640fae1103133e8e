"""Groups and projects: creation, names, visibility, deletion and reserved paths."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from registry_auth.errors import ConflictError, InvalidValueError, NotFoundError
from registry_auth.values import NamespaceKind, Visibility
from tests.unit.installation import NOW, Installation

GROUP, PROJECT = NamespaceKind.GROUP, NamespaceKind.PROJECT
PRIVATE, INTERNAL, PUBLIC = Visibility


def paths(installation: Installation, kind: NamespaceKind) -> list[str]:
    """Give the paths of all groups or projects."""
    return [entry.path for entry in installation.namespaces.list(kind)]


def test_project_comes_with_its_missing_parents(installation: Installation) -> None:
    """The groups above are made, as visible as the project; everything is named after its last component."""
    created = installation.namespaces.create(PROJECT, "a/b/c", visibility=INTERNAL)
    assert created.reused_paths == ()
    groups = installation.namespaces.list(GROUP)
    project = installation.namespaces.get(PROJECT, "a/b/c")
    assert [(group.path, group.name, group.visibility) for group in groups] == [("a", "a", INTERNAL), ("a/b", "b", INTERNAL)]
    assert [groups[0].parent_id, groups[1].parent_id, project.parent_id] == [None, groups[0].id, groups[1].id]
    assert (project.id, project.name, project.created_at) == (created.namespace.id, "c", NOW)


def test_existing_parents_stay_as_they_are(installation: Installation) -> None:
    """A second project in a group makes only itself."""
    installation.group("a", PUBLIC)
    installation.project("a/p")
    assert installation.namespaces.get(GROUP, "a").visibility is PUBLIC
    assert paths(installation, GROUP) == ["a"]


def test_private_is_the_default(installation: Installation) -> None:
    """Nobody sees what was made without a word about visibility."""
    assert installation.namespaces.create(PROJECT, "app").namespace.visibility is PRIVATE


@pytest.mark.parametrize(
    ("kind", "path", "message"),
    [
        (GROUP, "g", "The path 'g' is taken by a group"),
        (PROJECT, "g", "The path 'g' is taken by a group"),
        (GROUP, "g/p", "The path 'g/p' is taken by a project"),
        (PROJECT, "g/p", "The path 'g/p' is taken by a project"),
        (PROJECT, "g/p/x", "'g/p/x' is below the project 'g/p'"),
        (GROUP, "g/p/x", "'g/p/x' is below the project 'g/p'"),
        (PROJECT, "g/p/x/y/z", "'g/p/x/y/z' is below the project 'g/p'"),
    ],
)
def test_taken_paths_and_paths_below_projects_are_refused(installation: Installation, kind: NamespaceKind, path: str, message: str) -> None:
    """A path belongs to one group or project, and nothing can be made below a project; a refusal leaves nothing behind (T12, D16)."""
    installation.project("g/p")
    with pytest.raises(ConflictError, match=message):
        installation.namespaces.create(kind, path)
    assert (paths(installation, GROUP), paths(installation, PROJECT)) == (["g"], ["g/p"])


@pytest.mark.parametrize("path", ["A", "a/../b", "", "dependency_proxy", "a" * 256])
def test_path_that_is_none_is_refused(installation: Installation, path: str) -> None:
    """The grammar of paths holds at creation."""
    with pytest.raises(InvalidValueError, match=r"path|reserved"):
        installation.namespaces.create(PROJECT, path)


def test_database_keeps_paths_unique_itself(installation: Installation) -> None:
    """Even a statement that goes around the service cannot take a path twice."""
    installation.project("app")
    row = "INSERT INTO namespaces (kind, path, name, visibility, created_at) VALUES ('group', 'app', 'x', 'public', '2026-01-01')"
    with pytest.raises(IntegrityError, match=r"(?i)unique"), installation.database.transaction() as session:
        session.execute(text(row))


@pytest.mark.parametrize("parent", Visibility)
@pytest.mark.parametrize("child", Visibility)
def test_nothing_is_more_visible_than_its_group(installation: Installation, parent: Visibility, child: Visibility) -> None:
    """At creation and at every change, a group bounds the visibility of all that is in it."""
    installation.group("g", parent)
    if child.rank > parent.rank:
        with pytest.raises(ConflictError, match=f"The group 'g' is {parent}: nothing in it can be {child}"):
            installation.project("g/p", child)
        installation.project("g/p", parent)
        with pytest.raises(ConflictError, match=f"The group 'g' is {parent}: nothing in it can be {child}"):
            installation.namespaces.update(PROJECT, "g/p", visibility=child)
    else:
        installation.project("g/p", child)
        assert installation.namespaces.update(PROJECT, "g/p", visibility=parent).visibility is parent


def test_group_cannot_become_less_visible_than_what_is_below(installation: Installation) -> None:
    """The refusal names what has to change first, at any depth; then it works."""
    installation.project("g/sub/p", PUBLIC)
    installation.project("g-beside/p", PUBLIC)
    with pytest.raises(ConflictError, match="The group 'g/sub' in it is public: change that first"):
        installation.namespaces.update(GROUP, "g", visibility=PRIVATE)
    with pytest.raises(ConflictError, match="The project 'g/sub/p' in it is public: change that first"):
        installation.namespaces.update(GROUP, "g/sub", visibility=PRIVATE)
    installation.namespaces.update(PROJECT, "g/sub/p", visibility=PRIVATE)
    installation.namespaces.update(GROUP, "g/sub", visibility=PRIVATE)
    assert installation.namespaces.update(GROUP, "g", visibility=PRIVATE).visibility is PRIVATE


def test_name_changes_and_path_stays(installation: Installation) -> None:
    """A name is free text; without any change nothing changes."""
    installation.project("app")
    assert installation.namespaces.update(PROJECT, "app", name="The App").name == "The App"
    unchanged = installation.namespaces.update(PROJECT, "app")
    assert (unchanged.path, unchanged.name, unchanged.visibility) == ("app", "The App", PRIVATE)
    for name in ("", "a\nb"):
        with pytest.raises(InvalidValueError, match="name"):
            installation.namespaces.update(PROJECT, "app", name=name)
    with pytest.raises(InvalidValueError, match="name"):
        installation.namespaces.create(PROJECT, "other", name="\t")


def test_dependency_proxy_is_on_until_a_group_switches_it(installation: Installation) -> None:
    """What is made has it on, parents included; other changes leave the switch alone, and a group keeps its own whatever is above."""
    made = installation.namespaces.create(GROUP, "g/sub").namespace
    assert made.dependency_proxy_enabled is True
    assert installation.namespaces.update(GROUP, "g", dependency_proxy_enabled=False).dependency_proxy_enabled is False
    assert installation.namespaces.update(GROUP, "g", name="G", visibility=PRIVATE).dependency_proxy_enabled is False
    assert {entry.path: entry.dependency_proxy_enabled for entry in installation.namespaces.list(GROUP)} == {"g": False, "g/sub": True}
    assert installation.namespaces.update(GROUP, "g", dependency_proxy_enabled=True).dependency_proxy_enabled is True


@pytest.mark.parametrize("enabled", [True, False])
def test_project_has_no_switch_of_the_dependency_proxy(installation: Installation, enabled: bool) -> None:
    """The refusal names the field, and nothing else is changed with it."""
    installation.project("g/p")
    with pytest.raises(InvalidValueError, match="'g/p' is a project: the dependency proxy is switched on and off for groups") as refused:
        installation.namespaces.update(PROJECT, "g/p", name="new", dependency_proxy_enabled=enabled)
    assert refused.value.field == "dependency_proxy_enabled"
    project = installation.namespaces.get(PROJECT, "g/p")
    assert (project.name, project.dependency_proxy_enabled) == ("p", True)


def test_group_that_takes_a_path_again_has_the_dependency_proxy_on(installation: Installation) -> None:
    """The switch goes with the group, not with the path."""
    installation.group("g")
    installation.namespaces.update(GROUP, "g", dependency_proxy_enabled=False)
    installation.namespaces.delete(GROUP, "g")
    assert installation.namespaces.create(GROUP, "g", reuse_path=True).namespace.dependency_proxy_enabled is True


@pytest.mark.parametrize(
    ("kind", "path"), [(GROUP, "g/p"), (PROJECT, "g"), (PROJECT, "missing"), (PROJECT, "G/P"), (PROJECT, "\udcff"), (PROJECT, "%")]
)
def test_what_does_not_exist_is_not_found(installation: Installation, kind: NamespaceKind, path: str) -> None:
    """A group is no project and a project no group; odd texts are simply not there."""
    installation.project("g/p")
    for act in (installation.namespaces.get, installation.namespaces.update, installation.namespaces.delete):
        with pytest.raises(NotFoundError, match=f"There is no {kind}"):
            act(kind, path)


def test_deletion_takes_all_that_is_below_but_nothing_beside(installation: Installation) -> None:
    """A group that holds others goes only when that is said, children first; similar names stay."""
    for path in ("g/p", "g/sub/q", "g-x/p", "g_x/p", "gg/p"):
        installation.project(path)
    with pytest.raises(ConflictError, match="'g' is not empty: 'g/p' is in it"):
        installation.namespaces.delete(GROUP, "g")
    deleted = installation.namespaces.delete(GROUP, "g", recursive=True)
    assert [entry.path for entry in deleted] == ["g/sub/q", "g/sub", "g/p", "g"]
    assert paths(installation, PROJECT) == ["g-x/p", "g_x/p", "gg/p"]


def test_wildcards_of_the_database_are_no_wildcards_in_paths(installation: Installation) -> None:
    """Deleting `a_b` leaves `acb` alone."""
    installation.project("a_b/p")
    installation.project("acb/p")
    installation.namespaces.delete(GROUP, "a_b", recursive=True)
    assert paths(installation, PROJECT) == ["acb/p"]


def test_deleted_path_is_taken_again_only_on_explicit_word(installation: Installation) -> None:
    """The images are still there: the path, and every path below it, stays reserved until somebody says so (T12, D30)."""
    installation.project("g/p")
    installation.namespaces.delete(GROUP, "g", recursive=True)
    for kind, path in ((PROJECT, "g/p"), (GROUP, "g"), (PROJECT, "g"), (PROJECT, "g/p/image"), (PROJECT, "g/other")):
        with pytest.raises(ConflictError, match=r"was deleted on 2026-07-01; .* Take it all the same with --reuse-path"):
            installation.namespaces.create(kind, path)
    assert installation.namespaces.create(PROJECT, "g/p", reuse_path=True).reused_paths == ("g", "g/p")
    assert installation.namespaces.create(PROJECT, "g/q", reuse_path=True).reused_paths == ()


def test_reused_path_can_be_deleted_again(installation: Installation) -> None:
    """A path goes round: reserved, taken, reserved."""
    for _ in range(2):
        installation.namespaces.create(PROJECT, "app", reuse_path=True)
        installation.namespaces.delete(PROJECT, "app")
    with pytest.raises(ConflictError, match="belonged to a project that was deleted"):
        installation.project("app")


def test_ids_are_never_reused(installation: Installation) -> None:
    """A new project under an old path is another one (S9)."""
    first = installation.namespaces.create(PROJECT, "app").namespace.id
    installation.namespaces.delete(PROJECT, "app")
    assert installation.namespaces.create(PROJECT, "app", reuse_path=True).namespace.id > first


def test_parent_cannot_vanish_below_its_children(installation: Installation) -> None:
    """The database itself refuses to delete a group that holds others."""
    installation.project("g/p")
    with pytest.raises(IntegrityError, match=r"(?i)foreign key"), installation.database.transaction() as session:
        session.execute(text("DELETE FROM namespaces WHERE path = 'g'"))


def test_group_or_project_is_found_by_id(installation: Installation) -> None:
    """An id leads to what `get` gives; a group is no project and a project no group."""
    installation.project("g/p")
    group, project = installation.namespaces.get(GROUP, "g"), installation.namespaces.get(PROJECT, "g/p")
    assert installation.namespaces.get_by_id(GROUP, group.id).path == "g"
    assert installation.namespaces.get_by_id(PROJECT, project.id).path == "g/p"
    for kind, number in ((PROJECT, group.id), (GROUP, project.id), (GROUP, 99), (PROJECT, 0), (PROJECT, -1)):
        with pytest.raises(NotFoundError, match=f"There is no {kind} {number}"):
            installation.namespaces.get_by_id(kind, number)
    installation.namespaces.delete(PROJECT, "g/p")
    with pytest.raises(NotFoundError):
        installation.namespaces.get_by_id(PROJECT, project.id)
