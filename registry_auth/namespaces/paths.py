"""The grammar of paths, and the rules between a path and the paths above it.

A path is written as Distribution writes repository names (distribution/reference, grammar of `path-component`): lower-case letters and
digits, joined within a component by one `.`, one or two `_`, or any number of `-`; components are joined by `/`.
"""

import re
from functools import lru_cache

from registry_auth.errors import InvalidValueError

MAX_LENGTH = 255  # characters; Distribution's NameTotalLengthMax

# Components of the path of a group or project (GitLab docs: 20 levels of subgroups). Images may lie deeper.
MAX_DEPTH = 20

# The dependency proxy's image names carry this word after the group, so nothing else may be called so.
RESERVED_COMPONENT = "dependency_proxy"

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_PATH = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")


def is_repository_name(name: str) -> bool:
    """Say whether a registry could have a repository of this name, byte for byte."""
    return len(name) <= MAX_LENGTH and _PATH.fullmatch(name) is not None


def check_path(path: str) -> None:
    """Raise InvalidValueError unless a group or project may have this path."""
    if not is_repository_name(path):
        raise InvalidValueError(
            f"'{path}' is not a path: use lower-case letters and digits, joined by '.', '_', '__' or '-', in components "
            f"joined by '/', at most {MAX_LENGTH} characters in all.",
            field="path",
        )
    components = path.split("/")
    if len(components) > MAX_DEPTH:
        raise InvalidValueError(f"'{path}' is too deep: a group or project has at most {MAX_DEPTH} components.", field="path")
    if RESERVED_COMPONENT in components:
        raise InvalidValueError(f"'{path}' cannot be used: '{RESERVED_COMPONENT}' is reserved for the dependency proxy.", field="path")


def ancestors(path: str) -> tuple[str, ...]:
    """Give the paths above, outermost first, without the path itself: `a/b/c` has `a` and `a/b`."""
    parts = path.split("/")
    return tuple("/".join(parts[:length]) for length in range(1, len(parts)))


def last_component(path: str) -> str:
    """Give the part after the last slash."""
    return path.rpartition("/")[2]


@lru_cache(1_024)  # a fifth of the time of a request with 60 scopes; a path has 255 characters at most
def lineage(path: str) -> tuple[str, ...]:
    """Give the paths above and the path itself, outermost first."""
    return (*ancestors(path), path)
