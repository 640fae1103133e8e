"""Durations on the command line."""

from datetime import timedelta

import click
import pytest

from registry_auth.cli.durations import Duration


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("30d", timedelta(days=30)),
        ("12h", timedelta(hours=12)),
        ("90m", timedelta(minutes=90)),
        ("45s", timedelta(seconds=45)),
        ("0s", timedelta(0)),
        ("007d", timedelta(days=7)),
        ("999999d", timedelta(days=999_999)),
        (timedelta(days=1), timedelta(days=1)),
    ],
)
def test_number_with_a_unit_is_a_duration(text: object, duration: timedelta) -> None:
    """Days, hours, minutes and seconds; a duration itself is left as it is."""
    assert Duration().convert(text, None, None) == duration


@pytest.mark.parametrize("text", ["", "30", "d", "30 d", "30D", "-1d", "+1d", "1.5h", "1d12h", "1w", "30d\n", "٣d", "1000000d"])
def test_anything_else_is_refused(text: str) -> None:
    """The refusal shows what was given and how it is written."""
    with pytest.raises(click.BadParameter) as error:
        Duration().convert(text, None, None)
    assert error.value.message == f"{text!r} is not a number with one of the units d, h, m and s, such as 30d."
