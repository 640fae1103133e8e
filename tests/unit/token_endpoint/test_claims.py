"""Claim sets: reproducible, with the types that every registry line reads, and read again as they were written."""

import json
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from registry_auth.token_endpoint.claims import ClaimSet, read_access, read_credential
from registry_auth.values import ANONYMOUS, Action, Caller, CallerKind, CredentialId, ResourceActions

ROBOT = Caller(CallerKind.DEPLOY_TOKEN, "robot", 1)
LIFETIMES = st.integers(60, 86_400).map(lambda seconds: timedelta(seconds=seconds))
INSTANTS = st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds the zone
ACCESS = st.lists(
    st.builds(ResourceActions, st.just("repository"), st.text(), st.lists(st.sampled_from(["pull", Action.PUSH]), min_size=1).map(tuple))
)


def test_fixed_clock_and_id_give_a_fixed_claim_set() -> None:
    """The claims are a function of their parts: the back-dated times, the subject, the audience as a string."""
    access = [ResourceActions("repository", "a/b", ("pull", Action.PUSH))]
    issued_at = datetime(2026, 7, 1, 12, 0, 0, 999_999, UTC)
    assert ClaimSet("issuer", "service", ROBOT, access, issued_at, timedelta(minutes=15), "id").as_claims() == {
        "iss": "issuer",
        "sub": "robot",
        "aud": "service",
        "exp": 1_782_908_100,
        "nbf": 1_782_907_170,
        "iat": 1_782_907_170,
        "jti": "id",
        "auth_type": "deploy_token",
        "access": [{"type": "repository", "name": "a/b", "actions": ["pull", "push"]}],
    }


def test_anonymous_token_names_nobody() -> None:
    """The subject of an anonymous caller is the empty string (S13, D25)."""
    claims = ClaimSet("issuer", "service", ANONYMOUS, [], datetime(2026, 7, 1, tzinfo=UTC), timedelta(minutes=15), "id").as_claims()
    assert (claims["sub"], claims["auth_type"], claims["access"]) == ("", "none", [])


@given(ACCESS, INSTANTS, LIFETIMES)
def test_times_are_integers_and_the_end_is_exact(access: list[ResourceActions], issued_at: datetime, lifetime: timedelta) -> None:
    """`exp` is the full second of issuing plus the lifetime; `nbf` and `iat` lie before it (T5)."""
    claims = ClaimSet("issuer", "service", ROBOT, access, issued_at, lifetime, "id").as_claims()
    assert {type(claims[name]) for name in ("exp", "nbf", "iat")} == {int}
    assert {type(claims[name]) for name in ("iss", "sub", "aud", "jti", "auth_type")} == {str}
    assert claims["exp"] == int(issued_at.timestamp()) + lifetime.total_seconds()
    assert claims["nbf"] == claims["iat"] == int(issued_at.timestamp()) - 30
    assert claims["access"] == [{"type": entry.type, "name": entry.name, "actions": list(entry.actions)} for entry in access]


IDS = st.integers(1, 2**63 - 1)
CREDENTIALS = st.builds(CredentialId, st.just(CallerKind.DEPLOY_TOKEN), IDS, IDS) | st.builds(
    CredentialId, st.sampled_from([CallerKind.PERSONAL_ACCESS_TOKEN, CallerKind.PASSWORD]), IDS
)


def claims_of(caller: Caller, access: list[ResourceActions], *, names_credential: bool) -> dict[str, object]:
    """Give the claims of a token, as they come back in JSON."""
    issued_at = datetime(2026, 7, 1, tzinfo=UTC)
    claims = ClaimSet("issuer", "service", caller, access, issued_at, timedelta(minutes=15), "id", names_credential).as_claims()
    read: dict[str, object] = json.loads(json.dumps(claims))
    assert read == claims
    return read


@given(CREDENTIALS, st.text())
def test_credential_is_read_as_it_was_written(credential: CredentialId, name: str) -> None:
    """The claim names kind and ids and nothing else, and gives the same credential back; without being asked for it is left out (D29)."""
    caller = Caller(credential.kind, name, credential.id, secret_id=credential.secret_id)
    claims = claims_of(caller, [], names_credential=True)
    assert read_credential(claims) == credential == caller.credential
    secret_id = {} if credential.secret_id is None else {"secret_id": credential.secret_id}
    assert claims.pop("credential") == {"kind": str(credential.kind), "id": credential.id} | secret_id
    assert claims == claims_of(caller, [], names_credential=False)
    assert read_credential(claims) is None


def test_anonymous_token_names_no_credential() -> None:
    """There is no credential to look up, and the claim is left out."""
    claims = claims_of(ANONYMOUS, [], names_credential=True)
    assert "credential" not in claims
    assert read_credential(claims) is None


@given(ACCESS)
def test_access_is_read_as_it_was_written(access: list[ResourceActions]) -> None:
    """What a token grants comes back in its order, whatever the names are."""
    assert read_access(claims_of(ROBOT, access, names_credential=False)) == tuple(access)
