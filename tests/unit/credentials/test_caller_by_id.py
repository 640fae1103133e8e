"""A credential that a signed token names is looked up again: the caller with the rights of now, or the refusal of the log-in."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from pydantic import SecretStr

from registry_auth.accounts.users import UserChange
from registry_auth.credentials.basic import Credential
from registry_auth.errors import BlockedUserError, DeadTokenError, WrongCredentialError
from registry_auth.values import Caller, CallerKind, CredentialId, Membership, NamespaceKind, Role, TokenScope
from tests.unit.hasher import WatchedHasher
from tests.unit.installation import Installation, secret_of

GOOD = "correct horse"
HERE = "192.0.2.1"
GONE = "The credential that this token was issued for does not exist any more."
BLOCKED = "Your account has been blocked."
GROUP, PROJECT = NamespaceKind.GROUP, NamespaceKind.PROJECT
KINDS = [CallerKind.DEPLOY_TOKEN, CallerKind.PERSONAL_ACCESS_TOKEN, CallerKind.PASSWORD]


@pytest.fixture
def served(installation: Installation) -> Installation:
    """Give an installation with a group, and a user who has roles in it; no two things that are looked up have the same id."""
    installation.project("g/p")
    for number in range(3):
        installation.user(f"user{number}")
        installation.token("g", kind=GROUP)
    for _ in range(6):
        installation.personal_token(installation.users.get("user0").id)
    alice = installation.user("alice", password=GOOD)
    installation.member("g", alice, Role.REPORTER, kind=GROUP)
    installation.member("g/p", alice, Role.DEVELOPER)
    return installation


def alice(installation: Installation) -> int:
    """Give the id of the user."""
    return installation.users.get("alice").id


def log_in(installation: Installation, kind: CallerKind) -> Caller:
    """Log in with a credential of this kind; tokens are new, and expire tomorrow."""
    tomorrow = date(2026, 7, 2)
    if kind is CallerKind.DEPLOY_TOKEN:
        secret = secret_of(installation.token("g", kind=GROUP, username="alice", expires_at=tomorrow))
    elif kind is CallerKind.PERSONAL_ACCESS_TOKEN:
        secret = secret_of(installation.personal_token(alice(installation), expires_at=tomorrow))
    else:
        secret = GOOD
    return installation.authentication.caller(Credential("alice", SecretStr(secret)), HERE)


def credential_of(caller: Caller) -> CredentialId:
    """Give what names the credential of somebody who is not anonymous."""
    assert caller.credential is not None
    return caller.credential


def refusal(installation: Installation, credential: CredentialId) -> tuple[type[WrongCredentialError], str]:
    """Give the kind of the refusal and its sentence."""
    with pytest.raises(WrongCredentialError) as error:
        installation.authentication.caller_by_id(credential)
    return type(error.value), str(error.value)


@pytest.mark.parametrize("kind", KINDS)
def test_living_credential_gives_the_caller_of_the_log_in(served: Installation, kind: CallerKind, hasher: WatchedHasher) -> None:
    """Each kind gives the very caller who logged in, without any secret and so without a check of one (D29)."""
    caller = log_in(served, kind)
    hasher.checked.clear()
    assert caller.kind is kind
    assert served.authentication.caller_by_id(credential_of(caller)) == caller
    assert hasher.checked == []


def revoke(installation: Installation, credential: CredentialId) -> None:
    """Revoke the token."""
    if credential.kind is CallerKind.DEPLOY_TOKEN:
        installation.deploy_tokens.revoke(credential.id)
    else:
        installation.personal_access_tokens.revoke(credential.id)


def rotate(installation: Installation, credential: CredentialId) -> None:
    """Replace the token, or its secret, without an overlap."""
    if credential.kind is CallerKind.DEPLOY_TOKEN:
        installation.deploy_tokens.rotate(credential.id)
    else:
        installation.personal_access_tokens.rotate(credential.id)


def expire(installation: Installation, _credential: CredentialId) -> None:
    """Let the day of expiry come."""
    installation.clock.advance(hours=12)


def delete_token(installation: Installation, credential: CredentialId) -> None:
    """Delete the token."""
    installation.deploy_tokens.delete(credential.id)


def delete_group(installation: Installation, _credential: CredentialId) -> None:
    """Delete the group with all that is in it."""
    installation.namespaces.delete(GROUP, "g", recursive=True)


def reuse_group_path(installation: Installation, credential: CredentialId) -> None:
    """Delete the group and make another one of the same path, with a token in it (S9)."""
    delete_group(installation, credential)
    installation.namespaces.create(GROUP, "g", reuse_path=True)
    installation.token("g", kind=GROUP, username="alice")


def block(installation: Installation, _credential: CredentialId) -> None:
    """Block the user."""
    installation.users.block(alice(installation))


def delete_user(installation: Installation, _credential: CredentialId) -> None:
    """Delete the user."""
    installation.users.delete(alice(installation))


def reuse_user_name(installation: Installation, credential: CredentialId) -> None:
    """Delete the user and make another one of the same name, with a password and a token."""
    delete_user(installation, credential)
    installation.personal_token(installation.user("alice", password=GOOD))


DEPLOY, PERSONAL, PASSWORD = KINDS
DEAD, BLOCKED_USER = DeadTokenError, BlockedUserError


@pytest.mark.parametrize(
    ("kind", "end", "error", "sentence"),
    [
        (DEPLOY, revoke, DEAD, "This deploy token was revoked on 2026-07-01."),
        (DEPLOY, expire, DEAD, "This deploy token expired on 2026-07-02 at 00:00 UTC."),
        (DEPLOY, rotate, DEAD, "This secret was replaced on 2026-07-01: the deploy token was rotated, use its newer secret."),
        (DEPLOY, delete_token, WrongCredentialError, GONE),
        (DEPLOY, delete_group, WrongCredentialError, GONE),
        (DEPLOY, reuse_group_path, WrongCredentialError, GONE),
        (PERSONAL, revoke, DEAD, "This personal access token was revoked on 2026-07-01."),
        (PERSONAL, expire, DEAD, "This personal access token expired on 2026-07-02 at 00:00 UTC."),
        (PERSONAL, rotate, DEAD, "This personal access token was revoked on 2026-07-01."),
        (PERSONAL, block, BLOCKED_USER, BLOCKED),
        (PERSONAL, delete_user, WrongCredentialError, GONE),
        (PERSONAL, reuse_user_name, WrongCredentialError, GONE),
        (PASSWORD, block, BLOCKED_USER, BLOCKED),
        (PASSWORD, delete_user, WrongCredentialError, GONE),
        (PASSWORD, reuse_user_name, WrongCredentialError, GONE),
    ],
    ids=lambda value: getattr(value, "__name__", None) or str(value)[:20],
)
def test_credential_that_has_ended_is_refused_at_once(
    served: Installation,
    kind: CallerKind,
    end: Callable[[Installation, CredentialId], None],
    error: type[WrongCredentialError],
    sentence: str,
) -> None:
    """It makes no difference that the signed token is still young; ids are never used again (D29, S9, S20)."""
    credential = credential_of(log_in(served, kind))
    end(served, credential)
    assert refusal(served, credential) == (error, sentence)


@pytest.mark.parametrize(("kind", "end"), [(DEPLOY, block), (DEPLOY, delete_user), (PASSWORD, expire)])
def test_credential_outlives_what_is_not_its_own(
    served: Installation, kind: CallerKind, end: Callable[[Installation, CredentialId], None]
) -> None:
    """A deploy token has no user, and a password no day on which it expires."""
    caller = log_in(served, kind)
    end(served, credential_of(caller))
    assert served.authentication.caller_by_id(credential_of(caller)) == caller


def test_replaced_secret_counts_until_its_overlap_ends(served: Installation) -> None:
    """During the overlap both secrets of a rotated token count, afterwards only the newer one (D15)."""
    old = log_in(served, CallerKind.DEPLOY_TOKEN)
    rotated = served.deploy_tokens.rotate(credential_of(old).id, overlap=timedelta(hours=1))
    new = served.authentication.caller(Credential("alice", rotated.secret), HERE)
    assert credential_of(new).id == credential_of(old).id
    for caller in (old, new):
        assert served.authentication.caller_by_id(credential_of(caller)) == caller
    served.clock.advance(hours=1)
    sentence = "This secret was replaced on 2026-07-01: the deploy token was rotated, use its newer secret."
    assert refusal(served, credential_of(old)) == (DeadTokenError, sentence)
    assert served.authentication.caller_by_id(credential_of(new)) == new
    served.deploy_tokens.revoke(credential_of(new).id)
    assert refusal(served, credential_of(new)) == (DeadTokenError, "This deploy token was revoked on 2026-07-01.")


@pytest.mark.parametrize("kind", [PERSONAL, PASSWORD])
def test_rights_of_a_user_are_those_of_now(served: Installation, kind: CallerKind) -> None:
    """Roles that are given, changed or taken away show at once, and so do being an administrator and another name (S20)."""
    credential = credential_of(log_in(served, kind))

    def memberships() -> set[Membership]:
        person = served.authentication.caller_by_id(credential).person
        assert person is not None
        return set(person.memberships)

    assert memberships() == {Membership("g", Role.REPORTER), Membership("g/p", Role.DEVELOPER)}
    served.memberships.update(GROUP, "g", alice(served), Role.OWNER)
    served.memberships.remove(PROJECT, "g/p", alice(served))
    assert memberships() == {Membership("g", Role.OWNER)}
    served.memberships.remove(GROUP, "g", alice(served))
    assert memberships() == set()
    for is_administrator in (True, False):
        served.users.update(alice(served), UserChange(is_administrator=is_administrator))
        person = served.authentication.caller_by_id(credential).person
        assert person is not None
        assert person.is_administrator is is_administrator


def test_blocked_user_is_somebody_again_when_unblocked(served: Installation) -> None:
    """What was refused for the user's sake counts again without another log-in (S20)."""
    for kind in (PERSONAL, PASSWORD):
        caller = log_in(served, kind)
        served.users.block(alice(served))
        assert refusal(served, credential_of(caller)) == (BlockedUserError, BLOCKED)
        served.users.unblock(alice(served))
        assert served.authentication.caller_by_id(credential_of(caller)) == caller


def test_dead_token_of_a_blocked_user_is_dead(served: Installation) -> None:
    """What ends the token comes first, as at the log-in."""
    credential = credential_of(log_in(served, PERSONAL))
    revoke(served, credential)
    served.users.block(alice(served))
    assert refusal(served, credential)[0] is DeadTokenError


def test_ids_that_name_nothing_are_refused_alike(served: Installation) -> None:
    """Kinds that there are no credentials of, ids that never were, and ids of another kind or another token's secret (D29)."""
    callers = {kind: credential_of(log_in(served, kind)) for kind in KINDS}
    other = credential_of(log_in(served, DEPLOY))
    token = callers[DEPLOY]
    named = [
        CredentialId(CallerKind.ANONYMOUS, token.id, token.secret_id),
        CredentialId(CallerKind.ANONYMOUS, alice(served)),
        CredentialId(DEPLOY, token.id),
        CredentialId(DEPLOY, token.id, other.secret_id),
        CredentialId(DEPLOY, other.id, token.secret_id),
        CredentialId(DEPLOY, 99, token.secret_id),
        *(CredentialId(kind, number, 1) for kind in CallerKind for number in (-1, 0, 99)),
    ]
    assert {refusal(served, credential) for credential in named} == {(WrongCredentialError, GONE)}


def test_refusals_are_logged_with_the_id(served: Installation) -> None:
    """The operator is told which credential it was."""
    credential = credential_of(log_in(served, DEPLOY))
    for end, who in ((revoke, "caller='alice'"), (delete_token, "caller=''")):
        end(served, credential)
        with pytest.raises(WrongCredentialError) as error:
            served.authentication.caller_by_id(credential)
        assert error.value.who == f"{who} credential={credential.id}"


def test_looking_up_is_no_wrong_secret(served: Installation) -> None:
    """However often a dead credential is named, nobody is throttled for it (D28)."""
    for _ in range(60):
        refusal(served, CredentialId(PASSWORD, 99))
    assert log_in(served, PASSWORD).scopes == {TokenScope.API}
