"""Settings: defaults, what the environment changes, and refusals in one line."""

from pathlib import Path

import pytest

from registry_auth.errors import ConfigurationError
from registry_auth.settings import PREFIX, Settings, load_settings
from registry_auth.values import TokenHeader

DEFAULTS = {
    "database_url": "sqlite:///data/registry-auth.db",
    "keys_dir": Path("keys"),
    "issuer": "registry-auth",
    "service": "container_registry",
    "dependency_proxy_enabled": True,
    "dependency_proxy_service": "dependency_proxy",
    "dependency_proxy_upstreams": (),
    "external_url": "http://127.0.0.1:5001",
    "token_lifetime": 900,
    "throttle_storage_url": "memory://",
    "trusted_proxies": 0,
    "database_listen_url": None,
    "database_pool_size": 5,
    "cache_size": 10_000,
    "token_header": TokenHeader.X5C,
}

# What the registries behind the dependency proxy are called, which no client may get a token for.
INTERNAL_SERVICES = ("dependency_proxy_store", "dependency_proxy_cache", "dependency_proxy_cache:x", "dependency_proxy_cache:ghcr.io")

UNUSABLE_UPSTREAMS = [
    *("ghcr", "GHCR.io", "ghcr.io:443", "https://ghcr.io", "ghcr.io/owner", "ghcr.io.", ".ghcr.io", "ghcr..io", "-ghcr.io", "ghcr-.io"),
    *("gh_cr.io", "größe.io", "*.io", "ghcr.io ;", "ghcr.io quay.io", '["ghcr.io"]', "quay.io,$host.io", "ghcr.io,localhost"),
    *(",", " ", "ghcr.io,", ",ghcr.io", "ghcr.io,,quay.io"),
]

THROTTLE_URLS = [
    *("memory://", "redis://redis", "redis://user:p%40ss@redis.example.com:6379/0", "redis://[::1]:6379/"),
    *("rediss://:password@redis", "redis+unix:///run/redis.sock", "redis+unix://:password@/run/redis.sock"),
]


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take out what the environment of the test run sets."""
    for name in DEFAULTS:
        monkeypatch.delenv(PREFIX + name.upper(), raising=False)


def test_every_setting_has_a_working_default() -> None:
    """Without any variable the documented defaults hold."""
    assert load_settings().model_dump() == DEFAULTS


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("database_url", "sqlite:////var/lib/x.db", "sqlite:////var/lib/x.db"),
        ("database_url", "postgresql+psycopg://u:p%2F@h:5433/d", "postgresql+psycopg://u:p%2F@h:5433/d"),
        ("database_url", "postgresql://u@/d?host=a:1&host=b:2", "postgresql://u@/d?host=a:1&host=b:2"),
        ("database_pool_size", "20", 20),
        ("cache_size", "0", 0),
        ("keys_dir", "/etc/keys", Path("/etc/keys")),
        ("issuer", "https://auth.example.com", "https://auth.example.com"),
        ("service", "registry.example.com:5000", "registry.example.com:5000"),
        ("dependency_proxy_enabled", "false", False),
        ("dependency_proxy_enabled", "0", False),
        ("dependency_proxy_enabled", "TRUE", True),
        ("dependency_proxy_service", "proxy.example.com:443", "proxy.example.com:443"),
        ("dependency_proxy_service", "dependency_proxy_cached", "dependency_proxy_cached"),
        ("dependency_proxy_upstreams", "ghcr.io", ("ghcr.io",)),
        ("dependency_proxy_upstreams", "ghcr.io,quay.io,registry.k8s.io", ("ghcr.io", "quay.io", "registry.k8s.io")),
        ("dependency_proxy_upstreams", "  ghcr.io ,\tquay.io\n", ("ghcr.io", "quay.io")),
        ("dependency_proxy_upstreams", "xn--bcher-kva.example,a-b--c.d", ("xn--bcher-kva.example", "a-b--c.d")),
        ("external_url", "https://auth.example.com/", "https://auth.example.com"),
        ("external_url", "http://[::1]:5001", "http://[::1]:5001"),
        ("token_lifetime", "60", 60),
        ("token_lifetime", "86400", 86_400),
        *(("throttle_storage_url", url, url) for url in THROTTLE_URLS),
        ("trusted_proxies", "16", 16),
    ],
)
def test_variable_sets_its_setting(monkeypatch: pytest.MonkeyPatch, name: str, text: str, value: object) -> None:
    """Each setting is read from its variable."""
    monkeypatch.setenv(PREFIX + name.upper(), text)
    assert getattr(load_settings(), name) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *(("database_url", text) for text in ("mysql://h/d", "sqlite:///", "sqlite:///:memory:", "sqlite:///x.db?mode=ro")),
        *(("database_url", text) for text in ("postgresql+psycopg2://h/d", "postgres://h/d", "POSTGRESQL://h/d", "postgresql://h", "h/d")),
        *(
            ("database_url", text)
            for text in ("postgresql://u:1/2@h/d", "postgresql://h/d/e", "postgresql://u:1#2@h/d", "postgresql://h:x/d")
        ),
        *(("database_listen_url", text) for text in ("postgresql://h/d", "sqlite:///x.db", "h/d")),
        *(("database_pool_size", text) for text in ("0", "101", "many")),
        *(("cache_size", text) for text in ("-1", "10000001", "all")),
        *(("issuer", text) for text in ('a"b', "a\nb")),
        *(("service", text) for text in ("größe", "two words", "a\\b", *INTERNAL_SERVICES)),
        *(("dependency_proxy_enabled", text) for text in ("maybe", "2", "enabled")),
        *(("dependency_proxy_service", text) for text in ("größe", "two words", 'a"b', "container_registry", *INTERNAL_SERVICES)),
        *(("dependency_proxy_upstreams", text) for text in UNUSABLE_UPSTREAMS),
        *(("external_url", text) for text in ("auth.example.com", "ftp://auth.example.com", "http://", "https:///jwt", "http://[")),
        *(("external_url", text) for text in ("https://a/?x=1", "https://a/#x", "https://a b", 'https://a"')),
        *(("token_lifetime", text) for text in ("0", "-900", "59", "86401", "soon", "900.5", "1e400")),
        *(
            ("throttle_storage_url", text)
            for text in ("memory", "memory://x", "memcached://h", "redis+sentinel://h", "valkey://h", "unix:///s")
        ),
        *(
            ("throttle_storage_url", text)
            for text in ("redis://", "redis:///0", "redis://h:port", "redis://h:0", "redis://h/x", "redis://[")
        ),
        *(("throttle_storage_url", text) for text in ("redis://u:1/2@h", "redis://u:1#2@h", "redis://u:1?2@h", "redis://h?db=x")),
        *(("throttle_storage_url", text) for text in ("redis+unix://", "redis+unix:///", "redis+unix://h/s", "REDIS://h")),
        *(("trusted_proxies", text) for text in ("-1", "17", "all", "10.0.0.0/8", "1.5")),
        *(("token_header", text) for text in ("kid", "X5C", "x5c,libtrust-kid", "libtrust_kid")),
    ],
)
def test_unusable_value_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    """A refusal names the variable and the rule in one sentence, and not the value, which may hold a password (T13)."""
    variable = PREFIX + name.upper()
    monkeypatch.setenv(variable, text)
    with pytest.raises(ConfigurationError) as refusal:
        load_settings()
    assert str(refusal.value) == f"{variable} must be {Settings.model_fields[name].description}."


@pytest.mark.parametrize(
    ("names", "is_usable"),
    [
        ({"service": "dependency_proxy"}, False),
        ({"dependency_proxy_service": "container_registry"}, False),
        ({"service": "same", "dependency_proxy_service": "same"}, False),
        ({"service": "dependency_proxy", "dependency_proxy_service": "container_registry"}, True),
        ({"service": "same", "dependency_proxy_service": "Same"}, True),
        ({"service": "same", "dependency_proxy_service": "same", "dependency_proxy_enabled": "false"}, False),
    ],
    ids=repr,
)
def test_services_have_names_of_their_own(monkeypatch: pytest.MonkeyPatch, names: dict[str, str], is_usable: bool) -> None:
    """A token for one service must never be good at the other; what was not set has its default name (D19)."""
    for name, text in names.items():
        monkeypatch.setenv(PREFIX + name.upper(), text)
    if is_usable:
        assert load_settings().service != load_settings().dependency_proxy_service
        return
    with pytest.raises(ConfigurationError) as refusal:
        load_settings()
    assert str(refusal.value).startswith("REGISTRY_AUTH_DEPENDENCY_PROXY_SERVICE must be printable ASCII without spaces")
    assert str(refusal.value).endswith("; and not the same as REGISTRY_AUTH_SERVICE.")


WORD = "printable ASCII without spaces, quotes and backslashes, and not empty"


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        (
            "service",
            "dependency_proxy_store",
            f"REGISTRY_AUTH_SERVICE must be {WORD}; and neither dependency_proxy_store nor dependency_proxy_cache.",
        ),
        ("dependency_proxy_enabled", "maybe", "REGISTRY_AUTH_DEPENDENCY_PROXY_ENABLED must be true or false."),
        (
            "dependency_proxy_upstreams",
            "ghcr.io:443",
            "REGISTRY_AUTH_DEPENDENCY_PROXY_UPSTREAMS must be host names of registries, such as ghcr.io, separated by commas.",
        ),
    ],
)
def test_sentence_says_what_to_write(monkeypatch: pytest.MonkeyPatch, name: str, text: str, sentence: str) -> None:
    """Who reads the refusal knows what to change."""
    monkeypatch.setenv(PREFIX + name.upper(), text)
    with pytest.raises(ConfigurationError) as refusal:
        load_settings()
    assert str(refusal.value) == sentence


def test_variable_that_is_set_to_nothing_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """`NAME=` leaves the default, as compose files pass on what nobody has set."""
    for name in DEFAULTS:
        monkeypatch.setenv(PREFIX + name.upper(), "")
    assert load_settings().model_dump() == DEFAULTS


def test_realm_is_below_the_external_address() -> None:
    """Clients are sent to `/jwt/auth` below the external address."""
    assert Settings(external_url="https://auth.example.com/base/").realm == "https://auth.example.com/base/jwt/auth"


def test_settings_do_not_show_the_password_of_the_throttle() -> None:
    """The address of a Redis is left out where settings are shown."""
    assert "hunter2" not in repr(Settings(throttle_storage_url="redis://:hunter2@redis"))


def test_addresses_of_the_database_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """They may hold a password; the one to listen on counts only beside a PostgreSQL."""
    monkeypatch.setenv(f"{PREFIX}DATABASE_URL", "postgresql://u:hidden@pooler/d")
    monkeypatch.setenv(f"{PREFIX}DATABASE_LISTEN_URL", "postgresql://u:hidden@server/d")
    settings = load_settings()
    assert settings.database_listen_url == "postgresql://u:hidden@server/d"
    assert "hidden" not in repr(settings)


@pytest.mark.parametrize(
    ("url", "place"), [("sqlite:////srv/auth/x.db", "/srv/auth"), ("sqlite:///x.db", "."), ("postgresql://h/d", "data")]
)
def test_files_of_the_installation_lie_beside_an_sqlite_database(url: str, place: str) -> None:
    """With PostgreSQL there is a directory of the default's name."""
    assert Settings(database_url=url).data_dir == Path(place)
