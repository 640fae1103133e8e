"""The names of images at the dependency proxy: `GROUP/dependency_proxy/containers/IMAGE` (GitLab docs: dependency proxy)."""

from dataclasses import dataclass

from registry_auth.namespaces.paths import RESERVED_COMPONENT, is_repository_name

_WORDS = f"{RESERVED_COMPONENT}/containers"


@dataclass(frozen=True, slots=True)
class ImageName:
    """An image, and the group under which it is asked for."""

    group: str
    image: str

    @property
    def full(self) -> str:
        """The name as clients and scopes write it."""
        return f"{self.group}/{_WORDS}/{self.image}"


def parse_image_name(name: str) -> ImageName | None:
    """Read a repository's name; None when it names no image of the dependency proxy.

    The words in the middle may stand there only once: what one group calls an image must never be the full name of another group's.
    """
    group, words, image = name.partition(f"/{_WORDS}/")
    if not words or _WORDS in group or _WORDS in image or not is_repository_name(name):
        return None
    return ImageName(group, image)
