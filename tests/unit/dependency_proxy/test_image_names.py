"""The names of images at the dependency proxy: one reading each, and the words in the middle once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_auth.dependency_proxy.image_names import ImageName, parse_image_name
from registry_auth.errors import InvalidValueError
from registry_auth.namespaces.paths import check_path, is_repository_name

WORDS = "dependency_proxy/containers"
COMPONENTS = ["a", "b", "dependency_proxy", "containers", "c", "d"]
PIECES = ["a", "b-c", "x__y", "A", "", "..", ".", "-", "é", "\n", "%2f", "dependency_proxy", "containers", WORDS, f"x{WORDS}", f"{WORDS}x"]


@pytest.mark.parametrize(
    ("name", "group", "image"),
    [
        (f"g/{WORDS}/alpine", "g", "alpine"),
        (f"g/sub/deep/{WORDS}/alpine", "g/sub/deep", "alpine"),
        (f"g/{WORDS}/library/alpine", "g", "library/alpine"),
        (f"g/{WORDS}/ghcr.io/owner/image/more", "g", "ghcr.io/owner/image/more"),
        (f"g-x.y__z/{WORDS}/a_b--c.d", "g-x.y__z", "a_b--c.d"),
        (f"g/{WORDS}/containers", "g", "containers"),
        (f"g/{WORDS}/containers/x", "g", "containers/x"),
        (f"g/{WORDS}/dependency_proxy", "g", "dependency_proxy"),
        (f"g/{WORDS}/dependency_proxy/x", "g", "dependency_proxy/x"),
        (f"containers/{WORDS}/x", "containers", "x"),
        (f"g/{WORDS}/manifests", "g", "manifests"),
        (f"g/{WORDS}/blobs/uploads", "g", "blobs/uploads"),
        (f"tags/list/{WORDS}/tags/list", "tags/list", "tags/list"),
    ],
)
def test_group_and_image_are_told_apart(name: str, group: str, image: str) -> None:
    """What stands before the words is the group, what stands behind them the image, at any depth of both."""
    assert parse_image_name(name) == ImageName(group, image)
    assert ImageName(group, image).full == name


@pytest.mark.parametrize(
    "name",
    [
        *("", "/", "alpine", "g/alpine", WORDS, f"/{WORDS}/", f"{WORDS}/alpine", f"/{WORDS}/alpine", f"g/{WORDS}", f"g/{WORDS}/"),
        f"/g/{WORDS}/a",
        *(f"g/{WORDS}/a/", f"g//{WORDS}/a", f"g/{WORDS}//a", f"g/{WORDS}/a//b", "g/dependency_proxy//containers/a", f"g{WORDS}/a"),
        *("g/dependency_proxy/a", "g/containers/a", "g/dependency-proxy/containers/a", "g/dependency_proxy/container/a"),
        "g/x/containers/a",
        *(f"G/{WORDS}/a", f"g/{WORDS}/A", "g/Dependency_Proxy/Containers/a", f"g/{WORDS.upper()}/a", f"é/{WORDS}/a", f"g/{WORDS}/é"),
        *(f"g/../h/{WORDS}/a", f"g/{WORDS}/../a", f"g/{WORDS}/..", f"g/{WORDS}/.", f"./{WORDS}/a", f"g/{WORDS}/a/./b", f"g%2fh/{WORDS}/a"),
        *(f"g/{WORDS}/a\n", f"\ng/{WORDS}/a", f"g/{WORDS}/a\r\nX: y", f"g/{WORDS}/a\x00", f"g/{WORDS}/a b", f" g/{WORDS}/a"),
        f"g/{WORDS}/a:b",
        *(f"g/{WORDS}/a@b", f"g/{WORDS}/-a", f"g/{WORDS}/a-", f"g/{WORDS}/a___b", f"g/{WORDS}/a..b", f"g/{WORDS}/_a", f"g/{WORDS}/a;b"),
        *(f"g/{WORDS}/٣", f"g/{WORDS}/\uff41", f"g\\{WORDS}/a", f"g/{WORDS}/a?b", f"g/{WORDS}/a#b", f"g/{WORDS}/*"),
    ],
    ids=repr,
)
def test_other_names_are_none(name: str) -> None:
    """A part that is missing or empty, upper case, traversal, and whatever a registry has no repository for: no image."""
    assert parse_image_name(name) is None


@pytest.mark.parametrize("place", [place for place in range(len(COMPONENTS) + 1) if place != 3])
def test_words_twice_are_no_name(place: int) -> None:
    """Wherever the words stand a second time: what one group calls an image is never the full name of another group's."""
    assert parse_image_name("/".join(COMPONENTS)) == ImageName("a/b", "c/d")
    twice = [*COMPONENTS[:place], *WORDS.split("/"), *COMPONENTS[place:]]
    assert parse_image_name("/".join(twice)) is None


def test_words_within_the_words_name_no_possible_group() -> None:
    """Put into each other they stand there once, below what no group can be called."""
    name = "a/dependency_proxy/dependency_proxy/containers/containers/c"
    parsed = parse_image_name(name)
    assert parsed == ImageName("a/dependency_proxy", "containers/c")
    with pytest.raises(InvalidValueError, match="reserved"):
        check_path(parsed.group)


@pytest.mark.parametrize(("length", "is_one"), [(255, True), (256, False), (10_000, False)])
def test_longest_name(length: int, *, is_one: bool) -> None:
    """A full name has at most 255 characters: registries answer longer ones with an error 500."""
    behind, before = (f"g/{WORDS}/".ljust(length, "a"), f"/{WORDS}/a".rjust(length, "a"))
    assert [len(behind), len(before)] == [length, length]
    assert [parse_image_name(name) is not None for name in (behind, before)] == [is_one, is_one]


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=8).map("/".join) | st.text())
def test_a_name_has_one_reading(name: str) -> None:
    """Whatever is read gives the input again byte for byte, and neither of its parts holds the words, so that no other cut is possible."""
    parsed = parse_image_name(name)
    if parsed is None:
        assert name.count(f"/{WORDS}/") != 1 or name.count(WORDS) > 1 or not is_repository_name(name)
        return
    assert parsed.full == name
    assert name.count(WORDS) == 1
    assert is_repository_name(parsed.group)
    assert is_repository_name(parsed.image)


PATHS = st.lists(st.sampled_from(["a", "g-x", "containers", "dependency_proxy", "manifests", "library", "ghcr.io"]), min_size=1, max_size=4)


@given(PATHS.map("/".join), PATHS.map("/".join))
def test_a_full_name_is_read_as_it_was_meant(group: str, image: str) -> None:
    """What a group calls an image is read as that group's image, or as none; never as another group's."""
    meant = ImageName(group, image)
    assert (parse_image_name(meant.full) is None) == (meant.full.count(WORDS) > 1)
    assert parse_image_name(meant.full) in {None, meant}
