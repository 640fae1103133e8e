"""`/projects` and `/groups`: which there are (GitLab docs: projects API, groups API)."""

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from registry_auth.accounts.visible_namespaces import NamespaceFilter
from registry_auth.json_form import GroupJson, JsonForm, ProjectJson, namespace_json
from registry_auth.rest_api.guards import ANYBODY, who_sees
from registry_auth.rest_api.operations import Api, Call, map_page
from registry_auth.rest_api.parameters import AccessLevel, PageParameters, Parameters, Search
from registry_auth.services import Services
from registry_auth.values import NamespaceKind, Role, Visibility

GROUP, PROJECT = NamespaceKind.GROUP, NamespaceKind.PROJECT

FORMS: Mapping[NamespaceKind, type[JsonForm]] = {GROUP: GroupJson, PROJECT: ProjectJson}


class OrderBy(StrEnum):
    """What a list is ordered by."""

    ID = "id"
    NAME = "name"
    PATH = "path"
    CREATED_AT = "created_at"


class Sort(StrEnum):
    """Which end of a list comes first."""

    ASC = "asc"
    DESC = "desc"


class ListNamespaces(PageParameters):
    """Which groups or projects are wanted."""

    search: Annotated[Search | None, Field(description="Those with this text in their name or path.")] = None
    visibility: Visibility | None = None
    owned: Annotated[bool, Field(description="Only those that one owns.")] = False
    membership: Annotated[bool, Field(description="Only those that one is a member of, inherited memberships included.")] = False
    min_access_level: Annotated[AccessLevel | None, Field(description="Only those in which one has at least this access level.")] = None
    order_by: OrderBy = OrderBy.PATH
    sort: Sort = Sort.ASC

    @property
    def wanted(self) -> NamespaceFilter:
        """The filter as the service knows it."""
        least = Role.OWNER if self.owned else Role.GUEST if self.membership else None
        roles = [role for role in (least, self.min_access_level and Role(self.min_access_level)) if role]
        return NamespaceFilter(
            search=self.search,
            visibility=self.visibility,
            role=max(roles, default=None),
            order_by=self.order_by,
            descending=self.sort is Sort.DESC,
        )


class ListGroups(ListNamespaces):
    """Which groups are wanted."""

    top_level_only: Annotated[bool, Field(description="Leave out subgroups.")] = False


class ListProjectsOfGroup(ListNamespaces):
    """Which projects of a group are wanted."""

    include_subgroups: Annotated[bool, Field(description="Those of subgroups too.")] = False


def namespace_operations(api: Api, services: Services) -> None:
    """Declare the operations."""
    _listing(api, services, PROJECT, ListNamespaces)
    _listing(api, services, GROUP, ListGroups)
    _inside_a_group(api, services)
    for kind in NamespaceKind:
        _showing(api, kind)


def _listing(api: Api, services: Services, kind: NamespaceKind, given: type[ListNamespaces]) -> None:
    @api.operation(f"GET /{kind}s", f"list_{kind}s", f"List the {kind}s that one sees", guard=ANYBODY, given=given, answer=FORMS[kind])
    def list_(call: Call[ListNamespaces]) -> object:
        top_level = isinstance(call.given, ListGroups) and call.given.top_level_only
        return _page(services, kind, call, top_level=top_level)


def _inside_a_group(api: Api, services: Services) -> None:
    @api.operation(
        "GET /groups/{id}/projects",
        "list_projects_of_group",
        "List the projects of a group",
        guard=who_sees(GROUP),
        given=ListProjectsOfGroup,
        answer=ProjectJson,
    )
    def projects(call: Call[ListProjectsOfGroup]) -> object:
        group = call.namespace
        place = {"below": group.path} if call.given.include_subgroups else {"parent_id": group.id}
        return _page(services, PROJECT, call, **place)

    @api.operation(
        "GET /groups/{id}/subgroups",
        "list_subgroups",
        "List the groups that are directly in a group",
        guard=who_sees(GROUP),
        given=ListNamespaces,
        answer=GroupJson,
    )
    def subgroups(call: Call[ListNamespaces]) -> object:
        return _page(services, GROUP, call, parent_id=call.namespace.id)

    @api.operation(
        "GET /groups/{id}/descendant_groups",
        "list_descendant_groups",
        "List the groups that are anywhere in a group",
        guard=who_sees(GROUP),
        given=ListNamespaces,
        answer=GroupJson,
    )
    def descendants(call: Call[ListNamespaces]) -> object:
        return _page(services, GROUP, call, below=call.namespace.path)


def _page(services: Services, kind: NamespaceKind, call: Call[ListNamespaces], **place: Any) -> object:
    wanted = replace(call.given.wanted, **place)
    return map_page(namespace_json, services.visible_namespaces.page(call.given.paging, kind, call.caller.person, wanted))


def _showing(api: Api, kind: NamespaceKind) -> None:
    @api.operation(f"GET /{kind}s/{{id}}", f"get_{kind}", f"Show a {kind}", guard=who_sees(kind), given=Parameters, answer=FORMS[kind])
    def get(call: Call[Parameters]) -> object:
        return namespace_json(call.namespace)
