"""Claim sets: reproducible, with the types that every registry line reads."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from registry_auth.token_endpoint.claims import ClaimSet
from registry_auth.values import ANONYMOUS, Action, Caller, CallerKind, ResourceActions

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
