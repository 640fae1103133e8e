"""Which project owns an image path: the one on its way, at any depth above the image."""

from collections.abc import Iterable, Mapping

from sqlalchemy import bindparam, select

from registry_auth.database import Database
from registry_auth.namespaces.models import Namespace
from registry_auth.namespaces.paths import MAX_DEPTH, lineage
from registry_auth.values import NamespaceKind, Project

_PROJECTS = select(Namespace.path, Namespace.visibility).where(
    Namespace.path.in_(bindparam("paths", expanding=True)),
    Namespace.kind == NamespaceKind.PROJECT,
)


class ProjectLookup:
    """Finds the owners of repositories."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def owners(self, repositories: Iterable[str]) -> Mapping[str, Project]:
        """Give each repository its project, with one look-up for all; a repository without one is left out.

        Nothing can be made below a project, so at most one of the paths on the way is a project.
        """
        ways = {name: lineage(name)[:MAX_DEPTH] for name in repositories}
        projects = self._projects({step for way in ways.values() for step in way})
        return {name: projects[step] for name, way in ways.items() for step in way if step in projects}

    def _projects(self, paths: set[str]) -> Mapping[str, Project]:
        if not paths:
            return {}
        with self._database.reading() as connection:
            rows = connection.execute(_PROJECTS, {"paths": sorted(paths)})
            return {path: Project(path, visibility) for path, visibility in rows}
