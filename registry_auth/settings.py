"""Every option of the server, once: environment variables `REGISTRY_AUTH_*`, each with a working default."""

import re
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, ValidationInfo
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from registry_auth.errors import ConfigurationError
from registry_auth.values import TokenHeader

PREFIX = "REGISTRY_AUTH_"

DEFAULT_POOL_SIZE = 5  # connections to PostgreSQL: one for each thread of a worker, and one for what a worker does besides
DEFAULT_CACHE_SIZE = 10_000  # rows, of about 1 kB each

# The `service` of the registries behind the dependency proxy. The cache of a further upstream has the second one, a colon and its name.
STORE_SERVICE = "dependency_proxy_store"
CACHE_SERVICE = "dependency_proxy_cache"

_FORBIDDEN_IN_CHALLENGE = set('"\\ ')


def _check_database_url(url: str) -> str:
    if not url.startswith(_SQLITE):
        return _check_postgresql_url(url)
    path = url.removeprefix(_SQLITE)
    if path in {"", ":memory:"} or "?" in path:
        raise ValueError
    return url


def _check_postgresql_url(url: str) -> str:
    address, scheme = urlsplit(url), url.partition("://")[0]
    # A password with a slash that is not percent-encoded would be cut in two, and its first half be logged as a host or a port.
    if scheme not in _POSTGRESQL or len(address.path) <= 1 or "/" in address.path[1:] or address.fragment or address.port == 0:
        raise ValueError
    return url


def _check_listen_url(url: str | None, info: ValidationInfo) -> str | None:
    if url is not None and str(info.data.get("database_url", "")).startswith(_SQLITE):
        raise ValueError
    return None if url is None else _check_postgresql_url(url)


def _check_http_url(url: str) -> str:
    if not url.startswith(("http://", "https://")) or not urlsplit(url).hostname or not _fits_challenge(url) or "?" in url or "#" in url:
        raise ValueError
    return url.rstrip("/")


def _check_word(text: str) -> str:
    if not text or not _fits_challenge(text):
        raise ValueError
    return text


def _check_service(text: str) -> str:
    if text == STORE_SERVICE or text.partition(":")[0] == CACHE_SERVICE:
        raise ValueError
    return _check_word(text)


def _check_other_service(text: str, info: ValidationInfo) -> str:
    if text == info.data.get("service"):
        raise ValueError
    return _check_service(text)


def _split_words(value: object) -> object:
    return tuple(word.strip() for word in value.split(",")) if isinstance(value, str) else value


def _check_upstreams(names: tuple[str, ...]) -> tuple[str, ...]:
    if not all(_UPSTREAM.fullmatch(name) for name in names):
        raise ValueError
    return names


def _check_throttle_url(url: str) -> str:
    parts = urlsplit(url)
    if "?" in url or "#" in url:
        raise ValueError
    if url.startswith(("redis://", "rediss://")):
        # A password with a slash that is not percent-encoded would be cut in two, and its first half be logged as a host or a port.
        usable = bool(parts.hostname) and parts.port != 0 and _REDIS_DATABASE.fullmatch(parts.path) is not None
    else:
        usable = url == "memory://" or (url.startswith("redis+unix://") and not parts.hostname and len(parts.path) > 1)
    if not usable:
        raise ValueError
    return url


def _fits_challenge(text: str) -> bool:
    """Say whether it can stand in a quoted string of the registry's challenge, where it is compared byte for byte."""
    return text.isascii() and text.isprintable() and _FORBIDDEN_IN_CHALLENGE.isdisjoint(text)


_SQLITE = "sqlite:///"
_POSTGRESQL = frozenset({"postgresql", "postgresql+psycopg"})
_POSTGRESQL_URL = "postgresql+psycopg://user:password@host:port/database, with special characters in the password percent-encoded"
_LISTEN_URL = f"{_POSTGRESQL_URL}; and set only where {PREFIX}DATABASE_URL leads to a PostgreSQL too"
_DATABASE_URL = f"sqlite:/// followed by the path of a file, or {_POSTGRESQL_URL}"
_REDIS_DATABASE = re.compile(r"(/[0-9]*)?", re.ASCII)
_THROTTLE_URL = "memory://, or the address of a Redis, redis://, rediss:// or redis+unix://, without query and fragment"
_WORD = "printable ASCII without spaces, quotes and backslashes, and not empty"
_UPSTREAM = re.compile(r"[a-z0-9]+(?:-+[a-z0-9]+)*(?:\.[a-z0-9]+(?:-+[a-z0-9]+)*)+")
_SERVICE = f"{_WORD}; and neither {STORE_SERVICE} nor {CACHE_SERVICE}"
_HTTP_URL = "an http:// or https:// address without query, fragment and spaces"


class Settings(BaseSettings):
    """The options; a variable that is set to nothing counts as not set. Each description completes the sentence 'NAME must be …'."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True)

    database_url: Annotated[str, AfterValidator(_check_database_url), Field(description=_DATABASE_URL, repr=False)] = (
        "sqlite:///data/registry-auth.db"
    )
    database_listen_url: Annotated[str | None, AfterValidator(_check_listen_url), Field(description=_LISTEN_URL, repr=False)] = None
    database_pool_size: Annotated[int, Field(ge=1, le=100, description="a number of connections from 1 to 100")] = DEFAULT_POOL_SIZE
    cache_size: Annotated[int, Field(ge=0, le=10_000_000, description="a number of rows from 0 to 10000000")] = DEFAULT_CACHE_SIZE
    keys_dir: Annotated[Path, Field(description="the path of a directory")] = Path("keys")
    issuer: Annotated[str, AfterValidator(_check_word), Field(description=_WORD)] = "registry-auth"
    service: Annotated[str, AfterValidator(_check_service), Field(description=_SERVICE)] = "container_registry"
    dependency_proxy_enabled: Annotated[bool, Field(description="true or false")] = True
    dependency_proxy_service: Annotated[
        str, AfterValidator(_check_other_service), Field(description=f"{_SERVICE}; and not the same as {PREFIX}SERVICE")
    ] = "dependency_proxy"
    dependency_proxy_upstreams: Annotated[
        tuple[str, ...],
        NoDecode,
        BeforeValidator(_split_words),
        AfterValidator(_check_upstreams),
        Field(description="host names of registries, such as ghcr.io, separated by commas"),
    ] = ()
    external_url: Annotated[str, AfterValidator(_check_http_url), Field(description=_HTTP_URL)] = "http://127.0.0.1:5001"
    token_lifetime: Annotated[int, Field(ge=60, le=86_400, description="a whole number of seconds from 60 to 86400")] = 900
    token_header: Annotated[TokenHeader, Field(description="x5c, libtrust-kid or rfc7638-kid")] = TokenHeader.X5C
    throttle_storage_url: Annotated[str, AfterValidator(_check_throttle_url), Field(description=_THROTTLE_URL, repr=False)] = "memory://"
    trusted_proxies: Annotated[int, Field(ge=0, le=16, description="a number of proxies from 0 to 16")] = 0

    @property
    def data_dir(self) -> Path:
        """Where the files of this installation lie: beside an SQLite database."""
        return Path("data") if self.sqlite_file is None else self.sqlite_file.parent

    @property
    def sqlite_file(self) -> Path | None:
        """The file of an SQLite database; None where the database is a PostgreSQL."""
        return Path(self.database_url.removeprefix(_SQLITE)) if self.uses_sqlite else None

    @property
    def uses_sqlite(self) -> bool:
        """Whether the database is an SQLite file, and no PostgreSQL."""
        return self.database_url.startswith(_SQLITE)

    @property
    def realm(self) -> str:
        """The address that the registry's challenge sends clients to."""
        return f"{self.external_url}/jwt/auth"


def load_settings() -> Settings:
    """Read the settings from the environment.

    Raises ConfigurationError with one sentence that names the variable and what it must be. It does not show the value: the address of a
    database may hold a password.
    """
    try:
        return Settings()
    except ValidationError as error:
        field = str(error.errors(include_url=False)[0]["loc"][0])
        raise ConfigurationError(f"{PREFIX}{field.upper()} must be {Settings.model_fields[field].description}.") from None
