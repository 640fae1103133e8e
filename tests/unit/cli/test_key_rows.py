"""The keys as rows of a list: which there are, in which order, and in which state."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from registry_auth.cli.key_rows import key_rows
from registry_auth.signing.certificates import new_authority, new_signing_pair
from registry_auth.signing.key_ring import KeyRing, SigningKey
from registry_auth.token_secrets import ServerSecret
from tests.unit.installation import NOW
from tests.unit.signing.own_keys import own_pair

MINUTE = timedelta(minutes=1)
CA, NEXT_CA, FORMER_CA = new_authority(NOW), new_authority(NOW), new_authority(NOW)
ACTIVE, FORMER = (SigningKey(name, NOW, new_signing_pair(CA, NOW)) for name in ("active", "former"))
IMPORTED = SigningKey("imported", NOW, own_pair(), is_imported=True)
OLD, NEW = ServerSecret(b"o" * 32, NOW), ServerSecret(b"n" * 32, NOW + 60 * MINUTE)

PLAIN = KeyRing(CA, (ACTIVE,), (OLD,))
FULL = KeyRing(CA, (ACTIVE, FORMER), (NEW, OLD), NEXT_CA, IMPORTED, (FORMER_CA.certificate,))


def states(ring: KeyRing, now: datetime = NOW) -> list[tuple[object, ...]]:
    """Give kind, id and state of each row."""
    return [(row["kind"], row["id"], row["state"]) for row in key_rows(ring, now, {})]


def test_each_key_has_a_row_with_its_state() -> None:
    """Of each kind what is to follow comes first, then what is in use, then what was before it."""
    assert states(PLAIN) == [("ca", CA.kid, "active"), ("signing", ACTIVE.pair.kid, "active"), ("server-secret", OLD.id, "active")]
    assert states(FULL, NEW.created_at) == [
        ("ca", NEXT_CA.kid, "next"),
        ("ca", CA.kid, "active"),
        ("ca", FORMER_CA.kid, "former"),
        ("imported", IMPORTED.pair.kid, "next"),
        ("signing", ACTIVE.pair.kid, "active"),
        ("signing", FORMER.pair.kid, "former"),
        ("server-secret", NEW.id, "next"),
        ("server-secret", OLD.id, "active"),
    ]
    imported = replace(PLAIN, signing_keys=(IMPORTED, ACTIVE))
    assert states(imported)[1:3] == [("imported", IMPORTED.pair.kid, "active"), ("signing", ACTIVE.pair.kid, "former")]


@pytest.mark.parametrize(
    ("now", "states"), [(NEW.created_at + 5 * MINUTE, ["active", "former"]), (NEW.created_at + 4 * MINUTE, ["next", "active"])]
)
def test_server_secret_is_active_once_it_makes_digests(now: datetime, states: list[str]) -> None:
    """The newer one after five minutes, when the older becomes the former one."""
    rows = [row for row in key_rows(FULL, now, {}) if row["kind"] == "server-secret"]
    assert [row["state"] for row in rows] == states


@pytest.mark.parametrize(
    ("tokens", "counts"), [({OLD.id: 3}, [0, 3]), ({OLD.id: 3, NEW.id: 1, "another": 7}, [1, 3]), ({}, [0, 0]), (None, [None, None])]
)
def test_server_secrets_tell_their_tokens_and_certificates_their_dates(tokens: Mapping[str, int] | None, counts: list[int | None]) -> None:
    """What a kind of key does not have, or nobody knows, is null."""
    rows = key_rows(FULL, NOW, tokens)
    assert all(list(row) == ["kind", "id", "state", "not_before", "not_after", "tokens"] for row in rows)
    assert [row["tokens"] for row in rows] == [None] * 6 + counts
    assert [row["not_before"] for row in rows] == ["2026-06-30T12:00:00.000Z"] * 6 + [None] * 2
    assert [row["not_after"] for row in rows[1:2] + rows[4:5] + rows[6:7]] == ["2036-06-28T12:00:00.000Z", "2026-09-29T12:00:00.000Z", None]
