"""Every option of the server, once: environment variables `REGISTRY_AUTH_*`, each with a working default."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from registry_auth.errors import ConfigurationError

PREFIX = "REGISTRY_AUTH_"


def _database_url(url: str) -> str:
    if not url.startswith("sqlite:///") or url == "sqlite:///":
        raise ValueError("must be sqlite:/// followed by the path of a file")
    return url


def _http_url(url: str) -> str:
    if not url.startswith(("http://", "https://")) or any(c.isspace() or c in '"\\?#' for c in url):
        raise ValueError("must be an http:// or https:// address without query or fragment")
    return url.rstrip("/")


def _quotable(text: str) -> str:
    # Both end up in a quoted string of the registry's challenge and are compared byte for byte.
    if not text or not text.isascii() or not text.isprintable() or any(c in '"\\ ' for c in text):
        raise ValueError("must be printable ASCII without spaces, quotes and backslashes, and not empty")
    return text


class Settings(BaseSettings):
    """The options. Durations are in seconds."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True)

    database_url: Annotated[str, AfterValidator(_database_url)] = "sqlite:///data/registry-auth.db"
    keys_dir: Path = Path("keys")
    issuer: Annotated[str, AfterValidator(_quotable)] = "registry-auth"
    service: Annotated[str, AfterValidator(_quotable)] = "container_registry"
    external_url: Annotated[str, AfterValidator(_http_url)] = "http://127.0.0.1:5001"
    token_lifetime: Annotated[int, Field(ge=60, le=86_400)] = 900

    @property
    def realm(self) -> str:
        """The address that the registry's challenge sends clients to."""
        return f"{self.external_url}/jwt/auth"


def load_settings() -> Settings:
    """Read the settings from the environment.

    Raises ConfigurationError with one sentence that names the variable and what it must be.
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        variable = PREFIX + str(first["loc"][0]).upper()
        reason = first["msg"].removeprefix("Value error, ")
        raise ConfigurationError(f"{variable}={first['input']}: {reason[:1].lower()}{reason[1:]}") from None
