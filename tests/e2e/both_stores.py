"""The two kinds of stores that servers of the tests run on."""

import pytest

STORES = ["sqlite", "postgresql"]


def store_settings(kind: str, request: pytest.FixtureRequest) -> dict[str, str]:
    """Give the settings that let a server run on a new store of this kind; SQLite, in the server's own directory, is the default."""
    if kind == "sqlite":
        return {}
    return {"REGISTRY_AUTH_DATABASE_URL": request.getfixturevalue("postgres").create_database()}
