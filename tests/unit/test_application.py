"""The application as a whole: its routes, its guards, and how it is built from the environment."""

import logging
import signal
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path

import pytest

from registry_auth.application import build_services, utc_now, worker_app
from registry_auth.errors import ConfigurationError
from registry_auth.serving import prepare_installation
from registry_auth.settings import Settings
from tests.unit.installation import Installation

# Every route, with what stands between a caller and what it gives. A new route fails the test until it is listed here (S7).
ROUTES = {
    ("GET", "/jwt/auth"): "Authentication.caller unless no Authorization header is sent; every scope goes through authorization.grant",
    ("POST", "/jwt/auth"): "Authentication.caller, always; every scope goes through authorization.grant",
    ("GET", "/-/liveness"): "open: one constant word",
    ("GET", "/-/readiness"): "open: one word for each part",
    ("GET", "/.well-known/jwks.json"): "open: public keys",
}


@pytest.fixture
def restored_process() -> Iterator[None]:
    """Give the root logger and the signal mask back as they were before a worker was set up in this process."""
    root = logging.getLogger()
    before, mask = (root.handlers[:], root.level), signal.pthread_sigmask(signal.SIG_BLOCK, ())
    yield
    root.handlers[:], root.level = before
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def test_every_route_is_listed_with_its_guard(installation: Installation) -> None:
    """There is no route that nobody thought about."""
    rules = installation.app.url_map.iter_rules()
    routes = {(method, rule.rule) for rule in rules for method in rule.methods or () if method not in {"HEAD", "OPTIONS"}}
    assert routes == set(ROUTES)


def test_no_static_files_or_debugging(installation: Installation) -> None:
    """Nothing is served from the disk, and nothing is shown of the inside."""
    assert installation.app.static_folder is None
    assert not installation.app.debug


def test_clock_is_aware_and_utc() -> None:
    """The clock of everything is in UTC."""
    assert utc_now().tzinfo is UTC


@pytest.mark.usefixtures("restored_process")
def test_worker_is_set_up_from_the_environment(environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker serves with the names that the environment gives, on what `serve` prepared."""
    monkeypatch.setenv("REGISTRY_AUTH_SERVICE", "my-registry")
    monkeypatch.setenv("REGISTRY_AUTH_ISSUER", "my-issuer")
    monkeypatch.setenv("REGISTRY_AUTH_TOKEN_LIFETIME", "60")
    prepare_installation()
    app = worker_app()
    response = app.test_client().get("/jwt/auth?service=my-registry")
    app.extensions["registry_auth"].database.close()
    assert response.json is not None
    assert response.json["expires_in"] == 60
    claims = Installation(environment, utc_now).claims(response.json["token"])  # type: ignore[arg-type] # the real clock
    assert (claims["iss"], claims["aud"], claims["exp"] - claims["iat"]) == ("my-issuer", "my-registry", 90)


def test_unusable_parts_stop_the_start(tmp_path: Path) -> None:
    """Services are not built on a key directory or a database directory that cannot be made."""
    (tmp_path / "file").write_text("in the way")
    blocked = tmp_path / "file" / "x"
    for settings in (
        Settings(database_url=f"sqlite:///{tmp_path / 'a.db'}", keys_dir=blocked),
        Settings(database_url=f"sqlite:///{blocked / 'a.db'}", keys_dir=tmp_path / "keys"),
    ):
        with pytest.raises(ConfigurationError, match="REGISTRY_AUTH_"):
            build_services(settings)
