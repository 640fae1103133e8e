"""What is held at the container registry: the part of the decision that knows projects."""

from registry_auth.authorization.action_sets import EVERYTHING, NOTHING, PULL, PULL_AND_PUSH
from registry_auth.authorization.roles import role_at
from registry_auth.values import Action, Caller, Person, Project, Role, TokenScope, Visibility

_SCOPES = frozenset({TokenScope.READ_REGISTRY, TokenScope.WRITE_REGISTRY, TokenScope.API})

_BY_ROLE = {
    Role.GUEST: NOTHING,
    Role.REPORTER: PULL,
    Role.DEVELOPER: PULL_AND_PUSH,
    Role.MAINTAINER: EVERYTHING,
    Role.OWNER: EVERYTHING,
}


def has_ability(caller: Caller) -> bool:
    """Say whether the scopes of the credential let anything through."""
    return not _SCOPES.isdisjoint(caller.scopes)


def held_actions(caller: Caller, project: Project) -> frozenset[Action]:
    """Give what the caller may do with the images of a project."""
    rights = _by_reach(caller, project) if caller.person is None else _by_person(caller.person, project)
    return (rights & _by_token_scopes(caller)) | _by_visibility(project)


def may_list_catalog(caller: Caller) -> bool:
    """Say whether the caller may see the names of all repositories: administrators, with any scope that reads."""
    return caller.person is not None and caller.person.is_administrator and Action.PULL in _by_token_scopes(caller)


def _by_visibility(project: Project) -> frozenset[Action]:
    return PULL if project.visibility is Visibility.PUBLIC else NOTHING


def _by_reach(caller: Caller, project: Project) -> frozenset[Action]:
    """Give what a deploy token could do with all scopes; it never deletes images (GitLab docs: deploy tokens)."""
    for owner in caller.reach:  # `any` takes twice as long
        if owner.covers(project.path):
            return PULL_AND_PUSH
    return NOTHING


def _by_person(person: Person, project: Project) -> frozenset[Action]:
    """Give what a user could do with all scopes (GitLab docs: permissions, container registry)."""
    role = role_at(person, project.path)
    rights = NOTHING if role is None else _BY_ROLE[role]
    return rights | PULL if project.visibility is Visibility.INTERNAL else rights


def _by_token_scopes(caller: Caller) -> frozenset[Action]:
    """Give what the scopes of the credential let through. Pushing needs both registry scopes, deleting needs `api`."""
    if TokenScope.API in caller.scopes:
        return EVERYTHING
    if TokenScope.READ_REGISTRY not in caller.scopes:
        return NOTHING
    return PULL_AND_PUSH if TokenScope.WRITE_REGISTRY in caller.scopes else PULL
