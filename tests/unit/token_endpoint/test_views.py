"""`/jwt/auth` over HTTP: what is granted, and to whom, by GET and by POST."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from registry_auth.values import DEPLOY_TOKEN_SCOPES, NamespaceKind, Role, TokenScope, Visibility
from tests.unit.installation import NOW, READ, READ_WRITE, WRITE, Installation, basic, login, secret_of

Query = list[tuple[str, str]]

P, PUB = "g/p", "pub/p"


@pytest.fixture
def served(installation: Installation) -> Installation:
    """Give an installation with private, internal and public projects."""
    for path, visibility in ((P, "private"), ("g/sub/q", "private"), ("int/p", "internal"), (PUB, "public"), ("g10/p", "private")):
        installation.project(path, Visibility(visibility))
    return installation


def ask(client: FlaskClient, scopes: list[str], headers: dict[str, str] | None = None, **more: str) -> Any:
    """Ask by GET, and give the answer."""
    query = [("service", "container_registry"), *(("scope", scope) for scope in scopes), *more.items()]
    response = client.get("/jwt/auth", query_string=query, headers=headers)
    assert response.status_code == 200, response.text
    return response.json


def access(installation: Installation, scopes: list[str], headers: dict[str, str] | None = None) -> list[str]:
    """Ask by GET, and give the claim `access` as scopes."""
    claims = installation.claims(ask(installation.client, scopes, headers)["token"])
    return [f"{entry['type']}:{entry['name']}:{','.join(entry['actions'])}" for entry in claims["access"]]


def test_answer_and_claims_of_a_log_in(served: Installation) -> None:
    """The answer has exactly the fields that clients read, and the claims agree with it (T5)."""
    issued = served.token(P, username="robot")
    answer = ask(served.client, [f"repository:{P}:pull"], login(issued), account="admin", offline_token="true")
    assert set(answer) == {"token", "access_token", "expires_in", "issued_at"}
    assert answer["token"] == answer["access_token"]
    assert (answer["expires_in"], answer["issued_at"]) == (900, "2026-07-01T12:00:00Z")
    claims = served.claims(answer["token"])
    assert len(claims.pop("jti")) == 32
    issued_at = int(NOW.timestamp())
    assert claims == {
        "iss": "registry-auth",
        "sub": "robot",
        "aud": "container_registry",
        "exp": issued_at + 900,
        "nbf": issued_at - 30,
        "iat": issued_at - 30,
        "auth_type": "deploy_token",
        "access": [{"type": "repository", "name": P, "actions": ["pull"]}],
    }


def test_each_token_has_its_own_id(served: Installation) -> None:
    """Two answers to one request differ in `jti`."""
    first, second = (served.claims(ask(served.client, [])["token"])["jti"] for _ in range(2))
    assert first != second


def test_same_query_is_answered_to_each_caller_by_its_own_rights(served: Installation) -> None:
    """That the query was read before has no say in what is granted, nor have earlier answers."""
    scopes = [f"repository:{P}:pull,push"]
    reader, writer = (login(served.token(P, rights)) for rights in (READ, READ_WRITE))
    for _ in range(2):
        assert access(served, scopes) == []
        assert access(served, scopes, reader) == [f"repository:{P}:pull"]
        assert access(served, scopes, writer) == scopes
    for _ in range(2):
        response = served.client.get("/jwt/auth", query_string={"scope": scopes}, headers=basic("robot", "wrong"))
        assert response.status_code == 401


def test_same_query_is_refused_each_time(served: Installation) -> None:
    """What cannot be answered is not so the second time either."""
    for query in (
        "service=container_registry&service=other",
        "service=other",
        "scope=" + "+".join(f"repository:p{n}:pull" for n in range(257)),
    ):
        first, second = (served.client.get("/jwt/auth", query_string=query) for _ in range(2))
        assert first.status_code in {400, 404}
        assert (first.status_code, first.data) == (second.status_code, second.data)


def test_long_query_is_answered_like_a_short_one(served: Installation) -> None:
    """Whether it is remembered or not."""
    headers = login(served.token(P))
    for size in (0, 8_000, 10_000):
        for _ in range(2):
            claims = served.claims(ask(served.client, [f"repository:{P}:pull"], headers, more="x" * size)["token"])
            assert [entry["name"] for entry in claims["access"]] == [P]


# What a caller gets who asks pull,push,delete on: its own project, an image below it, a subgroup's, an internal, a public, a foreign one.
ASKED = [P, f"{P}/deep/image", "g/sub/q", "int/p", PUB, "g10/p", "missing/p"]
PROJECT, GROUP = NamespaceKind.PROJECT, NamespaceKind.GROUP


@pytest.mark.parametrize(
    ("kind", "path", "scopes", "granted"),
    [
        (PROJECT, P, READ, {P: "pull", f"{P}/deep/image": "pull"}),
        (PROJECT, P, READ_WRITE, {P: "pull,push", f"{P}/deep/image": "pull,push"}),
        (PROJECT, P, WRITE, {}),
        (GROUP, "g", READ, dict.fromkeys([P, f"{P}/deep/image", "g/sub/q"], "pull")),
        (GROUP, "g", READ_WRITE, dict.fromkeys([P, f"{P}/deep/image", "g/sub/q"], "pull,push")),
        (GROUP, "g/sub", READ_WRITE, {"g/sub/q": "pull,push"}),
        (PROJECT, PUB, WRITE, {}),
        (PROJECT, PUB, READ_WRITE, {PUB: "pull,push"}),
        (GROUP, "int", DEPLOY_TOKEN_SCOPES, {"int/p": "pull,push"}),
        (None, "", (), {}),
    ],
)
def test_rights_by_get_and_post(
    served: Installation, kind: NamespaceKind | None, path: str, scopes: tuple[TokenScope, ...], granted: dict[str, str]
) -> None:
    """Each gets its own and what is public, nobody gets delete, and POST gives what GET gives (S4, S6, T1, T2, T6)."""
    expected = [f"repository:{name}:{actions}" for name in ASKED if (actions := ({PUB: "pull"} | granted).get(name))]
    asked = [f"repository:{name}:pull,push,delete" for name in ASKED]
    if kind is None:
        assert access(served, asked) == expected
        return
    issued = served.token(path, scopes, kind=kind)
    assert access(served, asked, login(issued)) == expected
    form = {"grant_type": "password", "username": issued.token.username, "password": secret_of(issued), "scope": asked}
    answer = served.client.post("/jwt/auth", data=form | {"service": "container_registry", "client_id": "c", "access_type": "offline"}).json
    assert answer is not None
    assert answer.pop("scope") == " ".join(expected)
    assert answer.pop("token_type") == "Bearer"
    assert set(answer) == {"token", "access_token", "expires_in", "issued_at"}
    claims = served.claims(answer["access_token"])
    assert [entry["name"] for entry in claims["access"]] == [scope.split(":")[1] for scope in expected]


@pytest.mark.parametrize(
    ("scopes", "granted"),
    [
        ([], []),
        ([""], []),
        ([f"repository:{P}:push,pull"], [f"repository:{P}:push,pull"]),
        ([f"repository:{P}:pull", f"repository:{P}:push,pull"], [f"repository:{P}:pull,push"]),
        ([f"repository:{P}:pull repository:{PUB}:pull", f"repository:{P}:push"], [f"repository:{P}:pull,push", f"repository:{PUB}:pull"]),
        ([f"repository:{P}:*"], [f"repository:{P}:pull,push"]),
        ([f"repository:{P}:pull,destroy,*"], [f"repository:{P}:pull,push"]),
        ([f"repository:{P}:delete"], []),
        ([f"repository(plugin):{P}:pull"], [f"repository:{P}:pull"]),
        (["registry:catalog:*"], []),
        (["repository:g/*:pull", "registry:catalog:pull", "artifact:x:pull", f"repository:{P}", f"repository:{P}:"], []),
        (["repository", ":", f"repository:{P}:pull"], [f"repository:{P}:pull"]),
        (["repository:G/P:pull", "repository:g/../g/p:pull", "repository:g%2fp:pull", "repository:reg.example:5000/g/p:pull"], []),
        (["repository:g/px:pull", "repository:g:pull", "repository:g/.*:pull", "repository:${name}:pull"], []),
    ],
)
def test_scopes_of_every_form(served: Installation, scopes: list[str], granted: list[str]) -> None:
    """Every form that clients send is answered with 200 and the permitted part of it (quirks 2 to 12, T3, S14 to S16)."""
    assert access(served, scopes, login(served.token(P))) == granted


def test_same_scope_in_query_and_form(served: Installation) -> None:
    """A POST may carry parameters in both places; they are merged."""
    issued = served.token(P)
    form = {"grant_type": "password", "username": issued.token.username, "password": secret_of(issued), "scope": f"repository:{P}:pull"}
    answer = served.client.post(
        "/jwt/auth", query_string={"scope": f"repository:{P}:push,pull", "service": "container_registry"}, data=form
    )
    assert answer.json is not None
    assert answer.json["scope"] == f"repository:{P}:pull,push"


@pytest.mark.parametrize("form_type", ["application/x-www-form-urlencoded; charset=utf-8", "APPLICATION/X-WWW-FORM-URLENCODED"])
def test_chunked_form_without_length(served: Installation, form_type: str) -> None:
    """A body without Content-Length is read to its end (quirk 18), whatever the case and parameters of its type."""
    issued = served.token(P)
    body = f"grant_type=password&username={issued.token.username.replace('+', '%2B')}&password={secret_of(issued)}"
    response = served.client.post(
        "/jwt/auth",
        data=body,
        content_type=form_type,
        environ_overrides={"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True},
    )
    assert response.status_code == 200, response.text


@pytest.mark.parametrize("query", ["", "service=", "service=&scope=", "service=container_registry&service=container_registry"])
def test_missing_or_empty_service_is_the_container_registry(served: Installation, query: str) -> None:
    """A client that names no service gets a token for the container registry (D20)."""
    answer = served.client.get(f"/jwt/auth?{query}").json
    assert answer is not None
    assert served.claims(answer["token"])["aud"] == "container_registry"


def test_dependency_proxy_is_asked_by_get_and_post(served: Installation) -> None:
    """Its tokens come from the same place, with its own name as audience; what is not granted is missing from them (D12, D18, T8)."""
    issued = served.token("g", DEPLOY_TOKEN_SCOPES, kind=GROUP)
    image = "g/sub/dependency_proxy/containers/ghcr.io/owner/image"
    asked = [f"repository:{image}:pull", f"repository:{image.replace('g/sub', 'g10')}:pull", f"repository:{P}:pull", "registry:catalog:*"]
    form = {"grant_type": "password", "username": issued.token.username, "password": secret_of(issued), "scope": asked}
    by_post = served.client.post("/jwt/auth", data=form | {"service": "dependency_proxy"}).json
    by_get = served.client.get("/jwt/auth", query_string={"service": "dependency_proxy", "scope": asked}, headers=login(issued)).json
    anonymous = served.client.get("/jwt/auth", query_string={"service": "dependency_proxy", "scope": asked}).json
    assert by_post is not None
    assert by_get is not None
    assert anonymous is not None
    assert by_post["scope"] == f"repository:{image}:pull"
    for answer, access in ((by_get, [{"type": "repository", "name": image, "actions": ["pull"]}]), (anonymous, [])):
        claims = served.claims(answer["token"])
        assert (claims["aud"], claims["access"]) == ("dependency_proxy", access)


def test_account_and_unknown_parameters_have_no_say(served: Installation) -> None:
    """Who is asking comes from the credential alone; without one it is nobody (S13, quirks 13 and 14)."""
    answer = ask(served.client, [f"repository:{P}:pull"], account="robot", client_id="x", error="y", tenant="z")
    claims = served.claims(answer["token"])
    assert (claims["sub"], claims["auth_type"], claims["access"]) == ("", "none", [])


def test_missing_and_forbidden_repositories_look_alike(served: Installation) -> None:
    """Nobody can tell a private project from none (S10)."""
    for headers in (None, login(served.token(PUB))):
        assert access(served, [f"repository:{P}:pull"], headers) == access(served, ["repository:none/at/all:pull"], headers) == []


def test_scheme_in_any_case_and_user_names_that_are_shared(served: Installation) -> None:
    """`basic` logs in as `Basic` does, and of two tokens with one user name each has its own rights."""
    reader, writer = (served.token(P, scopes, username="same") for scopes in (READ, READ_WRITE))
    asked = [f"repository:{P}:push,pull"]
    assert access(served, asked, basic("same", secret_of(reader), "basic")) == [f"repository:{P}:pull"]
    assert access(served, asked, basic("same", secret_of(writer), "BASIC")) == [f"repository:{P}:push,pull"]


def test_rights_follow_every_change_at_once(served: Installation) -> None:
    """What is taken away is missing from the very next token (S20)."""
    asked = [f"repository:{PUB}:pull"]
    assert access(served, asked) == asked
    served.namespaces.update(NamespaceKind.PROJECT, PUB, visibility=Visibility.PRIVATE)
    assert access(served, asked) == []


def test_most_scopes_with_the_longest_names(served: Installation) -> None:
    """As many scopes as the limit, as deep as names go, are answered in one request."""
    issued = served.token(P)
    names = [f"{P}/{number:03}{'/a' * 120}" for number in range(256)]
    form = {"grant_type": "password", "username": issued.token.username, "password": secret_of(issued)}
    response = served.client.post("/jwt/auth", data=form | {"scope": [f"repository:{name}:pull" for name in names]})
    assert response.json is not None
    assert len(response.json["scope"].split()) == 256


GOOD = "correct horse"
PERSONAL = (TokenScope.API,)


@pytest.mark.parametrize(
    ("path", "role", "scopes", "granted"),
    [
        (None, None, PERSONAL, {"int/p": "pull"}),
        (None, None, READ, {"int/p": "pull"}),
        (None, None, WRITE, {}),
        (P, Role.GUEST, PERSONAL, {"int/p": "pull"}),
        (P, Role.REPORTER, PERSONAL, dict.fromkeys([P, f"{P}/deep/image", "int/p"], "pull")),
        (P, Role.DEVELOPER, READ_WRITE, {P: "pull,push", f"{P}/deep/image": "pull,push", "int/p": "pull"}),
        (P, Role.MAINTAINER, READ_WRITE, {P: "pull,push", f"{P}/deep/image": "pull,push", "int/p": "pull"}),
        (P, Role.MAINTAINER, PERSONAL, {P: "pull,push,delete", f"{P}/deep/image": "pull,push,delete", "int/p": "pull"}),
        ("g", Role.DEVELOPER, READ, dict.fromkeys([P, f"{P}/deep/image", "g/sub/q", "int/p"], "pull")),
        ("g/sub", Role.OWNER, PERSONAL, {"g/sub/q": "pull,push,delete", "int/p": "pull"}),
    ],
)
def test_rights_of_users_by_token_and_password(
    served: Installation, path: str | None, role: Role | None, scopes: tuple[TokenScope, ...], granted: dict[str, str]
) -> None:
    """Users get what role and scopes both allow, besides what is public; a password gives what `api` gives (S4, S6, D31)."""
    alice = served.user("Alice", password=GOOD)
    if path is not None and role is not None:
        served.member(path, alice, role, kind=PROJECT if path == P else GROUP)
    secret = secret_of(served.personal_token(alice, scopes))
    asked = [f"repository:{name}:pull,push,delete" for name in ASKED]
    expected = [f"repository:{name}:{actions}" for name in ASKED if (actions := ({PUB: "pull"} | granted).get(name))]
    assert access(served, asked, basic("alice", secret)) == expected
    form = {"grant_type": "password", "username": "alice", "password": secret, "scope": asked, "service": "container_registry"}
    by_post = served.client.post("/jwt/auth", data=form)
    assert by_post.json is not None
    assert by_post.json["scope"] == " ".join(expected)
    if scopes == PERSONAL:
        assert access(served, asked, basic("alice", GOOD)) == expected


@pytest.mark.parametrize("kind", ["personal_access_token", "gitlab_or_ldap"])
def test_subject_is_the_user_whatever_was_typed(served: Installation, kind: str) -> None:
    """The claims name the user as the user is written, never the address or the parameter `account` (S13)."""
    alice = served.user("Alice", password=GOOD)
    secret = GOOD if kind == "gitlab_or_ldap" else secret_of(served.personal_token(alice))
    claims = served.claims(ask(served.client, [], basic("aLICE", secret), account="admin")["token"])
    assert (claims["sub"], claims["auth_type"], claims["access"]) == ("Alice", kind, [])


def test_catalog_is_granted_to_administrators(served: Installation) -> None:
    """`registry:catalog:*` is granted literally to administrators who may read, by token and by password, and to nobody else (D24)."""
    root = served.user("root", password=GOOD, is_administrator=True)
    owner = served.user("owner", password=GOOD)
    served.member("g", owner, Role.OWNER, kind=GROUP)
    catalog = ["registry:catalog:*"]
    tokens = {scopes: basic("root", secret_of(served.personal_token(root, scopes))) for scopes in (PERSONAL, READ, WRITE)}
    assert access(served, catalog, basic("root", GOOD)) == catalog
    assert [access(served, catalog, headers) for headers in tokens.values()] == [catalog, catalog, []]
    assert access(served, ["registry:catalog:pull", "registry:statistics:*"], basic("root", GOOD)) == []
    assert access(served, [f"repository:{P}:*", *catalog], basic("root", GOOD)) == [f"repository:{P}:pull,push,delete", *catalog]
    for headers in (None, basic("owner", GOOD), login(served.token("g", DEPLOY_TOKEN_SCOPES, kind=GROUP))):
        assert access(served, catalog, headers) == []


def test_rights_of_users_follow_every_change_at_once(served: Installation) -> None:
    """A role that is lowered or taken away is missing from the very next token, by every credential (S20)."""
    alice = served.user("alice", password=GOOD)
    served.member(P, alice, Role.DEVELOPER)
    log_ins = [basic("alice", GOOD), basic("alice", secret_of(served.personal_token(alice)))]
    for granted in ("pull,push", "pull", ""):
        expected = [f"repository:{P}:{granted}"] if granted else []
        assert [access(served, [f"repository:{P}:pull,push"], headers) for headers in log_ins] == [expected] * 2
        if granted == "pull,push":
            served.memberships.update(PROJECT, P, alice, Role.REPORTER)
        elif granted:
            served.memberships.remove(PROJECT, P, alice)
