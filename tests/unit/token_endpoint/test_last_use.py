"""`/jwt/auth` records the last use of tokens: good log-ins move it, others do not (T10)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import insert

from registry_auth.accounts.personal_access_tokens import IssuedPersonalAccessToken
from registry_auth.application import create_app
from registry_auth.deploy_tokens.service import Issued
from registry_auth.last_use import LastUse
from registry_auth.last_use.models import LastUseRow
from registry_auth.values import CallerKind, NamespaceKind, Role, Service, TokenScope
from tests.unit.installation import NOW, Installation, basic, secret_of
from tests.unit.last_used import everything_used, last_use

HERE, THERE = "192.0.2.7", "2001:db8::7"
REGISTRY, PROXY = Service.CONTAINER_REGISTRY, Service.DEPENDENCY_PROXY
SCOPES = (TokenScope.READ_REGISTRY, TokenScope.READ_VIRTUAL_REGISTRY)

EACH_WAY = pytest.mark.parametrize("method", ["GET", "POST"])


@dataclass(frozen=True, slots=True)
class Holder:
    """A token and the user name that it logs in with."""

    username: str
    issued: Issued | IssuedPersonalAccessToken


@pytest.fixture
def served(installation: Installation) -> Installation:
    """Give an installation with a group, and a user who is a member of it."""
    installation.group("g")
    installation.member("g", installation.user("ada", password="correct horse"), Role.DEVELOPER, kind=NamespaceKind.GROUP)
    return installation


@pytest.fixture(params=["deploy token", "personal access token"])
def holder(request: pytest.FixtureRequest, served: Installation) -> Holder:
    """Give a token of each kind, which ends in ten days."""
    end = (NOW + timedelta(days=10)).date()
    if request.param == "deploy token":
        return Holder("robot", served.token("g", SCOPES, kind=NamespaceKind.GROUP, username="robot", expires_at=end))
    return Holder("ada", served.personal_token(served.users.get("ada").id, SCOPES, expires_at=end))


def log_in(client: FlaskClient, method: str, username: str, secret: str, address: str = HERE, **query: str) -> int:
    """Log in by GET or POST, and give the status of the answer."""
    environ = {"REMOTE_ADDR": address}
    if method == "GET":
        return client.get("/jwt/auth", query_string=query, headers=basic(username, secret), environ_overrides=environ).status_code
    form = {"grant_type": "password", "username": username, "password": secret, **query}
    return client.post("/jwt/auth", data=form, environ_overrides=environ).status_code


@EACH_WAY
def test_good_log_ins_move_the_last_use(served: Installation, holder: Holder, method: str) -> None:
    """Instant, address and service are those of the latest log-in, whatever was granted at it; before the first there are none."""
    assert last_use(served, holder.issued) is None
    client, secret = served.client, secret_of(holder.issued)

    assert log_in(client, method, holder.username, secret) == 200
    assert last_use(served, holder.issued) == LastUse(NOW, HERE, REGISTRY)

    served.clock.advance(milliseconds=1)
    assert log_in(client, method, holder.username, secret, THERE, service=PROXY, scope="repository:foreign/p:pull") == 200
    assert last_use(served, holder.issued) == LastUse(NOW + timedelta(milliseconds=1), THERE, PROXY)


@EACH_WAY
def test_service_is_recorded_by_its_kind(served: Installation, holder: Holder, method: str) -> None:
    """What a service calls itself is a setting, and is not recorded."""
    served.app = create_app(served.settings.model_copy(update={"service": "my-registry", "dependency_proxy_service": "my-proxy"}))
    for name, kind in (("my-registry", REGISTRY), ("my-proxy", PROXY), ("", REGISTRY)):
        served.clock.advance(seconds=1)
        assert log_in(served.client, method, holder.username, secret_of(holder.issued), service=name) == 200
        assert last_use(served, holder.issued) == LastUse(served.clock(), HERE, kind)


@EACH_WAY
@pytest.mark.parametrize(("proxies", "address"), [(0, HERE), (1, "203.0.113.1"), (2, "10.6.6.6"), (3, HERE)])
def test_address_is_the_clients(served: Installation, holder: Holder, method: str, proxies: int, address: str) -> None:
    """Behind trusted proxies it is the client's; what others write into X-Forwarded-For is not believed."""
    served.app = create_app(served.settings.model_copy(update={"trusted_proxies": proxies}))
    client = served.client
    client.environ_base["HTTP_X_FORWARDED_FOR"] = "10.6.6.6, 203.0.113.1"
    assert log_in(client, method, holder.username, secret_of(holder.issued)) == 200
    assert last_use(served, holder.issued) == LastUse(NOW, address, REGISTRY)


def _expire(installation: Installation, _holder: Holder) -> None:
    installation.clock.advance(days=10)


def _revoke(installation: Installation, holder: Holder) -> None:
    if isinstance(holder.issued, Issued):
        installation.deploy_tokens.revoke(holder.issued.token.id)
    else:
        installation.personal_access_tokens.revoke(holder.issued.token.id)


def _rotate(installation: Installation, holder: Holder) -> None:
    if isinstance(holder.issued, Issued):
        installation.deploy_tokens.rotate(holder.issued.token.id)
    else:
        installation.personal_access_tokens.rotate(holder.issued.token.id)


@EACH_WAY
@pytest.mark.parametrize("end", [_expire, _revoke, _rotate], ids=lambda end: end.__name__.strip("_"))
def test_dead_secrets_do_not_move_the_last_use(
    served: Installation, holder: Holder, method: str, end: Callable[[Installation, Holder], None]
) -> None:
    """What was used before its end keeps that use."""
    client, secret = served.client, secret_of(holder.issued)
    assert log_in(client, method, holder.username, secret) == 200
    served.clock.advance(hours=1)
    end(served, holder)
    assert log_in(client, method, holder.username, secret, THERE) == 401
    assert last_use(served, holder.issued) == LastUse(NOW, HERE, REGISTRY)


REFUSED: Mapping[str, tuple[int, Callable[[str, str], tuple[str, str]], Mapping[str, str]]] = {
    "wrong secret": (401, lambda name, secret: (name, secret[:-1] + ("x" if secret[-1] != "x" else "y")), {}),
    "wrong user name": (401, lambda name, secret: (f"{name}x", secret), {}),
    "unknown service": (404, lambda name, secret: (name, secret), {"service": "nowhere"}),
    "too many scopes": (400, lambda name, secret: (name, secret), {"scope": " ".join(f"repository:p{n}:pull" for n in range(300))}),
}


@EACH_WAY
@pytest.mark.parametrize(("status", "given", "query"), REFUSED.values(), ids=REFUSED)
def test_refused_requests_record_nothing(
    served: Installation,
    holder: Holder,
    method: str,
    status: int,
    given: Callable[[str, str], tuple[str, str]],
    query: Mapping[str, str],
) -> None:
    """Who gets no signed token has not used the token."""
    assert log_in(served.client, method, *given(holder.username, secret_of(holder.issued)), **query) == status
    assert everything_used(served) == set()


@EACH_WAY
def test_tokens_without_the_ability_record_nothing(served: Installation, method: str) -> None:
    """A token that can do nothing at a service is refused there, and not used."""
    robot = served.token("g", (TokenScope.READ_REPOSITORY,), kind=NamespaceKind.GROUP, username="robot")
    personal = served.personal_token(served.users.get("ada").id, (TokenScope.READ_API,))
    for service in Service:
        assert log_in(served.client, method, "robot", secret_of(robot), service=service) == 403
        assert log_in(served.client, method, "ada", secret_of(personal), service=service) == 403
    assert everything_used(served) == set()


@EACH_WAY
def test_services_that_are_off_record_nothing(served: Installation, holder: Holder, method: str) -> None:
    """Where no tokens are issued none is used."""
    served.app = create_app(served.settings.model_copy(update={"dependency_proxy_enabled": False}))
    assert log_in(served.client, method, holder.username, secret_of(holder.issued), service=PROXY) == 404
    assert everything_used(served) == set()


@EACH_WAY
def test_blocked_users_record_nothing(served: Installation, method: str) -> None:
    """The tokens of a blocked user keep their last use."""
    ada = served.users.get("ada").id
    personal = served.personal_token(ada)
    assert log_in(served.client, method, "ada", secret_of(personal)) == 200
    served.users.block(ada)
    served.clock.advance(hours=1)
    assert log_in(served.client, method, "ada", secret_of(personal), THERE) == 401
    assert last_use(served, personal) == LastUse(NOW, HERE, REGISTRY)


@EACH_WAY
def test_passwords_and_anonymous_callers_record_nothing(served: Installation, method: str) -> None:
    """Only tokens have a last use."""
    assert log_in(served.client, method, "ada", "correct horse") == 200
    assert served.client.get("/jwt/auth").status_code == 200
    assert everything_used(served) == set()


def test_tokens_of_both_kinds_are_told_apart(served: Installation) -> None:
    """A deploy token and a personal access token of the same id have a last use each."""
    robot = served.token("g", SCOPES, kind=NamespaceKind.GROUP, username="robot")
    personal = served.personal_token(served.users.get("ada").id)
    assert robot.token.id == personal.token.id
    assert log_in(served.client, "GET", "ada", secret_of(personal)) == 200
    assert everything_used(served) == {(CallerKind.PERSONAL_ACCESS_TOKEN, personal.token.id)}
    assert last_use(served, robot) is None


def test_signed_tokens_are_no_use_of_their_credential(served: Installation) -> None:
    """What a client does with a signed token at the dependency proxy is not recorded: the log-in was."""
    robot = served.token("g", SCOPES, kind=NamespaceKind.GROUP, username="robot")
    query = {"service": PROXY.value}
    signed = served.client.get("/jwt/auth", query_string=query, headers=basic("robot", secret_of(robot))).get_json()["token"]
    before = last_use(served, robot)
    served.clock.advance(seconds=30)
    assert served.client.get("/v2/", headers={"Authorization": f"Bearer {signed}"}).status_code == 200
    assert last_use(served, robot) == before


def test_log_ins_do_not_wait_for_last_uses(served: Installation, holder: Holder) -> None:
    """While somebody else is writing last uses, log-ins go on; theirs is written afterwards."""
    foreign = {"credential_kind": "deploy_token", "credential_id": 99, "used_at": NOW, "address": THERE, "service": "container_registry"}
    with served.database.recording() as connection:
        connection.execute(insert(LastUseRow).values(foreign))
        assert log_in(served.client, "GET", holder.username, secret_of(holder.issued)) == 200
    assert last_use(served, holder.issued) == LastUse(NOW, HERE, REGISTRY)
