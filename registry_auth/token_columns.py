"""What the tables of deploy tokens and of personal access tokens have in common."""

from collections.abc import Collection, Iterable
from datetime import UTC, date, datetime

from sqlalchemy import ColumnElement, Date, Dialect, LargeBinary, String, or_
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

from registry_auth.database import UtcDateTime
from registry_auth.errors import InvalidValueError
from registry_auth.token_validity import TokenState, token_state
from registry_auth.values import TokenScope


class TokenScopes(TypeDecorator[tuple[TokenScope, ...]]):
    """The scopes of a token, in GitLab's order, as words separated by spaces (as OAuth2 writes them)."""

    impl = String(255)
    cache_ok = True

    def process_bind_param(self, value: Iterable[TokenScope] | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Write the scopes in the one order that they are always shown in."""
        return None if value is None else " ".join(TokenScope.in_order(value))

    def process_result_value(self, value: str | None, dialect: Dialect) -> tuple[TokenScope, ...] | None:  # noqa: ARG002
        """Read them back; an unknown word is an error, never a right."""
        return None if value is None else tuple(TokenScope(word) for word in value.split())


def check_scopes(kind: str, scopes: Collection[TokenScope], allowed: Collection[TokenScope]) -> None:
    """Raise InvalidValueError unless a token may have these scopes; `kind` names the token."""
    if not scopes:
        raise InvalidValueError(f"A {kind} needs at least one scope.", field="scopes")
    foreign = TokenScope.in_order(frozenset(scopes) - frozenset(allowed))
    if foreign:
        raise InvalidValueError(f"A {kind} cannot have the scope {foreign[0]}.", field="scopes")


class TokenColumns:
    """Name, scopes and validity of a token."""

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(255))
    scopes: Mapped[tuple[TokenScope, ...]] = mapped_column(TokenScopes)
    expires_at: Mapped[date | None] = mapped_column(Date)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    def state(self, now: datetime) -> TokenState:
        """Say whether the token can be used at `now` (UTC), and if not why; revoked counts before expired."""
        return token_state(self.revoked_at, self.expires_at, now)

    @classmethod
    def active_at(cls, now: datetime) -> ColumnElement[bool]:
        """Give the same as a condition for a query: the state is active."""
        unexpired = or_(cls.expires_at.is_(None), cls.expires_at > now.astimezone(UTC).date())
        return cls.revoked_at.is_(None) & unexpired


class DigestColumns:
    """The digest under which a secret is found, and the id of the server secret that made it."""

    id: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    digest_key_id: Mapped[str] = mapped_column(String(32))
