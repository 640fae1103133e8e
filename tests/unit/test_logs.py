"""Logging: one line each on standard error, in UTC, and secrets struck out."""

import logging
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_auth.logs import caller_label, configure_logging, redact
from registry_auth.token_secrets import DEPLOY_TOKEN_PREFIX, new_secret


def test_line_has_a_utc_time_level_and_origin(capsys: pytest.CaptureFixture[str]) -> None:
    """A line says when (UTC), how grave, from where, and what."""
    configure_logging()
    logging.getLogger("registry_auth.test").info("hello")
    logging.getLogger("registry_auth.test").debug("unheard")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ INFO registry_auth.test: hello\n", capsys.readouterr().err)


@given(st.text(), st.text())
def test_redact_strikes_out_secrets_within_any_text(before: str, after: str) -> None:
    """Whatever stands around a secret, it is not readable afterwards."""
    secret = new_secret(DEPLOY_TOKEN_PREFIX).get_secret_value()
    assert secret.removeprefix("gldt-") not in redact(f"{before} {secret}{after}")


@pytest.mark.parametrize("text", ["", "alice", "gitlab+deploy-token-1", "repository:group/project:pull"])
def test_redact_leaves_ordinary_texts_alone(text: str) -> None:
    """User names and scopes stay readable in the log."""
    assert redact(text) == text


def test_caller_label_holds_no_line_break_and_no_novel() -> None:
    """What a client calls itself cannot forge a second log line, nor fill the disk."""
    label = caller_label("mallory\nrefused: nobody" + "x" * 10_000, 7)
    assert "\n" not in label
    assert len(label) < 300
    assert label.endswith("credential=7")
