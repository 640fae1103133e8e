"""The requests of registry clients, read strictly (Distribution specification, Endpoints): what is not one of them is refused."""

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import parse_qsl

from registry_auth.dependency_proxy.image_names import ImageName, parse_image_name
from registry_auth.errors import UnknownNameError, UnsupportedMethodError


class Resource(StrEnum):
    """What a request is about."""

    MANIFEST_BY_TAG = "manifest by tag"
    MANIFEST_BY_DIGEST = "manifest by digest"
    BLOB = "blob"
    TAGS = "tags"
    NEW_UPLOAD = "new upload"
    UPLOAD = "upload"


_METHODS = {
    Resource.MANIFEST_BY_TAG: frozenset({"GET", "HEAD", "PUT", "DELETE"}),
    Resource.MANIFEST_BY_DIGEST: frozenset({"GET", "HEAD", "PUT", "DELETE"}),
    Resource.BLOB: frozenset({"GET", "HEAD", "DELETE"}),
    Resource.TAGS: frozenset({"GET"}),
    Resource.NEW_UPLOAD: frozenset({"POST"}),
    Resource.UPLOAD: frozenset({"GET", "HEAD", "PATCH", "PUT", "DELETE"}),
}

# Tags: distribution/reference, grammar. Digests: the algorithms that registries store (OCI image specification, Digests); anything else
# they take for a tag, and fail. Upload ids: distribution's routes.
_DIGEST = "(?:sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})"
_PLACES = {
    Resource.MANIFEST_BY_TAG: r"manifests/[A-Za-z0-9_][A-Za-z0-9._-]{0,127}",
    Resource.MANIFEST_BY_DIGEST: f"manifests/{_DIGEST}",
    Resource.BLOB: f"blobs/{_DIGEST}",
    Resource.TAGS: "tags/list",
    Resource.NEW_UPLOAD: "blobs/uploads/?",
    Resource.UPLOAD: "blobs/uploads/[A-Za-z0-9][A-Za-z0-9_.=-]{0,299}",
}
# The name is as long as it can be, as the registries' own routes read it.
_PATHS = {resource: re.compile(f"/v2/(?P<name>[a-z0-9._/-]+)/{place}") for resource, place in _PLACES.items()}


@dataclass(frozen=True, slots=True)
class RegistryRequest:
    """What a client wants of one image; `source` is the repository from which an upload would take over a blob (`mount`, `from`)."""

    method: str
    name: ImageName
    resource: Resource
    source: str | None = None

    @property
    def reads(self) -> bool:
        """Whether the method leaves everything as it is."""
        return self.method in {"GET", "HEAD"}


def parse_request(method: str, uri: str, normalized_path: str) -> RegistryRequest:
    """Read a request from its method, its address as the client wrote it, and the path that nginx made of that.

    The two have to agree to the letter: nginx routes by the one what is decided on the other. Raises UnknownNameError and
    UnsupportedMethodError.
    """
    path, _, query = uri.partition("?")
    resource, name = _read_path(path)
    if path != normalized_path or name is None:
        raise UnknownNameError("There is nothing at this address. Images are named GROUP/dependency_proxy/containers/IMAGE.")
    if method not in _METHODS[resource]:
        raise UnsupportedMethodError("The registry does not have this method here.")
    return RegistryRequest(method, name, resource, _source(query) if resource is Resource.NEW_UPLOAD else None)


def _read_path(path: str) -> tuple[Resource, ImageName | None]:
    for resource, pattern in _PATHS.items():
        match = pattern.fullmatch(path)
        if match is not None:
            return resource, parse_image_name(match["name"])
    return Resource.MANIFEST_BY_TAG, None


def _source(query: str) -> str | None:
    """Give the repository to mount from. A query that says more, or something twice, says nothing: it might be read in two ways."""
    parameters = parse_qsl(query, keep_blank_values=True)
    values = dict(parameters)
    if sorted(key for key, _ in parameters) != ["from", "mount"] or re.fullmatch(_DIGEST, values["mount"]) is None:
        return None
    return values["from"]
