"""Making, changing and deleting projects and groups (GitLab docs: projects API, groups API). Paths and parents never change."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated

from pydantic import Field

from registry_auth.errors import InvalidValueError
from registry_auth.json_form import GroupJson, JsonForm, ProjectJson, namespace_json
from registry_auth.namespaces.models import Namespace
from registry_auth.namespaces.paths import last_component
from registry_auth.rest_api.errors import ParameterError, RefusedError
from registry_auth.rest_api.guards import SIGNED_IN, managing_role, person, require_role, visible_namespace, who_has
from registry_auth.rest_api.namespaces import FORMS
from registry_auth.rest_api.operations import Api, Call
from registry_auth.rest_api.parameters import Id, Parameters, Text
from registry_auth.services import Services
from registry_auth.values import Caller, NamespaceKind, Role, Visibility

GROUP, PROJECT = NamespaceKind.GROUP, NamespaceKind.PROJECT


class _NewNamespace(Parameters):
    name: Annotated[Text | None, Field(description="What people call it; the path unless given.")] = None
    path: Annotated[Text | None, Field(description="The last component of the path; made from the name unless given.")] = None
    visibility: Visibility = Visibility.PRIVATE
    reuse_path: Annotated[
        bool, Field(description="Take the path of something deleted, with the images that are left there; for administrators.")
    ] = False

    @property
    def component(self) -> str:
        """The last component of the path. Raises ParameterError and InvalidValueError."""
        component = self.path or (self.name or "").lower().replace(" ", "-")
        if not component:
            raise ParameterError("name, path are missing, at least one parameter must be provided")
        if "/" in component:
            raise InvalidValueError("The path is one component; the group that it is in is named by its id.", field="path")
        return component


class NewProject(_NewNamespace):
    """A project to be made."""

    namespace_id: Annotated[Id | None, Field(description="Id of the group that it is in; only administrators leave it out.")] = None


class NewGroup(_NewNamespace):
    """A group to be made."""

    parent_id: Annotated[Id | None, Field(description="Id of the group that it is in; only administrators leave it out.")] = None


class ChangedNamespace(Parameters):
    """What is to be changed of a group or project."""

    name: Text | None = None
    path: Annotated[Text | None, Field(description="Must be left out or be the path that it has: paths never change.")] = None
    visibility: Annotated[Visibility | None, Field(description="For owners.")] = None


class ChangedGroup(ChangedNamespace):
    """What is to be changed of a group."""

    dependency_proxy_enabled: Annotated[
        bool | None, Field(description="Whether the group has the dependency proxy; off in a group, it is off in all its subgroups.")
    ] = None


CHANGES: Mapping[NamespaceKind, type[ChangedNamespace]] = {GROUP: ChangedGroup, PROJECT: ChangedNamespace}


class Accepted(JsonForm):
    """What a deletion answers."""

    message: str = "202 Accepted"


def namespace_change_operations(api: Api, services: Services) -> None:
    """Declare the operations."""
    for kind in NamespaceKind:
        _changing(api, services, kind)
        _deleting(api, services, kind)
    _creating_projects(api, services)
    _creating_groups(api, services)


def _changing(api: Api, services: Services, kind: NamespaceKind) -> None:
    @api.operation(
        f"PUT /{kind}s/{{id}}",
        f"update_{kind}",
        f"Change a {kind}",
        guard=who_has(managing_role(kind), kind),
        given=CHANGES[kind],
        answer=FORMS[kind],
    )
    def update(call: Call[ChangedNamespace]) -> object:
        given, namespace = call.given, call.namespace
        if given.path not in {None, last_component(namespace.path)}:
            raise InvalidValueError("Paths never change: the images would not move along.", field="path")
        if given.visibility is not None:
            require_role(call.caller, namespace, Role.OWNER)
        changed = services.namespaces.update(
            kind,
            namespace.path,
            name=given.name,
            visibility=given.visibility,
            dependency_proxy_enabled=given.dependency_proxy_enabled if isinstance(given, ChangedGroup) else None,
        )
        return namespace_json(changed)


def _creating_projects(api: Api, services: Services) -> None:
    @api.operation(
        "POST /projects",
        "create_project",
        "Make a project in a group of which one is maintainer",
        guard=SIGNED_IN,
        given=NewProject,
        answer=ProjectJson,
        status=HTTPStatus.CREATED,
    )
    def create(call: Call[NewProject]) -> object:
        return namespace_json(_create(services, PROJECT, call.caller, call.given, call.given.namespace_id))


def _creating_groups(api: Api, services: Services) -> None:
    @api.operation(
        "POST /groups",
        "create_group",
        "Make a group in a group of which one is maintainer; who makes it owns it",
        guard=SIGNED_IN,
        given=NewGroup,
        answer=GroupJson,
        status=HTTPStatus.CREATED,
    )
    def create(call: Call[NewGroup]) -> object:
        return namespace_json(_create(services, GROUP, call.caller, call.given, call.given.parent_id))


def _create(services: Services, kind: NamespaceKind, caller: Caller, given: _NewNamespace, parent_id: int | None) -> Namespace:
    is_administrator = person(caller).is_administrator
    if parent_id is None and not is_administrator:
        raise RefusedError(403, f"Forbidden - Only administrators make a {kind} at the root: name the group that it belongs in.")
    if given.reuse_path and not is_administrator:
        raise RefusedError(403, "Forbidden - Only administrators take a path again.")
    path = given.component
    if parent_id is not None:
        parent = visible_namespace(caller, services.namespaces, GROUP, str(parent_id))
        require_role(caller, parent, Role.MAINTAINER)
        path = f"{parent.path}/{path}"
    created = services.namespaces.create(
        kind,
        path,
        visibility=given.visibility,
        name=given.name,
        reuse_path=given.reuse_path,
        and_then=services.memberships.owner_of_new(person(caller).id) if kind is GROUP else None,
    )
    return created.namespace


def _deleting(api: Api, services: Services, kind: NamespaceKind) -> None:
    @api.operation(
        f"DELETE /{kind}s/{{id}}",
        f"delete_{kind}",
        f"Delete a {kind} with all that is in it, deploy tokens and memberships too; images stay in the registry, the path stays reserved",
        guard=who_has(Role.OWNER, kind),
        given=Parameters,
        answer=Accepted,
        status=HTTPStatus.ACCEPTED,
    )
    def delete(call: Call[Parameters]) -> object:
        services.namespaces.delete(kind, call.namespace.path, recursive=True)
        return Accepted()
