"""Which project owns an image path: the one on its way, at any depth above the image."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from registry_auth.database import Database, Moment, RememberedRows
from registry_auth.namespaces.by_path import ColumnByPath
from registry_auth.namespaces.models import Namespace
from registry_auth.namespaces.paths import MAX_DEPTH, lineage
from registry_auth.values import NamespaceKind, Project, Visibility

_VISIBILITIES = ColumnByPath(NamespaceKind.PROJECT, Namespace.visibility)


class ProjectLookup:
    """Finds the owners of repositories."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._remembered: RememberedRows[str, Visibility] = RememberedRows(database.cache)

    def moment(self) -> Moment[str, Visibility]:
        """Begin a moment in which somebody else reads projects, and may have them remembered."""
        return self._remembered.moment()

    def owners(self, repositories: Iterable[str]) -> Mapping[str, Project]:
        """Give each repository its project, with one look-up for all; a repository without one is left out.

        Nothing can be made below a project, so at most one of the paths on the way is a project.
        """
        ways = {name: lineage(name)[:MAX_DEPTH] for name in repositories}
        moment = self.moment()
        owners = {name: project for name, way in ways.items() if (project := _project_on(way, moment.get)) is not None}
        unknown = {step for name, way in ways.items() if name not in owners for step in way}
        if not unknown:
            return owners
        found = _VISIBILITIES.read(self._database, unknown)
        moment.put(found)
        return owners | {name: project for name, way in ways.items() if (project := _project_on(way, found.get)) is not None}


def _project_on(way: Sequence[str], visibility_at: Callable[[str], Visibility | None]) -> Project | None:
    for step in reversed(way):  # the image's own path is that of its project more often than not
        visibility = visibility_at(step)
        if visibility is not None:
            return Project(step, visibility)
    return None
