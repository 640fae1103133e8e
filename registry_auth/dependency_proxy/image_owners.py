"""Which group an image of the dependency proxy belongs to."""

from collections.abc import Iterable, Mapping

from registry_auth.dependency_proxy.image_names import parse_image_name
from registry_auth.namespaces.group_lookup import GroupLookup
from registry_auth.values import Group


class ImageOwners:
    """Finds the groups of images by their full names."""

    def __init__(self, groups: GroupLookup) -> None:
        self._groups = groups

    def owners(self, repositories: Iterable[str]) -> Mapping[str, Group]:
        """Give each image its group, with one look-up for all; what is no image, or of no group, is left out."""
        names = {repository: name for repository in repositories if (name := parse_image_name(repository)) is not None}
        groups = self._groups.groups({name.group for name in names.values()})
        return {repository: groups[name.group] for repository, name in names.items() if name.group in groups}
