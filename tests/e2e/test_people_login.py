"""`docker login` of users at docker-registry 2.8.2: who gets in, and what the others read."""

import re
from collections.abc import Callable
from secrets import token_hex

import pytest

from .peers.docker_engine import DockerClient
from .peers.stock_registry import StockRegistry
from .people import Person, create_person
from .refused import WRONG
from .token_server import TokenServer

BLOCKED = re.escape("Your account has been blocked.")


def prefix(registry: StockRegistry) -> str:
    """Give what docker prints before the server's message when a log-in is refused."""
    return f'Error response from daemon: Get "http://{registry.host}/v2/": '


@pytest.mark.parametrize("name_of", ["user name", "e-mail", "other letter case"])
@pytest.mark.parametrize("secret_of", ["token", "password"])
def test_login(docker: DockerClient, registry: StockRegistry, person: Person, name_of: str, secret_of: str) -> None:
    """A user logs in with user name or e-mail address, in any letter case, and a personal access token or the password."""
    names = {"user name": person.username, "e-mail": person.email, "other letter case": person.email.upper()}
    secrets = {"token": person.token.secret, "password": person.password}

    login = docker.login(registry.host, names[name_of], secrets[secret_of]).check()

    assert "Login Succeeded" in login.output
    assert docker.remembers(registry.host)


def _wrong_password(_server: TokenServer, person: Person) -> tuple[str, str, str]:
    return person.username, person.token.with_secret(f"wrong horse {token_hex(8)}").secret, re.escape(WRONG)


def _password_of_a_user_without_one(server: TokenServer, person: Person) -> tuple[str, str, str]:
    return server.create_user(f"{person.username}.machine"), person.password, re.escape(WRONG)


def _unknown_user(_server: TokenServer, person: Person) -> tuple[str, str, str]:
    return f"{person.username}0", person.password, re.escape(WRONG)


def _wrong_token(_server: TokenServer, person: Person) -> tuple[str, str, str]:
    return *person.token.with_invented_secret().credentials, re.escape(WRONG)


def _token_of_somebody_else(server: TokenServer, person: Person) -> tuple[str, str, str]:
    return person.username, create_person(server).token.secret, re.escape(WRONG)


def _deploy_token_under_a_users_name(server: TokenServer, person: Person) -> tuple[str, str, str]:
    project = server.create_project(f"of-{person.username.lower()}/app")
    return person.username, server.create_token(project=project).secret, re.escape(WRONG)


def _expired_token(server: TokenServer, person: Person) -> tuple[str, str, str]:
    token, day = server.create_expired_personal_token(person.username)
    return *token.credentials, re.escape(f"This personal access token expired on {day} at 00:00 UTC.")


def _revoked_token(server: TokenServer, person: Person) -> tuple[str, str, str]:
    server.revoke_personal_token(person.token)
    return *person.token.credentials, r"This personal access token was revoked on \d{4}-\d\d-\d\d\."


def _blocked_user_with_token(server: TokenServer, person: Person) -> tuple[str, str, str]:
    server.command("user", "block", person.username).check()
    return *person.token.credentials, BLOCKED


def _blocked_user_with_password(server: TokenServer, person: Person) -> tuple[str, str, str]:
    server.command("user", "block", person.username).check()
    return person.username, person.password, BLOCKED


def _blocked_user_with_wrong_password(server: TokenServer, person: Person) -> tuple[str, str, str]:
    server.command("user", "block", person.username).check()
    return _wrong_password(server, person)


def _deleted_user(server: TokenServer, person: Person) -> tuple[str, str, str]:
    server.command("user", "delete", person.username).check()
    return *person.token.credentials, re.escape(WRONG)


@pytest.mark.parametrize(
    "refused",
    [
        _wrong_password,
        _password_of_a_user_without_one,
        _unknown_user,
        _wrong_token,
        _token_of_somebody_else,
        _deploy_token_under_a_users_name,
        _expired_token,
        _revoked_token,
        _blocked_user_with_token,
        _blocked_user_with_password,
        _blocked_user_with_wrong_password,
        _deleted_user,
    ],
    ids=lambda refused: refused.__name__.strip("_").replace("_", "-"),
)
def test_refused_login(
    docker: DockerClient,
    registry: StockRegistry,
    token_server: TokenServer,
    person: Person,
    refused: Callable[[TokenServer, Person], tuple[str, str, str]],
) -> None:
    """Whoever sends a right secret that counts no more reads why; everybody else reads one and the same sentence."""
    name, secret, message = refused(token_server, person)

    login = docker.login(registry.host, name, secret)

    assert login.returncode == 1
    assert re.fullmatch(re.escape(f"{prefix(registry)}unauthorized: ") + message, login.output.strip())
    assert not docker.remembers(registry.host)


def test_login_without_a_registry_scope(docker: DockerClient, registry: StockRegistry, token_server: TokenServer, person: Person) -> None:
    """A token with read_api alone is told which scope it has and which it would need."""
    token = token_server.create_personal_token(person.username, ["read_api"])

    login = docker.login(registry.host, *token.credentials)

    assert login.returncode == 1
    assert login.output.strip() == prefix(registry) + (
        "denied: This personal access token has only the scope read_api. "
        "The container registry needs read_registry to pull, and write_registry with it to push; or api for all that its user may do."
    )


def test_an_unblocked_user_logs_in_again(docker: DockerClient, registry: StockRegistry, token_server: TokenServer, person: Person) -> None:
    """Blocking ends nothing for good: token and password count again."""
    for verb in ("block", "unblock"):
        token_server.command("user", verb, person.username).check()

    for secret in (person.token.secret, person.password):
        docker.login(registry.host, person.username, secret).check()
