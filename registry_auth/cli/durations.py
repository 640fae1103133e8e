"""Durations on the command line: a number and a unit."""

import re
from datetime import timedelta
from typing import Any

import click

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_FORM = re.compile(r"([0-9]{1,6})([smhd])", re.ASCII)


class Duration(click.ParamType[timedelta]):
    """A duration such as `30d`, `12h`, `90m` or `45s`."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Give the duration."""
        if isinstance(value, timedelta):
            return value
        found = _FORM.fullmatch(str(value))
        if found is None:
            self.fail(f"{value!r} is not a number with one of the units d, h, m and s, such as 30d.", param, ctx)
        return timedelta(**{_UNITS[found[2]]: int(found[1])})
