"""Where the images come from: which cache holds an image, and under which name."""

from collections.abc import Collection
from dataclasses import dataclass

# What nginx is told for images of the default upstream; the names of others have a dot in them.
DEFAULT_CACHE = "default"

# Where Docker Hub keeps official images, which clients write without it.
_OFFICIAL = "library"


@dataclass(frozen=True, slots=True)
class CachedImage:
    """The cache, and the name of the repository at its upstream."""

    cache: str
    repository: str


def cached_image(image: str, further_upstreams: Collection[str]) -> CachedImage | None:
    """Say where the image of this name under a group is cached: `alpine`, `grafana/loki`, `ghcr.io/owner/image`.

    A first component with a dot names a further upstream. One that is not set up is nobody's: None, and never the default upstream,
    where somebody else might own that name.
    """
    first, slash, rest = image.partition("/")
    if not slash:
        return CachedImage(DEFAULT_CACHE, f"{_OFFICIAL}/{image}")
    if "." not in first:
        return CachedImage(DEFAULT_CACHE, image)
    return CachedImage(first, rest) if first in further_upstreams else None
