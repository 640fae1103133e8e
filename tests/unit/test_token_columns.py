"""The column of scopes: one order, and no unknown word becomes a right."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects.sqlite.base import SQLiteDialect

from registry_auth.token_columns import TokenScopes
from registry_auth.values import TokenScope

DIALECT = SQLiteDialect()


@given(st.lists(st.sampled_from(TokenScope)))
def test_scopes_come_back_in_the_order_of_gitlab(scopes: list[TokenScope]) -> None:
    """Whatever order and repetition is written, each scope is read once, in the order in which they are always shown."""
    text = TokenScopes().process_bind_param(scopes, DIALECT)
    assert TokenScopes().process_result_value(text, DIALECT) == tuple(scope for scope in TokenScope if scope in scopes)


def test_all_scopes_fit_the_column() -> None:
    """A token with every scope can be stored."""
    text = TokenScopes().process_bind_param(TokenScope, DIALECT)
    assert text is not None
    assert len(text) <= 255


def test_unknown_word_is_an_error() -> None:
    """A scope that this version does not know is never read as a right."""
    with pytest.raises(ValueError, match="admin"):
        TokenScopes().process_result_value("read_registry admin", DIALECT)


def test_null_stays_null() -> None:
    """Nothing stored is nothing read."""
    assert TokenScopes().process_bind_param(None, DIALECT) is None
    assert TokenScopes().process_result_value(None, DIALECT) is None
