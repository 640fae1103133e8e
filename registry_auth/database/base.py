"""What all tables share: the declarative base and the column types of this house."""

from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import BigInteger, DateTime, Dialect, Enum, Integer, MetaData, String
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeDecorator, TypeEngine

# Constraints have names, so that a later migration can change them on every database.
NAMING_CONVENTION = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


# 64 bits everywhere, so that an id that somebody invents is unknown and not too large. In SQLite every INTEGER has them.
_COLUMN_TYPES = {int: BigInteger().with_variant(Integer(), "sqlite")}


class Base(DeclarativeBase):
    """Base of all tables."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)
    type_annotation_map = _COLUMN_TYPES


class Recorded(DeclarativeBase):
    """Base of the tables that requests write to, and on which no answer depends: what is remembered of the others stays good."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)
    type_annotation_map = _COLUMN_TYPES


class UtcDateTime(TypeDecorator[datetime]):
    """An instant. Takes and gives aware datetimes in UTC, also on databases whose timestamps know no zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Refuse naive datetimes: their zone would be a guess."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive datetime {value!r}")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Give the zone back to what SQLite stored without one."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def bytewise_text(length: int) -> TypeEngine[str]:
    """Give the type of a text column that is sorted by its characters, whatever language PostgreSQL was set up for."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


def enum_text(values: type[StrEnum], name: str) -> Enum:
    """Give the type of a text column that holds one of the values of a StrEnum, checked by the database."""
    return Enum(
        values,
        name=name,
        native_enum=False,
        create_constraint=True,
        values_callable=lambda members: [member.value for member in members],
    )
