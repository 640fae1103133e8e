"""Finding one group or project by its path, within a transaction."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry_auth.errors import NotFoundError
from registry_auth.namespaces.models import Namespace
from registry_auth.namespaces.paths import is_repository_name
from registry_auth.values import NamespaceKind


def find_namespace(session: Session, kind: NamespaceKind, path: str) -> Namespace:
    """Give the group or project of this path. Raises NotFoundError when there is none of this kind."""
    query = select(Namespace).where(Namespace.kind == kind, Namespace.path == path)
    entry = session.scalar(query) if is_repository_name(path) else None  # drivers raise at text that is not Unicode
    if entry is None:
        raise NotFoundError(f"There is no {kind} '{path}'.")
    return entry
