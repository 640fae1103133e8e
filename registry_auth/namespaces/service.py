"""What can be done with groups and projects."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from registry_auth.database import Database
from registry_auth.errors import ConflictError, InvalidValueError, NotFoundError, TakenError
from registry_auth.namespaces.find import find_namespace
from registry_auth.namespaces.models import Namespace, ReservedPath
from registry_auth.namespaces.paths import ancestors, check_path, last_component, lineage
from registry_auth.text_rules import check_name
from registry_auth.values import NamespaceKind, Visibility


@dataclass(frozen=True, slots=True)
class Created:
    """A new group or project, and the reserved paths that were taken again for it and its parents."""

    namespace: Namespace
    reused_paths: tuple[str, ...]


class Namespaces:
    """The tree of groups and projects. Path and parent of an entry never change; the rest does."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def create(
        self,
        kind: NamespaceKind,
        path: str,
        *,
        visibility: Visibility = Visibility.PRIVATE,
        name: str | None = None,
        reuse_path: bool = False,
        and_then: Callable[[Session, Namespace], object] | None = None,
    ) -> Created:
        """Make a group or project, and the parent groups that are missing, as visible as it is.

        `and_then` is done in the same transaction: all of it happens, or nothing.

        Raises InvalidValueError for a path or name that is none, ConflictError for a path that is taken, reserved, or below a project,
        and for a parent that is less visible.
        """
        check_path(path)
        name = name or last_component(path)
        check_name(name)
        with self._database.transaction() as session:
            existing = {entry.path: entry for entry in _by_paths(session, lineage(path))}
            reused = _take_reserved(session, set(lineage(path)) - set(existing), allowed=reuse_path)
            parent = None
            for step in ancestors(path):
                parent = existing.get(step) or self._add(session, NamespaceKind.GROUP, step, visibility, parent, last_component(step))
                _check_parent(parent, path, visibility)
            if path in existing:
                raise TakenError(f"The path '{path}' is taken by a {existing[path].kind}.", field="path")
            created = Created(self._add(session, kind, path, visibility, parent, name), reused)
            if and_then is not None:
                and_then(session, created.namespace)
            return created

    def get(self, kind: NamespaceKind, path: str) -> Namespace:
        """Give the group or project of this path. Raises NotFoundError when there is none of this kind."""
        with self._database.reading_session() as session:
            return find_namespace(session, kind, path)

    def get_by_id(self, kind: NamespaceKind, namespace_id: int) -> Namespace:
        """Give the group or project of this id. Raises NotFoundError when there is none of this kind."""
        with self._database.reading_session() as session:
            entry = session.get(Namespace, namespace_id)
            if entry is None or entry.kind is not kind:
                raise NotFoundError(f"There is no {kind} {namespace_id}.")
            return entry

    def list(self, kind: NamespaceKind) -> Sequence[Namespace]:
        """Give all groups or all projects, by path."""
        with self._database.reading_session() as session:
            return session.scalars(select(Namespace).where(Namespace.kind == kind).order_by(Namespace.path)).all()

    def update(
        self,
        kind: NamespaceKind,
        path: str,
        *,
        name: str | None = None,
        visibility: Visibility | None = None,
        dependency_proxy_enabled: bool | None = None,
    ) -> Namespace:
        """Change name, visibility, or the switch of a group's dependency proxy, where given.

        Raises NotFoundError, InvalidValueError for a name that is none or a switch for a project, and ConflictError when the parent is
        less visible than asked, or something below is more visible.
        """
        with self._database.transaction() as session:
            entry = find_namespace(session, kind, path)
            if name is not None:
                check_name(name)
                entry.name = name
            if visibility is not None:
                _check_visibility_change(session, entry, visibility)
                entry.visibility = visibility
            if dependency_proxy_enabled is not None:
                _check_has_switch(entry)
                entry.dependency_proxy_enabled = dependency_proxy_enabled
            return entry

    def delete(self, kind: NamespaceKind, path: str, *, recursive: bool = False) -> Sequence[Namespace]:
        """Delete a group or project with its deploy tokens and memberships, and give what was deleted. The paths stay reserved.

        Raises NotFoundError, and ConflictError for a group that holds others unless `recursive`.
        """
        with self._database.transaction() as session:
            entry = find_namespace(session, kind, path)
            below = _below(session, entry)
            if below and not recursive:
                raise ConflictError(f"The group '{path}' is not empty: '{below[0].path}' is in it. With --recursive all of it is deleted.")
            doomed = (*reversed(below), entry)
            for each in doomed:
                session.add(ReservedPath(path=each.path, kind=each.kind, deleted_at=self._clock()))
                session.execute(delete(Namespace).where(Namespace.id == each.id))
            return doomed

    def _add(
        self,
        session: Session,
        kind: NamespaceKind,
        path: str,
        visibility: Visibility,
        parent: Namespace | None,
        name: str,
    ) -> Namespace:
        entry = Namespace(
            kind=kind,
            path=path,
            parent_id=parent.id if parent else None,
            name=name,
            visibility=visibility,
            created_at=self._clock(),
        )
        session.add(entry)
        session.flush()
        return entry


def _by_paths(session: Session, paths: Iterable[str]) -> Sequence[Namespace]:
    return session.scalars(select(Namespace).where(Namespace.path.in_(paths))).all()


def _below(session: Session, entry: Namespace) -> Sequence[Namespace]:
    """Give all that is below, parents before children."""
    inside = Namespace.path.startswith(f"{entry.path}/", autoescape=True)
    return session.scalars(select(Namespace).where(inside).order_by(Namespace.path)).all()


def _take_reserved(session: Session, paths: Iterable[str], *, allowed: bool) -> tuple[str, ...]:
    reserved = session.scalars(select(ReservedPath).where(ReservedPath.path.in_(paths)).order_by(ReservedPath.path)).all()
    if reserved and not allowed:
        raise TakenError(
            f"The path '{reserved[0].path}' belonged to a {reserved[0].kind} that was deleted on {reserved[0].deleted_at:%Y-%m-%d}; "
            "its images may still be in the registry, and who takes the path gets them. "
            "Take it all the same with --reuse-path (reuse_path in the REST API).",
            field="path",
        )
    for entry in reserved:
        session.delete(entry)
    return tuple(entry.path for entry in reserved)


def _check_parent(parent: Namespace, path: str, visibility: Visibility) -> None:
    if parent.kind is NamespaceKind.PROJECT:
        raise ConflictError(f"'{path}' is below the project '{parent.path}': its images may be named so, but nothing can be made there.")
    _check_not_above(visibility, parent)


def _check_not_above(visibility: Visibility, parent: Namespace) -> None:
    if visibility.rank > parent.visibility.rank:
        raise ConflictError(f"The group '{parent.path}' is {parent.visibility}: nothing in it can be {visibility}.")


def _check_visibility_change(session: Session, entry: Namespace, visibility: Visibility) -> None:
    if entry.parent_id is not None:
        _check_not_above(visibility, session.get_one(Namespace, entry.parent_id))
    for child in _below(session, entry):
        if child.visibility.rank > visibility.rank:
            raise ConflictError(f"The {child.kind} '{child.path}' in it is {child.visibility}: change that first.")


def _check_has_switch(entry: Namespace) -> None:
    if entry.kind is not NamespaceKind.GROUP:
        raise InvalidValueError(
            f"'{entry.path}' is a project: the dependency proxy is switched on and off for groups.", field="dependency_proxy_enabled"
        )
