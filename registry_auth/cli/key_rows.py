"""The keys as rows of a list."""

from collections.abc import Mapping
from datetime import datetime

from cryptography import x509

from registry_auth.json_form import instant_json
from registry_auth.signing.certificates import KeyPair
from registry_auth.signing.key_ids import libtrust_kid
from registry_auth.signing.key_ring import KeyRing, SigningKey

Row = dict[str, object]


def key_rows(ring: KeyRing, now: datetime, tokens: Mapping[str, int] | None) -> list[Row]:
    """Give a row for each CA, signing key and server secret, the newest of its kind first.

    `tokens` are those that hang on each server secret; None where that is not known.
    """
    return [*_authority_rows(ring), *_signing_rows(ring), *_server_secret_rows(ring, now, tokens)]


def _authority_rows(ring: KeyRing) -> list[Row]:
    following = [] if ring.next_authority is None else [_pair_row("ca", "next", ring.next_authority)]
    return [
        *following,
        _pair_row("ca", "active", ring.authority),
        *(_certificate_row("ca", "former", each) for each in ring.former_authorities),
    ]


def _signing_rows(ring: KeyRing) -> list[Row]:
    def row(key: SigningKey, state: str) -> Row:
        return _pair_row("imported" if key.is_imported else "signing", state, key.pair)

    following = [] if ring.next_signing_key is None else [row(ring.next_signing_key, "next")]
    active, *former = ring.signing_keys
    return [*following, row(active, "active"), *(row(key, "former") for key in former)]


def _server_secret_rows(ring: KeyRing, now: datetime, tokens: Mapping[str, int] | None) -> list[Row]:
    current = ring.secrets_in_use(now)[0]

    def state(created_at: datetime) -> str:
        return "next" if created_at > current.created_at else "former"

    return [
        _row(
            "server-secret",
            each.id,
            "active" if each is current else state(each.created_at),
            tokens=None if tokens is None else tokens.get(each.id, 0),
        )
        for each in ring.server_secrets
    ]


def _pair_row(kind: str, state: str, pair: KeyPair) -> Row:
    return _certificate_row(kind, state, pair.certificate)


def _certificate_row(kind: str, state: str, certificate: x509.Certificate) -> Row:
    key = certificate.public_key()
    return _row(kind, libtrust_kid(key), state, certificate)


def _row(kind: str, key_id: str, state: str, certificate: x509.Certificate | None = None, tokens: int | None = None) -> Row:
    return {
        "kind": kind,
        "id": key_id,
        "state": state,
        "not_before": None if certificate is None else instant_json(certificate.not_valid_before_utc),
        "not_after": None if certificate is None else instant_json(certificate.not_valid_after_utc),
        "tokens": tokens,
    }
