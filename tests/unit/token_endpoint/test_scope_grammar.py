"""The grammar of scopes: what is understood, what is dropped, and that nothing raises."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_auth.errors import TooManyScopesError
from registry_auth.namespaces.paths import is_repository_name
from registry_auth.token_endpoint.scope_grammar import MAX_SCOPES, parse_scope, parse_scopes
from registry_auth.values import Scope

PIECES = st.sampled_from(
    ["repository", "registry", "catalog", ":", "::", "a", "a/b", "(plugin)", "pull", "push", "*", ",", " ", "é", "\x00"]
)
TEXTS = st.text() | st.lists(PIECES, max_size=10).map("".join)
ACTIONS = st.lists(st.sampled_from(["pull", "push", "delete", "*"]), min_size=1, max_size=5)
NAMES = st.sampled_from(["a", "a/b", "a/b/c-d", "x__y"])
GOOD_SCOPES = st.lists(st.tuples(NAMES, ACTIONS), max_size=12)


def repository(name: str, *actions: str) -> Scope:
    """Give the scope of a repository."""
    return Scope("repository", name, actions)


@given(st.lists(TEXTS, max_size=20))
def test_generated_texts_never_raise(values: list[str]) -> None:
    """Whatever comes, what is understood is a known resource with known actions, and all else is dropped (S14, S15)."""
    parsed = parse_scopes(values)
    for scope in parsed.scopes:
        known = {"pull", "push", "delete", "*"} if scope.type == "repository" else {"*"}
        assert (scope.type, scope.name) == ("registry", "catalog") or (scope.type == "repository" and is_repository_name(scope.name))
        assert set(scope.actions) <= known
        assert len(set(scope.actions)) == len(scope.actions) > 0
        assert any(f":{scope.name}:" in value for value in values)
    texts = [text for value in values for text in value.split(" ") if text]
    assert len(parsed.scopes) + len(parsed.dropped) <= len(texts)
    assert set(parsed.dropped) <= set(texts)


@given(GOOD_SCOPES, st.integers(0, 12))
def test_scopes_for_one_repository_become_one(asked: list[tuple[str, list[str]]], cut: int) -> None:
    """However scopes are spread over parameters, each repository comes once, with the union in the order of asking (D23)."""
    texts = [f"repository:{name}:{','.join(actions)}" for name, actions in asked]
    spread = [" ".join(texts[:cut]), *texts[cut:]]
    union: dict[str, dict[str, None]] = {}
    for name, actions in asked:
        union.setdefault(name, {}).update(dict.fromkeys(actions))
    expected = tuple(repository(name, *actions) for name, actions in union.items())
    assert parse_scopes(spread).scopes == expected
    assert parse_scopes(texts).scopes == expected


@pytest.mark.parametrize(
    ("text", "scope"),
    [
        ("repository:a/b:pull", repository("a/b", "pull")),
        ("repository:a/b:push,pull", repository("a/b", "push", "pull")),
        ("repository:app:pull,pull", repository("app", "pull")),
        ("repository:a/b/c/d:delete", repository("a/b/c/d", "delete")),
        ("repository:a/b:*", repository("a/b", "*")),
        ("repository:a/b:pull,fly,destroy", repository("a/b", "pull")),
        ("repository:a/b:,pull,", repository("a/b", "pull")),
        ("repository(plugin):a/b:pull", repository("a/b", "pull")),
        ("registry:catalog:*", Scope("registry", "catalog", ("*",))),
        ("registry:catalog:pull,*", Scope("registry", "catalog", ("*",))),
        ("repository:" + "a" * 255 + ":pull", repository("a" * 255, "pull")),
    ],
)
def test_what_a_registry_asks_for_is_understood(text: str, scope: Scope) -> None:
    """Every form that registries and clients use is read, without its unknown actions."""
    assert parse_scope(text) == scope


@pytest.mark.parametrize(
    "text",
    [
        *("", ":", "::", ":::", "repository", "repository:", "repository:a/b", "repository:a/b:", "repository:a/b:,", "repository:a/b:fly"),
        *("repository::pull", "a/b:pull", ":a/b:pull", "registry:catalog:pull", "registry:catalog:", "registry:other:*", "registry::*"),
        *("unknown:a/b:pull", "xrepository:a/b:pull", "Repository:a/b:pull", "repository\n:a:pull", "repository():a:pull"),
        *("repository(a)(b):a:pull", "repository(A):a:pull", "repository(plugin:a:pull", "(plugin):a:pull"),
        *("repository:reg.example:5000/team/app:pull", "repository:A/b:pull", "repository:team/../secret/x:pull", "repository:a%2fb:pull"),
        *("repository:a/*:pull", "repository:.*:pull", "repository:a|b:pull", "repository:é:pull", "repository:a\x00:pull"),
        *("repository:a:PULL", "repository:a:pull\n", "repository:" + "a" * 256 + ":pull", "." * 100_000, ":" * 100_000),
    ],
    ids=lambda text: repr(text[:40]),
)
def test_what_is_not_understood_is_dropped(text: str) -> None:
    """Anything else gives no scope, and takes none of the others away (D3, S15, T3)."""
    assert parse_scope(text) is None
    parsed = parse_scopes([text, "repository:a/b:pull"])
    assert parsed.scopes == (repository("a/b", "pull"),)
    assert parsed.dropped == ((text,) if text else ())


@pytest.mark.parametrize("values", [[], [""], [" ", "  "], ["", "", ""]])
def test_no_scope_is_nothing(values: list[str]) -> None:
    """An empty or missing parameter asks for nothing."""
    parsed = parse_scopes(values)
    assert parsed.scopes == ()
    assert parsed.dropped == ()


def test_limit_of_scopes() -> None:
    """As many scopes as the limit are read; one more is refused, however it is spread and whatever it says."""
    texts = [f"repository:a{number}:pull" for number in range(MAX_SCOPES)]
    assert len(parse_scopes(texts).scopes) == MAX_SCOPES
    for values in ([*texts, "x"], [" ".join(texts), "repository:a0:pull"], ["x"] * 10_000):
        with pytest.raises(TooManyScopesError, match=f"at most {MAX_SCOPES}"):
            parse_scopes(values)
