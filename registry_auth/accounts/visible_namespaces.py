"""Which groups and projects a caller may know of, as a list: `authorization.can_see`, asked of the database."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, SQLColumnExpression, exists, func, literal, or_, select, true

from registry_auth.accounts.models import Membership
from registry_auth.database import Database, Page, Paging, matches_text, select_page
from registry_auth.namespaces.models import Namespace
from registry_auth.values import NamespaceKind, Person, Role, Visibility

ORDERS = {
    "id": Namespace.id,
    "name": Namespace.name,
    "path": Namespace.path,
    "created_at": Namespace.created_at,
}


@dataclass(frozen=True, slots=True)
class NamespaceFilter:
    """Which groups or projects are wanted: all visible ones unless something is said.

    `parent_id` names the group that they are directly in, `below` the path of the group that they are anywhere in. `role` asks for what
    the viewer has at least this role in, inherited ones included.
    """

    search: str | None = None
    visibility: Visibility | None = None
    parent_id: int | None = None
    below: str | None = None
    top_level: bool = False
    role: Role | None = None
    order_by: str = "path"
    descending: bool = False


class VisibleNamespaces:
    """Lists groups and projects as somebody sees them; the viewer is None for anonymous callers."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, paging: Paging, kind: NamespaceKind, viewer: Person | None, wanted: NamespaceFilter) -> Page[Namespace]:
        """Give one page of what the viewer sees of the wanted groups or projects."""
        query = select(Namespace).where(Namespace.kind == kind, _visible(viewer), *_conditions(viewer, wanted))
        with self._database.reading_session() as session:
            return select_page(session, _ordered(query, wanted), paging)


def _visible(viewer: Person | None) -> ColumnElement[bool]:
    if viewer is None:
        return Namespace.visibility == Visibility.PUBLIC
    if viewer.is_administrator:
        return true()
    return or_(
        Namespace.visibility.in_([Visibility.PUBLIC, Visibility.INTERNAL]),
        _has_role(viewer, Role.GUEST),
        _belongs_below(viewer),
    )


def _conditions(viewer: Person | None, wanted: NamespaceFilter) -> Sequence[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.search is not None:
        conditions.append(matches_text(Namespace.path, wanted.search) | matches_text(Namespace.name, wanted.search))
    if wanted.visibility is not None:
        conditions.append(Namespace.visibility == wanted.visibility)
    if wanted.parent_id is not None:
        conditions.append(Namespace.parent_id == wanted.parent_id)
    if wanted.below is not None:
        conditions.append(Namespace.path.startswith(f"{wanted.below}/", autoescape=True))
    if wanted.top_level:
        conditions.append(Namespace.parent_id.is_(None))
    if wanted.role is not None and not (viewer is not None and viewer.is_administrator):
        conditions.append(literal(False) if viewer is None else _has_role(viewer, wanted.role))
    return conditions


def _ordered(query: Select[Namespace], wanted: NamespaceFilter) -> Select[Namespace]:
    column = ORDERS[wanted.order_by]
    return query.order_by(column.desc() if wanted.descending else column, Namespace.id)


_Given = Namespace.__table__.alias("given")


def _has_role(viewer: Person, role: Role) -> ColumnElement[bool]:
    """Say whether the viewer is a member here or above, with at least this role."""
    here_or_above = or_(Namespace.path == _Given.c.path, _is_below(Namespace.path, _Given.c.path))
    return _some_membership(viewer, here_or_above & (Membership.role >= role))


def _belongs_below(viewer: Person) -> ColumnElement[bool]:
    return _some_membership(viewer, _is_below(_Given.c.path, Namespace.path))


def _some_membership(viewer: Person, condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(Membership.user_id == viewer.id, Membership.namespace_id == _Given.c.id, condition)


def _is_below(path: SQLColumnExpression[str], group: SQLColumnExpression[str]) -> ColumnElement[bool]:
    """Compare whole components, by their characters: no wildcards of LIKE."""
    return func.substr(path, 1, func.length(group) + 1) == group.concat("/")
