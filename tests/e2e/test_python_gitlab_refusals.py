"""What python-gitlab raises at refusals of the REST API: the exception that its users catch, and a text that helps them."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from gitlab import (
    Gitlab,
    GitlabAuthenticationError,
    GitlabCreateError,
    GitlabDeleteError,
    GitlabError,
    GitlabGetError,
    GitlabHttpError,
    GitlabListError,
    GitlabUpdateError,
)
from gitlab.const import AccessLevel
from gitlab.exceptions import GitlabBlockError, GitlabRotateError

from registry_auth.token_secrets import PERSONAL_ACCESS_TOKEN_PREFIX, new_secret

from .python_gitlab import TEAM, People, as_token, logged_in, remembered
from .token_server import Token, TokenServer

Calls = Callable[[Gitlab, "Place"], object]

TOKEN = {"name": "test", "scopes": ["read_registry"]}
LIMIT = 50  # different wrong tokens from one address in a minute, for each of the two workers


@dataclass(frozen=True, slots=True)
class Place:
    """A private project and a private group of the team, a deploy token of each, and the ids of the people."""

    project: int
    group: int
    project_token: int
    group_token: int
    user_ids: dict[str, int]

    def project_of(self, client: Gitlab) -> Any:
        """Give the project without asking for it."""
        return client.projects.get(self.project, lazy=True)

    def group_of(self, client: Gitlab) -> Any:
        """Give the group without asking for it."""
        return client.groups.get(self.group, lazy=True)


@pytest.fixture(scope="module")
def place(people: People) -> Place:
    """Make the project and the group."""
    owner = people["owner"]
    team = owner.groups.get(TEAM)
    project = owner.projects.create({"name": "refusals", "namespace_id": team.id})
    group = owner.groups.create({"name": "refused", "path": "refused", "parent_id": team.id})
    of_project, of_group = (as_token(each.deploytokens.create(TOKEN)).id for each in (project, group))
    users = people["administrator"].users.list(get_all=True)
    return Place(project.id, group.id, of_project, of_group, {user.username: user.id for user in users})


def check_raises(call: Callable[[], object], kind: type[GitlabError], code: int, text: str) -> None:
    """Raise AssertionError unless the call raises exactly this exception with this code and a text that the pattern matches."""
    with pytest.raises(GitlabError, match=f"^{code}: {text}$") as raised:
        call()

    assert type(raised.value) is kind
    assert raised.value.response_code == code


NOT_OWNER = r"403 Forbidden - This needs the role owner in the (group|project) '.+'\."
NOT_MAINTAINER = r"403 Forbidden - This needs the role maintainer in the (group|project) '.+'\."
NOT_ADMINISTRATOR = r"403 Forbidden - This is for administrators\."
ABOVE = r"403 Forbidden - The role owner is above your own\."
NO_PROJECT = "404 Project Not Found"
NO_GROUP = "404 Group Not Found"


REFUSALS: dict[str, tuple[str, Calls, type[GitlabError], int, str]] = {
    "list-all": ("owner", lambda c, _: c.deploytokens.list(), GitlabListError, 403, NOT_ADMINISTRATOR),
    "list": ("developer", lambda c, p: p.project_of(c).deploytokens.list(), GitlabListError, 403, NOT_MAINTAINER),
    "list-of-group": ("developer", lambda c, p: p.group_of(c).deploytokens.list(), GitlabListError, 403, NOT_MAINTAINER),
    "get": ("reporter", lambda c, p: p.project_of(c).deploytokens.get(p.project_token), GitlabGetError, 403, NOT_MAINTAINER),
    "create": ("guest", lambda c, p: p.project_of(c).deploytokens.create(TOKEN), GitlabCreateError, 403, NOT_MAINTAINER),
    "create-in-group": ("maintainer", lambda c, p: p.group_of(c).deploytokens.create(TOKEN), GitlabCreateError, 403, NOT_OWNER),
    "delete": (
        "developer",
        lambda c, p: p.project_of(c).deploytokens.delete(p.project_token),
        GitlabDeleteError,
        403,
        NOT_MAINTAINER,
    ),
    "delete-in-group": (
        "maintainer",
        lambda c, p: p.group_of(c).deploytokens.delete(p.group_token),
        GitlabDeleteError,
        403,
        NOT_OWNER,
    ),
    "rotate": (
        "developer",
        lambda c, p: c.http_post(f"/projects/{p.project}/deploy_tokens/{p.project_token}/rotate"),
        GitlabHttpError,
        403,
        NOT_MAINTAINER,
    ),
    "private-project": ("stranger", lambda c, p: c.projects.get(p.project), GitlabGetError, 404, NO_PROJECT),
    "private-group": ("stranger", lambda c, p: c.groups.get(p.group), GitlabGetError, 404, NO_GROUP),
    "private-tokens": ("stranger", lambda c, p: p.project_of(c).deploytokens.list(), GitlabListError, 404, NO_PROJECT),
    "private-create": ("stranger", lambda c, p: p.project_of(c).deploytokens.create(TOKEN), GitlabCreateError, 404, NO_PROJECT),
    "private-members": ("stranger", lambda c, p: p.group_of(c).members.list(), GitlabListError, 404, NO_GROUP),
    "group-as-project": ("owner", lambda c, p: c.projects.get(p.group), GitlabGetError, 404, NO_PROJECT),
    "other-parent": (
        "owner",
        lambda c, p: p.project_of(c).deploytokens.get(p.group_token),
        GitlabGetError,
        404,
        r"404 Not Found - There is no deploy token \d+\.",
    ),
    "token-by-name": (
        "owner",
        lambda c, p: p.project_of(c).deploytokens.get("test"),
        GitlabGetError,
        400,
        "token_id does not have a valid value: .+",
    ),
    "bad-scope": (
        "maintainer",
        lambda c, p: p.project_of(c).deploytokens.create({**TOKEN, "scopes": ["push"]}),
        GitlabCreateError,
        400,
        "scopes does not have a valid value: .*read_registry, write_registry.*",
    ),
    "no-scope": (
        "maintainer",
        lambda c, p: p.project_of(c).deploytokens.create({**TOKEN, "scopes": []}),
        GitlabCreateError,
        400,
        ".*scope.*",
    ),
    "no-name": (
        "maintainer",
        lambda c, p: p.project_of(c).deploytokens.create({**TOKEN, "name": ""}),
        GitlabCreateError,
        400,
        "name is missing",
    ),
    "bad-date": (
        "maintainer",
        lambda c, p: p.project_of(c).deploytokens.create({**TOKEN, "expires_at": "tomorrow"}),
        GitlabCreateError,
        400,
        "expires_at does not have a valid value: .*YYYY-MM-DD.*",
    ),
    "past-date": (
        "maintainer",
        lambda c, p: p.project_of(c).deploytokens.create({**TOKEN, "expires_at": "2020-02-02"}),
        GitlabCreateError,
        400,
        r"\{'expires_at': \['The expiry date 2020-02-02 is not in the future: today is .*'\]\}",
    ),
    "bad-user-name": (
        "maintainer",
        lambda c, p: p.project_of(c).deploytokens.create({**TOKEN, "username": "a:b"}),
        GitlabCreateError,
        400,
        r"\{'username': \[\"A user name has .*\"\]\}",
    ),
    "project-again": (
        "owner",
        lambda c, _: c.projects.create({"name": "refusals", "namespace_id": c.groups.get(TEAM).id}),
        GitlabCreateError,
        400,
        r"\{'path': \[\"The path 'team/refusals' is taken by a project\.\"\]\}",
    ),
    "project-at-the-root": (
        "owner",
        lambda c, _: c.projects.create({"name": "mine"}),
        GitlabCreateError,
        403,
        "403 Forbidden - Only administrators make a project at the root: .*",
    ),
    "another-path": (
        "owner",
        lambda c, p: c.projects.update(p.project, {"path": "elsewhere"}),
        GitlabUpdateError,
        400,
        r"\{'path': \['Paths never change: .*'\]\}",
    ),
    "more-visible-than-the-group": (
        "owner",
        lambda c, p: c.projects.update(p.project, {"visibility": "public"}),
        GitlabUpdateError,
        409,
        "The group 'team' is private: nothing in it can be public.",
    ),
    "visibility": (
        "maintainer",
        lambda c, p: c.projects.update(p.project, {"visibility": "internal"}),
        GitlabUpdateError,
        403,
        NOT_OWNER,
    ),
    "change-project": (
        "developer",
        lambda c, p: c.projects.update(p.project, {"name": "x"}),
        GitlabUpdateError,
        403,
        NOT_MAINTAINER,
    ),
    "change-group": ("maintainer", lambda c, p: c.groups.update(p.group, {"name": "x"}), GitlabUpdateError, 403, NOT_OWNER),
    "delete-project": ("maintainer", lambda c, p: c.projects.delete(p.project), GitlabDeleteError, 403, NOT_OWNER),
    "switch-dependency-proxy": (
        "maintainer",
        lambda c, p: c.groups.update(p.group, {"dependency_proxy_enabled": False}),
        GitlabUpdateError,
        403,
        NOT_OWNER,
    ),
    "delete-group": ("developer", lambda c, p: c.groups.delete(p.group), GitlabDeleteError, 403, NOT_OWNER),
    "make-owner": (
        "maintainer",
        lambda c, p: p.project_of(c).members.create({"user_id": p.user_ids["stranger"], "access_level": AccessLevel.OWNER}),
        GitlabCreateError,
        403,
        ABOVE,
    ),
    "member-again": (
        "owner",
        lambda c, p: c.groups.get(TEAM).members.create({"user_id": p.user_ids["guest"], "access_level": AccessLevel.GUEST}),
        GitlabCreateError,
        409,
        "The user 'guest' is a member of the group 'team' already.",
    ),
    "bad-role": (
        "owner",
        lambda c, p: p.project_of(c).members.create({"user_id": p.user_ids["stranger"], "access_level": 35}),
        GitlabCreateError,
        400,
        "access_level does not have a valid value: one of 10, 20, 30, 40, 50",
    ),
    "no-member": (
        "owner",
        lambda c, p: p.project_of(c).members.get(p.user_ids["stranger"]),
        GitlabGetError,
        404,
        "404 Not Found - The user 'stranger' is not a member of the project 'team/refusals'.",
    ),
    "remove-member": (
        "developer",
        lambda c, p: c.groups.get(TEAM).members.delete(p.user_ids["guest"]),
        GitlabDeleteError,
        403,
        NOT_OWNER,
    ),
    "create-user": ("owner", lambda c, _: c.users.create({"username": "new"}), GitlabCreateError, 403, NOT_ADMINISTRATOR),
    "user-again": (
        "administrator",
        lambda c, _: c.users.create({"username": "Owner"}),
        GitlabCreateError,
        409,
        "The user name 'Owner' is taken.",
    ),
    "short-password": (
        "administrator",
        lambda c, p: c.users.update(p.user_ids["guest"], {"password": remembered("too")}),
        GitlabUpdateError,
        400,
        r"\{'password': \['.*8.*'\]\}",
    ),
    "no-user": ("administrator", lambda c, _: c.users.get(2**40), GitlabGetError, 404, r"404 Not Found - There is no user \d+\."),
    "block": (
        "owner",
        lambda c, p: c.users.get(p.user_ids["guest"], lazy=True).block(),
        GitlabBlockError,
        403,
        NOT_ADMINISTRATOR,
    ),
    "tokens-of-others": (
        "owner",
        lambda c, p: c.personal_access_tokens.list(user_id=p.user_ids["guest"]),
        GitlabListError,
        403,
        r"403 Forbidden - Only administrators see the tokens of other users\.",
    ),
    "token-of-another": (
        "owner",
        lambda c, _: c.personal_access_tokens.rotate(1),
        GitlabRotateError,
        404,
        r"404 Not Found - There is no personal access token 1\.",
    ),
}


@pytest.mark.parametrize(("who", "call", "kind", "code", "text"), REFUSALS.values(), ids=REFUSALS)
def test_refusals(people: People, place: Place, who: str, call: Calls, kind: type[GitlabError], code: int, text: str) -> None:
    """Whoever lacks a role or asks for what cannot be gets the exception of the method, and reads why."""
    check_raises(lambda: call(people[who], place), kind, code, text)


CHANGES: dict[str, tuple[Calls, type[GitlabError]]] = {
    "deploy-token": (lambda c, p: p.project_of(c).deploytokens.create(TOKEN), GitlabCreateError),
    "delete-deploy-token": (lambda c, p: p.group_of(c).deploytokens.delete(p.group_token), GitlabDeleteError),
    "project": (lambda c, p: c.projects.create({"name": "x", "namespace_id": p.group}), GitlabCreateError),
    "change-project": (lambda c, p: c.projects.update(p.project, {"name": "x"}), GitlabUpdateError),
    "delete-group": (lambda c, p: c.groups.delete(p.group), GitlabDeleteError),
    "member": (lambda c, p: p.group_of(c).members.create({"user_id": 1, "access_level": AccessLevel.GUEST}), GitlabCreateError),
    "user": (lambda c, _: c.users.create({"username": "x"}), GitlabCreateError),
    "personal-access-token": (
        lambda c, p: c.users.get(p.user_ids["guest"], lazy=True).personal_access_tokens.create(TOKEN),
        GitlabCreateError,
    ),
    "rotate-itself": (lambda c, _: c.personal_access_tokens.rotate("self"), GitlabRotateError),
}


@pytest.fixture(scope="module")
def narrow(api_server: TokenServer, people: People) -> Iterator[People]:
    """Log the administrator in with tokens that have one scope each."""
    user = people["administrator"].users.list(username="administrator", get_all=True)[0]
    with ExitStack() as stack:

        def enter(scope: str) -> Gitlab:
            made = user.personal_access_tokens.create({"name": "narrow", "scopes": [scope]})
            return stack.enter_context(logged_in(api_server, made.token))

        yield {scope: enter(scope) for scope in ("read_api", "read_registry")}


@pytest.mark.parametrize(("call", "kind"), CHANGES.values(), ids=CHANGES)
def test_read_api_changes_nothing(narrow: People, place: Place, call: Calls, kind: type[GitlabError]) -> None:
    """A token with `read_api` reads all that its user sees, and changes nothing, whoever the user is."""
    client = narrow["read_api"]
    check_raises(lambda: call(client, place), kind, 403, "insufficient_scope")

    assert client.projects.get(place.project).deploytokens.get(place.project_token).name == "test"


def test_registry_scopes_are_for_the_registry(narrow: People) -> None:
    """A token for images alone does not log in to the API."""
    check_raises(narrow["read_registry"].projects.list, GitlabListError, 403, "insufficient_scope")


def _wrong(_server: TokenServer, _token: Token) -> str:
    return new_secret(PERSONAL_ACCESS_TOKEN_PREFIX).get_secret_value()


def _revoked(server: TokenServer, token: Token) -> str:
    server.revoke_personal_token(token)
    return token.secret


def _expired(server: TokenServer, token: Token) -> str:
    return server.create_expired_personal_token(token.username)[0].secret


def _of_a_deploy_token(server: TokenServer, _token: Token) -> str:
    return server.create_token(group=TEAM).secret


@pytest.mark.parametrize(
    ("secret", "text"),
    [
        pytest.param(_wrong, r"401 Unauthorized - The personal access token is wrong, or does not exist any more\.", id="wrong"),
        pytest.param(_revoked, r"401 Unauthorized - This personal access token was revoked on [\d-]+\.", id="revoked"),
        pytest.param(_expired, r"401 Unauthorized - This personal access token expired on [\d-]+ at 00:00 UTC\.", id="expired"),
        pytest.param(_of_a_deploy_token, "401 Unauthorized - Deploy tokens cannot log in to the REST API: .*", id="deploy-token"),
    ],
)
@pytest.mark.parametrize("way", ["private_token", "oauth_token"])
def test_tokens_that_are_refused(
    api_server: TokenServer, people: People, secret: Callable[[TokenServer, Token], str], text: str, way: str
) -> None:
    """A token that is wrong, over or of another kind is no log-in, also for what everybody may read."""
    made = (
        people["administrator"]
        .users.list(username="stranger", get_all=True)[0]
        .personal_access_tokens.create({"name": "test", "scopes": ["api"]})
    )
    refused = remembered(secret(api_server, Token(made.id, "stranger", remembered(made.token))))
    with logged_in(api_server, refused, way) as client:
        for call in (client.auth, client.projects.list, lambda: client.groups.create({"name": "x", "path": "x"})):
            check_raises(call, GitlabAuthenticationError, 401, text)


@pytest.mark.parametrize("headers", [{"JOB-TOKEN": "x"}, {"DEPLOY-TOKEN": "x"}, {"Authorization": "Basic eDp5"}], ids=str)
def test_other_kinds_of_log_in(api_server: TokenServer, headers: dict[str, str]) -> None:
    """Who logs in in a way that GitLab knows and this server does not is refused, and never taken for anonymous."""
    with Gitlab(api_server.url) as client:
        client.headers.update(headers)

        check_raises(client.projects.list, GitlabAuthenticationError, 401, "401 Unauthorized - .+")


def test_anonymous(api_server: TokenServer, people: People, place: Place, name: str) -> None:
    """Without a token there is what is public, and nothing else."""
    public = people["administrator"].projects.create({"name": name, "visibility": "public"})
    with Gitlab(api_server.url) as client:
        listed = client.projects.list(get_all=True)
        assert public.id in {project.id for project in listed}
        assert {project.visibility for project in listed} == {"public"}
        assert client.projects.get(public.id).name == name
        check_raises(lambda: client.projects.get(place.project), GitlabGetError, 404, NO_PROJECT)
        check_raises(client.users.list, GitlabAuthenticationError, 401, "401 Unauthorized - Log in .*")
        check_raises(client.deploytokens.list, GitlabAuthenticationError, 401, "401 Unauthorized - Log in .*")
        for call in (
            client.projects.get(public.id).deploytokens.list,
            client.projects.get(place.project, lazy=True).members.list,
        ):
            with pytest.raises(GitlabError):
                call()


def test_guessing_is_slowed(tmp_path: Path) -> None:
    """Who tries one wrong token after another is told to wait, and for how long; python-gitlab would wait by itself."""
    with TokenServer(tmp_path / "server") as server:
        good = server.create_personal_token(server.create_user("somebody"))
        said = []
        for _ in range(2 * LIMIT + 10):
            with (
                logged_in(server, new_secret(PERSONAL_ACCESS_TOKEN_PREFIX).get_secret_value()) as guesser,
                pytest.raises(GitlabError) as raised,
            ):
                guesser.projects.list(obey_rate_limit=False)
            said.append(str(raised.value))
        with logged_in(server, good.secret) as client:
            client.auth()
            assert client.user is not None
            assert client.user.username == "somebody"

    wrong = [text for text in said if text.startswith("401: ")]
    slowed = {text for text in said if text not in wrong}
    assert said[:LIMIT] == wrong[:LIMIT]
    assert LIMIT <= len(wrong) <= 2 * LIMIT
    assert slowed
    assert all(re.fullmatch(r"429: 429 Too Many Requests - .+ Try again in \d+ seconds?\.", text) for text in slowed), slowed
