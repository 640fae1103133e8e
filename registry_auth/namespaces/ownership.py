"""Which project owns an image path: the one on its way, at any depth above the image."""

from collections.abc import Iterable, Mapping

from registry_auth.database import Database
from registry_auth.namespaces.by_path import ColumnByPath
from registry_auth.namespaces.models import Namespace
from registry_auth.namespaces.paths import MAX_DEPTH, lineage
from registry_auth.values import NamespaceKind, Project

_VISIBILITIES = ColumnByPath(NamespaceKind.PROJECT, Namespace.visibility)


class ProjectLookup:
    """Finds the owners of repositories."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def owners(self, repositories: Iterable[str]) -> Mapping[str, Project]:
        """Give each repository its project, with one look-up for all; a repository without one is left out.

        Nothing can be made below a project, so at most one of the paths on the way is a project.
        """
        ways = {name: lineage(name)[:MAX_DEPTH] for name in repositories}
        visibilities = _VISIBILITIES.read(self._database, {step for way in ways.values() for step in way})
        return {name: Project(step, visibilities[step]) for name, way in ways.items() for step in way if step in visibilities}
