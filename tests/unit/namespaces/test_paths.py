"""The grammar of paths, against a formulation that shares nothing with it."""

import string
from itertools import groupby

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from registry_auth.errors import InvalidValueError
from registry_auth.namespaces.paths import MAX_DEPTH, MAX_LENGTH, ancestors, check_path, is_repository_name, lineage

WORD = set(string.ascii_lowercase + string.digits)
PIECES = st.lists(st.sampled_from(["a", "z9", "0", ".", "_", "__", "-", "--", "/", "A", "é"]), max_size=12).map("".join)
COMPONENTS = st.text("ab0._-", min_size=1, max_size=8)


def follows_distribution(name: str) -> bool:
    """Say character by character what distribution/reference says with a regular expression."""
    return 0 < len(name) <= 255 and all(component_follows_distribution(component) for component in name.split("/"))


def component_follows_distribution(component: str) -> bool:
    """Take the words out: what is left between them must be one of the separators, and the ends must be words."""
    if not component or component[0] not in WORD or component[-1] not in WORD:
        return False
    runs = ("".join(run) for is_word, run in groupby(component, WORD.__contains__) if not is_word)
    return all(text in {".", "_", "__"} or set(text) == {"-"} for text in runs)


@given(PIECES | st.text())
@example("0\r0")
def test_grammar_is_that_of_distribution(name: str) -> None:
    """A name is accepted exactly when a registry could have it."""
    assert is_repository_name(name) is follows_distribution(name)


@pytest.mark.parametrize(
    "name",
    ["app", "a/b/c/d/e", "a.b", "a_b", "a__b", "a-b", "a-----b", "0", "a" * MAX_LENGTH, "/".join("a" * 128)],
)
def test_repository_names(name: str) -> None:
    """One component, many, and every separator are names."""
    assert is_repository_name(name)


@pytest.mark.parametrize(
    "name",
    [
        *("", "/", "a/", "/a", "a//b", ".", "..", "a/../b", "a/./b", "A", "a/B", "a%2fb", "a b", "a:b", "host:5000/a", "a\x00", "a\n"),
        *(".a", "a.", "_a", "a_", "-a", "a-", "a..b", "a___b", "a.-b", "a._b", "a*", "a|b", "${a}", "a\\b", "a" * (MAX_LENGTH + 1)),
        *("é", "\N{CYRILLIC SMALL LETTER A}", "\N{LATIN SMALL LETTER LONG S}", "\N{ARABIC-INDIC DIGIT ONE}", "\udcff"),
    ],
)
def test_other_texts_are_no_names(name: str) -> None:
    """Tricks, upper case, Unicode look-alikes and over-long texts are not names (S15, S16, D23)."""
    assert not is_repository_name(name)
    with pytest.raises(InvalidValueError, match="is not a path"):
        check_path(name)


@pytest.mark.parametrize("path", ["dependency_proxy", "a/dependency_proxy", "a/dependency_proxy/b"])
def test_component_of_the_dependency_proxy_is_reserved(path: str) -> None:
    """No group or project can be called as the dependency proxy's images are."""
    with pytest.raises(InvalidValueError, match="reserved for the dependency proxy"):
        check_path(path)


@pytest.mark.parametrize("path", ["dependency_proxy_x", "dependency-proxy", "a/x-dependency_proxy", "/".join("a" * MAX_DEPTH)])
def test_paths_beside_the_reserved_one_are_free(path: str) -> None:
    """Only the whole component is reserved, and the deepest path is allowed."""
    check_path(path)


def test_too_deep_path_is_refused() -> None:
    """One component more than the limit is too many for a group or project, though an image may be called so."""
    path = "/".join("a" * (MAX_DEPTH + 1))
    assert is_repository_name(path)
    with pytest.raises(InvalidValueError, match=f"at most {MAX_DEPTH} components"):
        check_path(path)


@given(st.lists(COMPONENTS, min_size=1, max_size=6))
def test_lineage_is_every_prefix_by_whole_components(components: list[str]) -> None:
    """The lineage goes from the outermost path to the path itself, and the ancestors are all of it but the last."""
    prefixes = tuple("/".join(components[: end + 1]) for end in range(len(components)))
    assert lineage("/".join(components)) == prefixes
    assert ancestors("/".join(components)) == prefixes[:-1]
