"""The challenge, as clients read it."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import WWWAuthenticate

from registry_auth.dependency_proxy.challenge import Challenger
from registry_auth.values import Action

CHALLENGER = Challenger("https://auth.example.com/jwt/auth", "dependency_proxy")
START = 'Bearer realm="https://auth.example.com/jwt/auth",service="dependency_proxy"'
NAME = "g/sub/dependency_proxy/containers/ghcr.io/a__b/c-d"


@pytest.mark.parametrize(
    ("error", "name", "actions", "rest"),
    [
        ("", None, (), ""),
        ("invalid_token", None, (), ',error="invalid_token"'),
        ("", NAME, (Action.PULL,), f',scope="repository:{NAME}:pull"'),
        ("", NAME, (Action.PULL, Action.PUSH), f',scope="repository:{NAME}:pull,push"'),
        ("insufficient_scope", NAME, (Action.DELETE,), f',scope="repository:{NAME}:delete",error="insufficient_scope"'),
    ],
)
def test_challenge_to_the_letter(error: str, name: str | None, actions: tuple[Action, ...], rest: str) -> None:
    """Clients look for realm, service and scope, and older ones split at commas with as little care as possible."""
    assert CHALLENGER.challenge(error, name, actions) == START + rest


@given(
    st.sampled_from(["", "invalid_token", "insufficient_scope"]),
    st.none() | st.from_regex(r"[a-z0-9]+(?:[._/-][a-z0-9]+)*", fullmatch=True),
    st.sampled_from([actions for size in range(1, 4) for actions in combinations(Action, size)]),
)
def test_challenge_is_read_as_it_was_meant(error: str, name: str | None, actions: tuple[Action, ...]) -> None:
    """Another parser finds the same parameters, and no others."""
    read = WWWAuthenticate.from_header(CHALLENGER.challenge(error, name, actions))
    assert read is not None
    expected = {"realm": CHALLENGER.realm, "service": CHALLENGER.service}
    scope = {} if name is None else {"scope": f"repository:{name}:{','.join(actions)}"}
    assert (read.type, {**read.parameters}) == ("bearer", expected | scope | ({"error": error} if error else {}))
