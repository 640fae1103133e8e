"""`/deploy_tokens`, and those of a project or group (GitLab docs: deploy tokens API; rotation is ours)."""

from datetime import timedelta
from http import HTTPStatus
from typing import Annotated

from pydantic import Field

from registry_auth.database import Page
from registry_auth.deploy_tokens.models import DeployToken
from registry_auth.deploy_tokens.service import MAX_OVERLAP
from registry_auth.json_form import DeployTokenJson, IssuedDeployTokenJson, deploy_token_json, issued_deploy_token_json
from registry_auth.rest_api.guards import ADMINISTRATOR, managing_role, person, who_has
from registry_auth.rest_api.operations import Api, Call
from registry_auth.rest_api.parameters import DeployTokenScopes, ExpiryDate, Id, PageParameters, Parameters, Text
from registry_auth.services import Services
from registry_auth.values import CallerKind, NamespaceKind, Role


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

    @api.operation(
        "GET /deploy_tokens",
        "list_deploy_tokens",
        "List the deploy tokens of all projects and groups",
        guard=ADMINISTRATOR,
        given=ListDeployTokens,
        answer=DeployTokenJson,
    )
    def list_all(call: Call[ListDeployTokens]) -> object:
        return _shown_page(services, services.deploy_tokens.page(call.given.paging, active_only=call.given.active))

    for kind in NamespaceKind:
        _operations_of(api, services, kind)


def _operations_of(api: Api, services: Services, kind: NamespaceKind) -> None:
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
        return _shown_page(services, page)

    @api.operation(
        f"GET {token}",
        f"get_{kind}_deploy_token",
        f"Show a deploy token of a {kind}",
        guard=reader,
        given=OneDeployToken,
        answer=DeployTokenJson,
    )
    def get(call: Call[OneDeployToken]) -> object:
        found = services.deploy_tokens.get(call.given.token_id, owner_id=call.namespace.id)
        return deploy_token_json(found, services.clock(), services.last_uses.of_one(CallerKind.DEPLOY_TOKEN, found.id))

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
        found = services.deploy_tokens.get(call.given.token_id, owner_id=call.namespace.id)
        # First: what fails after the rotation takes the new secret along.
        last_use = services.last_uses.of_one(CallerKind.DEPLOY_TOKEN, found.id)
        overlap = timedelta(seconds=call.given.overlap)
        issued = services.deploy_tokens.rotate(found.id, overlap=overlap, owner_id=call.namespace.id)
        return issued_deploy_token_json(issued, services.clock(), last_use)


def _shown_page(services: Services, page: Page[DeployToken]) -> Page[DeployTokenJson]:
    now, last_uses = services.clock(), services.last_uses.of(CallerKind.DEPLOY_TOKEN, [token.id for token in page.items])
    return Page([deploy_token_json(token, now, last_uses.get(token.id)) for token in page.items], page.total)
