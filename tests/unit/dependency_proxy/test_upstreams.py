"""Where images are cached: never at an upstream where somebody else might own the name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_auth.dependency_proxy.upstreams import DEFAULT_CACHE, CachedImage, cached_image

UPSTREAMS = frozenset({"ghcr.io", "registry.example.com"})


@pytest.mark.parametrize(
    ("image", "cache", "repository"),
    [
        ("alpine", "default", "library/alpine"),
        ("library/alpine", "default", "library/alpine"),
        ("library/library/alpine", "default", "library/library/alpine"),
        ("grafana/loki", "default", "grafana/loki"),
        ("a/b/c/d", "default", "a/b/c/d"),
        ("a/ghcr.io/b", "default", "a/ghcr.io/b"),
        ("localhost/a", "default", "localhost/a"),
        ("default/a", "default", "default/a"),
        ("ghcr.io", "default", "library/ghcr.io"),
        ("my.image", "default", "library/my.image"),
        ("ghcr.io/owner/image", "ghcr.io", "owner/image"),
        ("ghcr.io/image", "ghcr.io", "image"),
        ("ghcr.io/library/image", "ghcr.io", "library/image"),
        ("ghcr.io/quay.io/image", "ghcr.io", "quay.io/image"),
        ("ghcr.io/ghcr.io/image", "ghcr.io", "ghcr.io/image"),
        ("registry.example.com/a/b/c", "registry.example.com", "a/b/c"),
    ],
)
def test_cache_and_name_of_an_image(image: str, cache: str, repository: str) -> None:
    """A first component with a dot names a further upstream, and official images have the prefix that clients leave out."""
    assert cached_image(image, UPSTREAMS) == CachedImage(cache, repository)


@pytest.mark.parametrize(
    "image",
    [
        *("quay.io/owner/image", "docker.io/library/alpine", "ghcr.io.evil.com/owner/image", "xghcr.io/owner/image", "ghcr.i/owner/image"),
        *("ghcr.iox/a", "example.com/a", "registry.example/a", "1.2/a", "quay.io/ghcr.io/image"),
    ],
)
def test_upstream_that_is_not_set_up_is_nobodys(image: str) -> None:
    """A host that is not known, as a whole, is never looked for at the default upstream."""
    assert cached_image(image, UPSTREAMS) is None


@pytest.mark.parametrize("image", ["ghcr.io/owner/image", "registry.example.com/a"])
def test_without_further_upstreams_there_is_the_default_alone(image: str) -> None:
    """Nothing is set up unless somebody did."""
    assert cached_image(image, frozenset()) is None


COMPONENT = st.sampled_from(["a", "library", "ghcr.io", "quay.io", "registry.example.com", "default", "x-y", "a.b"])


@given(st.lists(COMPONENT, min_size=1, max_size=5).map("/".join))
def test_one_upstream_never_stands_for_another(image: str) -> None:
    """What the default cache gets has no host in front, and what a further one gets is the rest behind its own name."""
    cached = cached_image(image, UPSTREAMS)
    if cached is None:
        assert "." in image.partition("/")[0]
        assert not image.startswith(("ghcr.io/", "registry.example.com/"))
    elif cached.cache == DEFAULT_CACHE:
        assert cached.repository in {image, f"library/{image}"}
        assert "/" in cached.repository
        assert "." not in cached.repository.partition("/")[0]
    else:
        assert f"{cached.cache}/{cached.repository}" == image
