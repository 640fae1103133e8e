"""What can be done with the members of groups and projects."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NoReturn

from sqlalchemy import Select, delete, func, select
from sqlalchemy.orm import Session

from registry_auth.accounts.find import find_user_by_id
from registry_auth.accounts.models import Membership, User
from registry_auth.database import Database, Page, Paging, matches_text, select_page
from registry_auth.errors import ConflictError, NotFoundError
from registry_auth.namespaces.find import find_namespace
from registry_auth.namespaces.models import Namespace
from registry_auth.namespaces.paths import lineage
from registry_auth.values import NamespaceKind, Role


class Memberships:
    """The roles of users in groups and projects. A role counts in everything below, and the highest counts."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def add(self, kind: NamespaceKind, path: str, user_id: int, role: Role) -> Membership:
        """Make the user a member. Raises NotFoundError, and ConflictError for somebody who is one already."""
        with self._database.transaction() as session:
            namespace = find_namespace(session, kind, path)
            user = find_user_by_id(session, user_id)
            if _find(session, namespace, user_id) is not None:
                raise ConflictError(f"The user '{user.username}' is a member of the {kind} '{path}' already.")
            return self._add(session, namespace, user, role)

    def owner_of_new(self, user_id: int) -> Callable[[Session, Namespace], object]:
        """Give what makes the user the owner of a group, in the transaction that makes the group. It raises NotFoundError."""
        return lambda session, namespace: self._add(session, namespace, find_user_by_id(session, user_id), Role.OWNER)

    def get(self, kind: NamespaceKind, path: str, user_id: int, *, inherited: bool = False) -> Membership:
        """Give the membership of a user; with `inherited` the highest one here and above. Raises NotFoundError."""
        with self._database.reading_session() as session:
            namespace = find_namespace(session, kind, path)
            found = session.scalars(_query(namespace, inherited=inherited).where(Membership.user_id == user_id)).first()
            return found or _not_a_member(session, namespace, user_id)

    def list(self, kind: NamespaceKind, path: str) -> Sequence[Membership]:
        """Give the members themselves, without inherited ones. Raises NotFoundError."""
        with self._database.reading_session() as session:
            return session.scalars(_query(find_namespace(session, kind, path), inherited=False)).all()

    def page(self, paging: Paging, kind: NamespaceKind, path: str, *, inherited: bool, search: str | None = None) -> Page[Membership]:
        """Give one page of the members; with `inherited` each user's highest role here and above. Raises NotFoundError."""
        with self._database.reading_session() as session:
            query = _query(find_namespace(session, kind, path), inherited=inherited)
            if search is not None:
                query = query.where(matches_text(User.username, search) | matches_text(User.name, search))
            return select_page(session, query, paging)

    def update(self, kind: NamespaceKind, path: str, user_id: int, role: Role) -> Membership:
        """Give a member another role. Raises NotFoundError."""
        with self._database.transaction() as session:
            namespace = find_namespace(session, kind, path)
            membership = _find(session, namespace, user_id) or _not_a_member(session, namespace, user_id)
            membership.role = role
            return membership

    def remove(self, kind: NamespaceKind, path: str, user_id: int) -> Membership:
        """End a membership, and give it as it was. Raises NotFoundError."""
        with self._database.transaction() as session:
            namespace = find_namespace(session, kind, path)
            membership = _find(session, namespace, user_id) or _not_a_member(session, namespace, user_id)
            session.execute(delete(Membership).where(Membership.id == membership.id))
            return membership

    def _add(self, session: Session, namespace: Namespace, user: User, role: Role) -> Membership:
        """Make somebody a member who is none, within a transaction."""
        membership = Membership(user=user, namespace=namespace, role=role, created_at=self._clock())
        session.add(membership)
        return membership


def _query(namespace: Namespace, *, inherited: bool) -> Select[Membership]:
    query = select(Membership).join(Membership.user).order_by(Membership.user_id)
    if not inherited:
        return query.where(Membership.namespace_id == namespace.id)
    # Of several memberships of one user the highest counts; of equal ones any, here the newest.
    order = (Membership.role.desc(), Membership.id.desc())
    ranked = (
        select(Membership.id, func.row_number().over(partition_by=Membership.user_id, order_by=order).label("rank"))
        .join(Namespace, Membership.namespace_id == Namespace.id)
        .where(Namespace.path.in_(lineage(namespace.path)))
        .subquery()
    )
    return query.where(Membership.id.in_(select(ranked.c.id).where(ranked.c.rank == 1)))


def _find(session: Session, namespace: Namespace, user_id: int) -> Membership | None:
    return session.scalar(select(Membership).where(Membership.namespace_id == namespace.id, Membership.user_id == user_id))


def _not_a_member(session: Session, namespace: Namespace, user_id: int) -> NoReturn:
    username = find_user_by_id(session, user_id).username
    raise NotFoundError(f"The user '{username}' is not a member of the {namespace.kind} '{namespace.path}'.")
