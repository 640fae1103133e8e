"""Column types: instants in UTC, and enumerations that the database checks."""

from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum

import pytest
from sqlalchemy import Column, MetaData, Table, create_engine, insert, select, text
from sqlalchemy.exc import IntegrityError, StatementError

from registry_auth.database import UtcDateTime, enum_text


class Colour(StrEnum):
    """Two words."""

    RED = "red"
    BLUE = "blue"


METADATA = MetaData()
TABLE = Table("things", METADATA, Column("at", UtcDateTime), Column("colour", enum_text(Colour, "colour")))
ENGINE = create_engine("sqlite://")
METADATA.create_all(ENGINE)


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=2))), datetime(2025, 12, 31, 23, tzinfo=UTC)),
        (datetime(2026, 1, 1, microsecond=5, tzinfo=UTC), datetime(2026, 1, 1, microsecond=5, tzinfo=UTC)),
        (None, None),
    ],
)
def test_instant_comes_back_aware_and_in_utc(given: datetime | None, read: datetime | None) -> None:
    """What is stored with any zone is read as the same instant in UTC, on a database that knows no zones."""
    with ENGINE.connect() as connection:
        connection.execute(insert(TABLE).values(at=given))
        found = connection.execute(select(TABLE.c.at)).scalar_one()
    assert found == read
    assert found is None or found.tzinfo is UTC


def test_aware_result_of_another_database_is_converted() -> None:
    """A database that knows zones may give another one; it is converted, not relabelled."""
    there = datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=2)))
    assert UtcDateTime().process_result_value(there, ENGINE.dialect) == datetime(2025, 12, 31, 23, tzinfo=UTC)


def test_naive_datetime_is_refused() -> None:
    """A datetime without a zone would be a guess."""
    with ENGINE.connect() as connection, pytest.raises(StatementError, match="naive datetime"):
        connection.execute(insert(TABLE).values(at=datetime(2026, 1, 1)))  # noqa: DTZ001 - what the test is about


def test_enumeration_is_stored_as_its_word_and_checked() -> None:
    """The column holds the word, reads as the member, and takes no other word."""
    with ENGINE.connect() as connection:
        connection.execute(insert(TABLE).values(colour=Colour.RED))
        assert connection.execute(text("SELECT colour FROM things")).scalar_one() == "red"
        assert connection.execute(select(TABLE.c.colour)).scalar_one() is Colour.RED
        with pytest.raises(IntegrityError, match="CHECK"):
            connection.execute(text("INSERT INTO things (colour) VALUES ('green')"))
