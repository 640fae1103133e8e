"""`/jwt/auth` over the production web server: what good requests get."""

import re
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from .http_calls import FORM, basic, call, claims, post_form
from .token_server import Token, TokenServer

Fields = list[tuple[str, str]]


@pytest.fixture(scope="session")
def address(token_server: TokenServer) -> str:
    """Give the address of the token endpoint."""
    return f"{token_server.url}/jwt/auth"


def grant(token: Token, *scopes: str) -> Fields:
    """Give the form of a password grant."""
    fields = [("grant_type", "password"), ("username", token.username), ("password", token.secret)]
    return [*fields, ("service", "container_registry"), *(("scope", scope) for scope in scopes)]


def access(token: str) -> dict[str, list[str]]:
    """Give the actions that a token grants on each repository."""
    return {entry["name"]: entry["actions"] for entry in claims(token)["access"]}


def test_the_answer_to_get(token_server: TokenServer, writer: Token, project: str) -> None:
    """The answer has the token under both names, and the fields in the types that every client reads."""
    answer = token_server.ask(f"repository:{project}:push,pull", token=writer)
    document = answer.granted()
    payload = claims(document["token"])

    assert set(document) == {"token", "access_token", "expires_in", "issued_at"}
    assert document["token"] == document["access_token"]
    assert document["expires_in"] == 900
    assert abs(datetime.now(UTC) - datetime.strptime(document["issued_at"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)).seconds < 5
    assert answer.headers["cache-control"] == "no-store"
    assert (payload["iss"], payload["aud"], payload["sub"]) == ("registry-auth", "container_registry", writer.username)
    assert payload["access"] == [{"type": "repository", "name": project, "actions": ["push", "pull"]}]
    assert payload["nbf"] < time.time() < payload["exp"] <= time.time() + 900


@pytest.mark.parametrize("chunk", [None, 1, 7, 4096], ids=["with-length", "byte-by-byte", "in-small-chunks", "in-one-chunk"])
def test_the_answer_to_post(address: str, writer: Token, project: str, chunk: int | None) -> None:
    """A password grant is answered like a GET, also when its form comes in chunks and without a length."""
    document = post_form(address, grant(writer, f"repository:{project}:pull,push"), chunk=chunk).granted()

    assert document["access_token"] == document["token"]
    assert (document["token_type"], document["scope"]) == ("Bearer", f"repository:{project}:pull,push")
    assert access(document["token"]) == {project: ["pull", "push"]}


def test_an_anonymous_token_names_nobody(token_server: TokenServer, public_project: str, project: str) -> None:
    """Without credentials public projects can be pulled, and the account that a client claims to be counts for nothing."""
    scopes = [("scope", f"repository:{path}:pull,push") for path in (public_project, project)]
    document = call(f"{token_server.url}/jwt/auth", query=[("account", "admin"), *scopes]).granted()

    assert claims(document["token"])["sub"] == ""
    assert access(document["token"]) == {public_project: ["pull"]}


def test_sixty_scopes(token_server: TokenServer, group_writer: Token, project: str) -> None:
    """An image build may ask for many repositories at once: each is granted."""
    names = [f"{project}/{'component/' * 6}image-{number}" for number in range(60)]
    scopes = [f"repository:{name}:pull" for name in names]

    assert sum(map(len, scopes)) > 6000
    assert access(token_server.jwt(*scopes, token=group_writer)) == {name: ["pull"] for name in names}


def test_a_query_of_60_kib(token_server: TokenServer, writer: Token, project: str) -> None:
    """A very long query is read to its end: what stands last counts too."""
    filling = [("scope", f"repository:{project}/{'x' * 180}:pull")] * 255
    last = ("scope", f"repository:{project}:push")
    sent = [*filling, ("padding", "x" * (60 * 1024 - 255 * 240)), last]
    answer = call(f"{token_server.url}/jwt/auth", query=sent, credentials=writer.credentials)

    assert sum(len(f"{name}={value}&") for name, value in sent) > 50 * 1024
    assert access(answer.granted()["token"]) == {f"{project}/{'x' * 180}": ["pull"], project: ["push"]}


@pytest.mark.parametrize(
    ("scopes", "granted"),
    [
        pytest.param(["repository:{p}:pull repository:{p}:push,pull"], ["pull", "push"], id="joined-by-a-space-as-containerd-does"),
        pytest.param(["repository:{p}:pull", "repository:{p}:pull"], ["pull"], id="the-same-twice-as-skopeo-does"),
        pytest.param(["repository:{p}:*"], ["pull", "push"], id="everything"),
        pytest.param(["repository:{p}:delete"], None, id="delete"),
        pytest.param(["repository:{p}:pull,destroy,*"], ["pull", "push"], id="unknown-action"),
        pytest.param(["repository(plugin):{p}:pull"], ["pull"], id="class"),
        pytest.param(["registry:catalog:*"], None, id="catalog"),
        pytest.param(["", "x", ":", "repository:{p}", "repository:{p}:", "repository:{p}:pull"], ["pull"], id="not-understood"),
        pytest.param(["repository:../{p}:pull", "repository:{p}/../{p}:pull"], None, id="path-tricks"),
    ],
)
def test_scopes(token_server: TokenServer, writer: Token, project: str, scopes: list[str], granted: list[str] | None) -> None:
    """What cannot be understood is left out, what is asked twice is granted once, and nothing is granted as `*`."""
    token = token_server.jwt(*(scope.replace("{p}", project) for scope in scopes), token=writer)

    assert access(token) == ({} if granted is None else {project: granted})


@pytest.mark.parametrize("service", [None, "", "container_registry"], ids=["missing", "empty", "named"])
def test_service(address: str, writer: Token, service: str | None) -> None:
    """A client that names no service gets a token for the only one there is."""
    query = [] if service is None else [("service", service)]

    assert claims(call(address, query=query, credentials=writer.credentials).granted()["token"])["aud"] == "container_registry"


@pytest.mark.parametrize("scheme", ["Basic ", "basic ", "BASIC  "])
def test_the_scheme_in_any_case(address: str, writer: Token, scheme: str) -> None:
    """The word Basic may be written in any case (RFC 9110)."""
    sent = basic(*writer.credentials).replace("Basic ", scheme)

    assert claims(call(address, headers={"Authorization": sent}).granted()["token"])["sub"] == writer.username


def test_a_form_with_a_charset(address: str, writer: Token) -> None:
    """Clients that name the form's character set are understood."""
    fields = "&".join(f"{name}={value.replace('+', '%2B')}" for name, value in grant(writer))
    answer = call(address, method="POST", headers={"Content-Type": f"{FORM}; charset=utf-8"}, body=fields.encode())

    assert claims(answer.granted()["token"])["sub"] == writer.username


def test_a_hundred_requests_at_once(token_server: TokenServer, writer: Token, reader: Token, project: str) -> None:
    """A burst of good requests is answered whole; each token has an id of its own, and the rights of who asked."""
    callers = [writer, reader] * 50
    with ThreadPoolExecutor(max_workers=100) as pool:
        answers = list(pool.map(lambda token: token_server.ask(f"repository:{project}:pull,push", token=token), callers))
    tokens = [answer.granted()["token"] for answer in answers]

    assert len({claims(token)["jti"] for token in tokens}) == 100
    assert Counter((claims(token)["sub"], *access(token)[project]) for token in tokens) == {
        (writer.username, "pull", "push"): 50,
        (reader.username, "pull"): 50,
    }


def test_both_workers_answer(token_server: TokenServer) -> None:
    """The server runs two worker processes beside the one that watches over them."""
    assert len(token_server.process.group()) == 3


@pytest.mark.parametrize("path", ["/-/liveness", "/-/readiness", "/.well-known/jwks.json"])
def test_addresses_for_operators(token_server: TokenServer, path: str) -> None:
    """Liveness, readiness and the public keys are for everybody; nothing there is secret."""
    document = call(token_server.url + path).granted()

    assert document.get("status", "ok") == "ok"
    assert not re.search(r"gldt-|\"d\"", str(document))
