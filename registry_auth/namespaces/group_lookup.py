"""Which paths are groups, and whether the dependency proxy is on there: switched off in a group, it is off in all its subgroups."""

from collections.abc import Iterable, Mapping

from registry_auth.database import Database, RememberedRows
from registry_auth.namespaces.by_path import ColumnByPath
from registry_auth.namespaces.models import Namespace
from registry_auth.namespaces.paths import MAX_DEPTH, lineage
from registry_auth.values import Group, NamespaceKind

_SWITCHES = ColumnByPath(NamespaceKind.GROUP, Namespace.dependency_proxy_enabled)


class GroupLookup:
    """Finds groups."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._remembered: RememberedRows[str, bool] = RememberedRows(database.cache)

    def groups(self, paths: Iterable[str]) -> Mapping[str, Group]:
        """Give the group of each path, with one look-up for all; a path that is not exactly that of a group is left out."""
        ways = {path: way for path in paths if len(way := lineage(path)) <= MAX_DEPTH}
        switches = self._switches({step for way in ways.values() for step in way})
        return {path: Group(path, all(switches.get(step, False) for step in way)) for path, way in ways.items() if path in switches}

    def _switches(self, paths: set[str]) -> Mapping[str, bool]:
        moment = self._remembered.moment()
        known = {path: switch for path in paths if (switch := moment.get(path)) is not None}
        if len(known) == len(paths):
            return known
        found = _SWITCHES.read(self._database, paths - known.keys())
        moment.put(found)
        return {**known, **found}
