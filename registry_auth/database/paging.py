"""Long lists, a page at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Paging:
    """Which page is asked for: its number, from 1, and how many entries a page has."""

    number: int
    size: int


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """The entries of one page, and how many there are on all pages."""

    items: Sequence[Item]
    total: int


def select_page(session: Session, query: Select[Item], paging: Paging) -> Page[Item]:
    """Run an ordered query for one page of its entries."""
    total = session.scalars(select(func.count()).select_from(query.order_by(None).subquery())).one()
    rows = session.scalars(query.limit(paging.size).offset((paging.number - 1) * paging.size))
    return Page(rows.all(), total)


def matches_text(column: Any, text: str) -> Any:
    """Give the condition that the text occurs in a column, whatever the case; wildcards in it stand for themselves."""
    return column.icontains(text, autoescape=True)
