"""The grammar of scopes: `type:name:action,action` (Distribution, token scope documentation).

What cannot be understood is dropped and never an error: clients send along scopes that are none of ours.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from registry_auth.errors import TooManyScopesError
from registry_auth.namespaces.paths import is_repository_name
from registry_auth.values import Action, Scope

# More than any client asks for (an image build mounts from a few dozen repositories); keeps a token below what clients read.
MAX_SCOPES = 256

_CATALOG = "catalog"
_ALL = "*"
_REPOSITORY_ACTIONS = frozenset({*Action, _ALL})
_CLASS_SUFFIX = re.compile(r"\([a-z0-9]+\)$")


@dataclass(frozen=True, slots=True)
class ParsedScopes:
    """The scopes that were understood, one per resource in the order of first asking, and the texts that were dropped."""

    scopes: tuple[Scope, ...]
    dropped: tuple[str, ...]


def parse_scopes(values: Iterable[str]) -> ParsedScopes:
    """Read all values of the parameter `scope`, each of which may hold several scopes separated by spaces.

    Scopes for one resource become one, with the union of their actions. Raises TooManyScopesError for more than MAX_SCOPES.
    """
    texts = [text for value in values for text in value.split(" ") if text]
    if len(texts) > MAX_SCOPES:
        raise TooManyScopesError(f"The request has {len(texts)} scopes; at most {MAX_SCOPES} are answered at once.")
    merged: dict[tuple[str, str], Scope] = {}
    dropped = []
    for text in texts:
        scope = parse_scope(text)
        if scope is None:
            dropped.append(text)
        else:
            resource = (scope.type, scope.name)
            merged[resource] = _united(merged[resource], scope) if resource in merged else scope
    return ParsedScopes(tuple(merged.values()), tuple(dropped))


def _united(first: Scope, second: Scope) -> Scope:
    return Scope(first.type, first.name, tuple(dict.fromkeys((*first.actions, *second.actions))))


def parse_scope(text: str) -> Scope | None:
    """Read one scope, split at its first and last colon. None when it is not one that a registry asks for."""
    type_, _, rest = text.partition(":")
    name, _, words = rest.rpartition(":")
    type_ = _CLASS_SUFFIX.sub("", type_)
    actions = tuple(dict.fromkeys(words.split(",")))
    if type_ == "repository" and is_repository_name(name):
        actions = tuple(word for word in actions if word in _REPOSITORY_ACTIONS)
    elif type_ == "registry" and name == _CATALOG:
        actions = tuple(word for word in actions if word == _ALL)
    else:
        return None
    return Scope(type_, name, actions) if actions else None
