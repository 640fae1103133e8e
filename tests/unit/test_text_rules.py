"""Names: what people may call their things."""

import pytest

from registry_auth.errors import InvalidValueError
from registry_auth.text_rules import check_name


@pytest.mark.parametrize("name", ["x", "Release robot", "größe 大", "a" * 255, "<b>&amp;", "'; DROP TABLE x"])
def test_printable_names_are_accepted(name: str) -> None:
    """A name is free text."""
    check_name(name)


@pytest.mark.parametrize("name", ["", " ", "\t", "a\nb", "a\x00", "a\x1b[31m", "\u202eevil", "\udcff", "a" * 256])
def test_blank_unprintable_and_long_names_are_refused(name: str) -> None:
    """A name is not blank, holds nothing that could play tricks in a terminal or log, and has an end."""
    with pytest.raises(InvalidValueError, match="name"):
        check_name(name)
