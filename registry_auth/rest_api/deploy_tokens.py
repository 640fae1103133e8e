"""`/deploy_tokens`, and those of a project or group (GitLab docs: deploy tokens API; rotation is ours)."""

from collections.abc import Callable
from datetime import timedelta
from http import HTTPStatus
from typing import Annotated

from pydantic import Field

from registry_auth.deploy_tokens.models import DeployToken
from registry_auth.deploy_tokens.service import MAX_OVERLAP
from registry_auth.json_form import DeployTokenJson, IssuedDeployTokenJson, deploy_token_json, issued_deploy_token_json
from registry_auth.rest_api.guards import ADMINISTRATOR, managing_role, person, who_has
from registry_auth.rest_api.operations import Api, Call, map_page
from registry_auth.rest_api.parameters import DeployTokenScopes, ExpiryDate, Id, PageParameters, Parameters, Text
from registry_auth.services import Services
from registry_auth.values import NamespaceKind, Role


class ListDeployTokens(PageParameters):
    """Which tokens are wanted."""

    active: Annotated[bool, Field(description="Only those that are neither revoked nor expired.")] = False


class NewDeployToken(Parameters):
    """A token to be made."""

    name: Text
    scopes: DeployTokenScopes
    username: Annotated[Text | None, Field(description="For the log-in; `gitlab+deploy-token-{id}` unless given.")] = None
    expires_at: ExpiryDate | None = None


class OneDeployToken(Parameters):
    """A token by its id."""

    token_id: Id


class RotateDeployToken(OneDeployToken):
    """A token that gets a new secret."""

    overlap: Annotated[
        int, Field(ge=0, le=MAX_OVERLAP // timedelta(seconds=1), description="Seconds for which the old secret still works.")
    ] = 0


def deploy_token_operations(api: Api, services: Services) -> None:
    """Declare the operations."""

    def shown(token: DeployToken) -> DeployTokenJson:
        return deploy_token_json(token, services.clock())

    @api.operation(
        "GET /deploy_tokens",
        "list_deploy_tokens",
        "List the deploy tokens of all projects and groups",
        guard=ADMINISTRATOR,
        given=ListDeployTokens,
        answer=DeployTokenJson,
    )
    def list_all(call: Call[ListDeployTokens]) -> object:
        page = services.deploy_tokens.page(call.given.paging, active_only=call.given.active)
        return map_page(shown, page)

    for kind in NamespaceKind:
        _operations_of(api, services, kind, shown)


def _operations_of(api: Api, services: Services, kind: NamespaceKind, shown: Callable[[DeployToken], DeployTokenJson]) -> None:
    reader, writer = who_has(Role.MAINTAINER, kind), who_has(managing_role(kind), kind)
    tokens, token = f"/{kind}s/{{id}}/deploy_tokens", f"/{kind}s/{{id}}/deploy_tokens/{{token_id}}"

    @api.operation(
        f"GET {tokens}",
        f"list_{kind}_deploy_tokens",
        f"List the deploy tokens of a {kind}",
        guard=reader,
        given=ListDeployTokens,
        answer=DeployTokenJson,
    )
    def list_(call: Call[ListDeployTokens]) -> object:
        page = services.deploy_tokens.page(call.given.paging, owner_id=call.namespace.id, active_only=call.given.active)
        return map_page(shown, page)

    @api.operation(
        f"GET {token}",
        f"get_{kind}_deploy_token",
        f"Show a deploy token of a {kind}",
        guard=reader,
        given=OneDeployToken,
        answer=DeployTokenJson,
    )
    def get(call: Call[OneDeployToken]) -> object:
        return shown(services.deploy_tokens.get(call.given.token_id, owner_id=call.namespace.id))

    @api.operation(
        f"POST {tokens}",
        f"create_{kind}_deploy_token",
        f"Make a deploy token for a {kind}",
        guard=writer,
        given=NewDeployToken,
        answer=IssuedDeployTokenJson,
        status=HTTPStatus.CREATED,
    )
    def create(call: Call[NewDeployToken]) -> object:
        given = call.given
        issued = services.deploy_tokens.create(
            kind,
            call.namespace.path,
            name=given.name,
            scopes=given.scopes,
            username=given.username,
            expires_at=given.expires_at,
            created_by=person(call.caller).id,
        )
        return issued_deploy_token_json(issued, services.clock())

    @api.operation(
        f"DELETE {token}",
        f"delete_{kind}_deploy_token",
        f"Delete a deploy token of a {kind}; it is refused from then on",
        guard=writer,
        given=OneDeployToken,
        status=HTTPStatus.NO_CONTENT,
    )
    def delete(call: Call[OneDeployToken]) -> object:
        return services.deploy_tokens.delete(call.given.token_id, owner_id=call.namespace.id)

    @api.operation(
        f"POST {token}/rotate",
        f"rotate_{kind}_deploy_token",
        f"Give a deploy token of a {kind} a new secret; all else stays",
        guard=writer,
        given=RotateDeployToken,
        answer=IssuedDeployTokenJson,
    )
    def rotate(call: Call[RotateDeployToken]) -> object:
        overlap = timedelta(seconds=call.given.overlap)
        issued = services.deploy_tokens.rotate(call.given.token_id, overlap=overlap, owner_id=call.namespace.id)
        return issued_deploy_token_json(issued, services.clock())
