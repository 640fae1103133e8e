"""Liveness, readiness and the public keys."""

import json

import pytest
from jwt import PyJWKSet
from sqlalchemy import text

from registry_auth.signing import KeyDirectory
from registry_auth.signing.key_changes import KeyChanges
from tests.unit.installation import Installation
from tests.unit.signing.own_keys import own_pair


def test_liveness_says_that_the_process_answers(installation: Installation) -> None:
    """Liveness needs neither database nor keys."""
    client = installation.client
    installation.store.take_away()
    response = client.get("/-/liveness")
    assert (response.status_code, response.json) == (200, {"status": "ok"})


def test_readiness_of_a_whole_installation(installation: Installation) -> None:
    """With a migrated database and a key that can sign, the server is ready."""
    response = installation.client.get("/-/readiness")
    document = {"status": "ok", "checks": {"database": "ok", "key_ring": "ok"}, "warnings": []}
    assert (response.status_code, response.json) == (200, document)


@pytest.mark.one_store("keys are files")
def test_readiness_tells_what_ends_soon(installation: Installation) -> None:
    """The server is ready all the same; the sentence says what to do, and goes when it is done."""
    client, directory = installation.client, KeyDirectory(installation.keys_dir)
    directory.private.authority.chmod(0o644)
    installation.clock.advance(days=80)
    response = client.get("/-/readiness")
    sentence = (
        "The signing certificate ends on 2026-09-29. The server has not renewed it: its log says why. "
        "`registry-auth keys rotate` makes the next one."
    )
    assert (response.status_code, response.json) == (
        200,
        {
            "status": "ok",
            "checks": {"database": "ok", "key_ring": "ok"},
            "warnings": [sentence],
        },
    )
    directory.private.authority.chmod(0o600)
    installation.clock.advance(seconds=5)
    assert client.get("/-/readiness").get_json()["warnings"] == []


@pytest.mark.parametrize("fault", ["broken database", "newer schema", "no valid key"])
def test_readiness_names_the_failing_part_and_no_more(installation: Installation, fault: str, caplog: pytest.LogCaptureFixture) -> None:
    """Anybody may ask, so the answer is a word for each part; the reason is in the log."""
    client = installation.client
    if fault == "broken database":
        installation.store.take_away()
    elif fault == "newer schema":
        with installation.database.transaction() as session:
            session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    else:
        (installation.keys_dir / "private" / "ca.pem").chmod(0o644)
        installation.clock.advance(days=90)
    response = client.get("/-/readiness")
    failing = "key_ring" if fault == "no valid key" else "database"
    assert response.status_code == 503
    document = response.get_json()
    assert [sentence.split(" on ")[0] for sentence in document.pop("warnings")] == (
        ["The signing certificate ended"] if fault == "no valid key" else []
    )
    assert document == {"status": "failed", "checks": {"database": "ok", "key_ring": "ok"} | {failing: "failed"}}
    assert str(installation.root) not in response.text
    assert f"not ready: {failing.replace('_', ' ')}: " in caplog.text


def test_public_keys_are_served(installation: Installation) -> None:
    """The key set on the web is the exported one, and holds the key that signs."""
    response = installation.client.get("/.well-known/jwks.json")
    assert (response.status_code, response.content_type) == (200, "application/json")
    assert response.data == (installation.keys_dir / "public" / "jwks.json").read_bytes()
    token = json.loads(installation.client.get("/jwt/auth").data)["token"]
    claims = installation.claims(token)
    assert claims["sub"] == ""
    assert len(PyJWKSet.from_json(response.text).keys) == 2


@pytest.mark.one_store("keys are files")
def test_public_keys_are_served_as_soon_as_they_are_published(installation: Installation) -> None:
    """A key that is to sign is in the key set before it does."""
    client = installation.client
    installation.clock.advance(days=1)
    key = KeyChanges(KeyDirectory(installation.keys_dir)).import_key(own_pair("RSA-2048"), installation.clock())
    installation.clock.advance(seconds=5)
    entries = client.get("/.well-known/jwks.json").get_json()["keys"]
    assert [(entry["kid"], entry["alg"]) for entry in entries[:2]] == [(kid, "RS256") for kid in key.ids]
    assert len(entries) == 4
