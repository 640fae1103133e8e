"""Authentication: a credential becomes its caller, or is refused; only its holder learns why."""

from collections.abc import Callable
from datetime import date

import pytest
from pydantic import SecretStr

from registry_auth.accounts.personal_access_tokens import IssuedPersonalAccessToken
from registry_auth.accounts.users import UserChange
from registry_auth.credentials.basic import Credential
from registry_auth.deploy_tokens.service import Issued
from registry_auth.errors import BlockedUserError, DeadTokenError, TooManyWrongSecretsError, WrongCredentialError
from registry_auth.values import Caller, CallerKind, Membership, NamespaceKind, Owner, Person, Role, TokenScope
from tests.unit.hasher import WatchedHasher
from tests.unit.installation import READ, Installation, secret_of

WRONG = "The user name or the secret is wrong, or the token does not exist any more."
WRONG_API_TOKEN = "The personal access token is wrong, or does not exist any more."
BLOCKED = "Your account has been blocked."
GOOD, BAD = "correct horse", "wrong horse"
LIMIT = 10  # different wrong secrets for one name from one address
LIMIT_OF_ADDRESS = 50  # different wrong passwords for all names, or tokens without a name, from one address
HERE, ELSEWHERE = "192.0.2.1", "192.0.2.2"


@pytest.fixture
def issued(installation: Installation) -> Issued:
    """Make a token that expires tomorrow."""
    installation.project("g/p")
    return installation.token("g/p", username="robot", expires_at=date(2026, 7, 2))


def expire(installation: Installation, _issued: Issued) -> None:
    """Let the day of expiry come."""
    installation.clock.advance(days=1)


def revoke(installation: Installation, issued: Issued) -> None:
    """Revoke the token."""
    installation.deploy_tokens.revoke(issued.token.id)


def rotate(installation: Installation, issued: Issued) -> None:
    """Give the token another secret."""
    installation.deploy_tokens.rotate(issued.token.id)


def delete(installation: Installation, _issued: Issued) -> None:
    """Delete the project."""
    installation.namespaces.delete(NamespaceKind.PROJECT, "g/p")


ENDS = {
    revoke: "This deploy token was revoked on 2026-07-01.",
    expire: "This deploy token expired on 2026-07-02 at 00:00 UTC.",
    rotate: "This secret was replaced on 2026-07-01: the deploy token was rotated, use its newer secret.",
    delete: WRONG,
}


def log_in(installation: Installation, username: str, secret: str, address: str = HERE) -> Caller:
    """Log in at the registry."""
    return installation.authentication.caller(Credential(username, SecretStr(secret)), address)


def refusal(installation: Installation, username: str, secret: str) -> str:
    """Give the sentence with which a credential is refused."""
    with pytest.raises(WrongCredentialError) as error:
        log_in(installation, username, secret)
    return str(error.value)


def api_refusal(installation: Installation, secret: str, address: str = HERE) -> str:
    """Give the sentence with which a credential is refused at the REST API."""
    with pytest.raises(WrongCredentialError) as error:
        installation.authentication.api_caller(SecretStr(secret), address)
    return str(error.value)


def test_good_credential_becomes_its_caller(installation: Installation, issued: Issued) -> None:
    """The caller has the token's name, ids, reach and scopes, and nothing from elsewhere (S13)."""
    found = installation.lookup.find(secret_of(issued))
    assert found is not None
    assert log_in(installation, "robot", secret_of(issued)) == Caller(
        CallerKind.DEPLOY_TOKEN,
        "robot",
        issued.token.id,
        frozenset({Owner(NamespaceKind.PROJECT, "g/p")}),
        frozenset({TokenScope.READ_REGISTRY, TokenScope.WRITE_REGISTRY}),
        secret_id=found.secret_id,
    )


@pytest.mark.parametrize(("end", "sentence"), ENDS.items(), ids=[end.__name__ for end in ENDS])
def test_only_the_holder_learns_why_a_token_is_dead(
    installation: Installation, issued: Issued, end: Callable[[Installation, Issued], None], sentence: str
) -> None:
    """Right user name and right secret are told the reason; everybody else hears the same sentence for everything (D22, S10)."""
    secret = secret_of(issued)
    end(installation, issued)
    assert refusal(installation, "robot", secret) == sentence
    assert refusal(installation, "Robot", secret) == WRONG
    assert refusal(installation, "robot", secret[:-1] + ("a" if secret[-1] != "a" else "b")) == WRONG
    assert refusal(installation, "", secret) == WRONG


@pytest.mark.parametrize(
    "secret",
    [
        "",
        ":",
        "x",
        "a:b+c@d é",
        "p\x00q",
        "gldt-",
        "gldt-" + "x" * 32,
        "glpat-" + "x" * 32,
        "x" * 73,
        "x" * 1_000,
        "x" * 100_000,
        "." * 2**20,
    ],
    ids=lambda secret: f"{secret[:10]!r}x{len(secret)}",
)
def test_wrong_secrets_of_any_form_are_refused_alike(installation: Installation, issued: Issued, secret: str) -> None:
    """No form of a wrong secret is an error of ours or a hint for theirs, known user name or not (S3, S10, S22)."""
    assert issued.token.username == "robot"
    assert {refusal(installation, username, secret) for username in ("robot", "nobody", "", "a\x00b", "é" * 10_000)} == {WRONG}


def test_secret_does_not_match_by_its_beginning(installation: Installation, issued: Issued) -> None:
    """A secret with something behind it is another secret (S22)."""
    assert {refusal(installation, "robot", secret_of(issued) + tail) for tail in ("x", "\x00", "\n", ":")} == {WRONG}


def test_user_name_has_to_belong_to_the_secret(installation: Installation, issued: Issued) -> None:
    """The secret of one token does not work with the user name of another."""
    other = installation.token("g/p", username="other")
    assert refusal(installation, "other", secret_of(issued)) == WRONG
    assert refusal(installation, "robot", secret_of(other)) == WRONG


@pytest.fixture
def alice(installation: Installation) -> int:
    """Make a user who is a developer of a project in a group, and give the id."""
    installation.project("g/p")
    user = installation.users.create("Alice", email="alice@example.org", password=SecretStr(GOOD)).id
    installation.member("g/p", user, Role.DEVELOPER)
    return user


@pytest.fixture
def token(installation: Installation, alice: int) -> IssuedPersonalAccessToken:
    """Make a personal access token that expires tomorrow."""
    return installation.personal_token(alice, READ, expires_at=date(2026, 7, 2))


NAMES = ["Alice", "alice", "ALICE", "alice@example.org", "Alice@Example.ORG"]
OTHER_NAMES = ["", "bob", "alic", "alice ", "alice@", "@example.org", "alice@example.com", "%", "a\x00b", "oauth2", "x" * 10_000]


@pytest.mark.parametrize("username", NAMES)
def test_personal_access_token_becomes_its_user(
    installation: Installation, alice: int, token: IssuedPersonalAccessToken, username: str
) -> None:
    """By user name or address in any case, the caller is the user with the token's scopes and the user's memberships (S13)."""
    person = Person(alice, memberships=frozenset({Membership("g/p", Role.DEVELOPER)}))
    caller = Caller(CallerKind.PERSONAL_ACCESS_TOKEN, "Alice", token.token.id, scopes=frozenset(READ), person=person)
    assert log_in(installation, username, secret_of(token)) == caller
    assert installation.authentication.api_caller(token.secret, HERE) == caller


@pytest.mark.parametrize("username", NAMES)
def test_password_becomes_its_user(installation: Installation, alice: int, username: str) -> None:
    """By user name or address in any case, the caller is the user, who can do all that the user can (S13, D31)."""
    person = Person(alice, memberships=frozenset({Membership("g/p", Role.DEVELOPER)}))
    found = installation.accounts.find_password_by_id(alice)
    assert found is not None
    everything = frozenset({TokenScope.API})
    caller = Caller(
        CallerKind.PASSWORD, "Alice", alice, scopes=everything, person=person, secret_id=installation.accounts.password_id(found)
    )
    assert log_in(installation, username, GOOD) == caller


def test_administrator_is_known_as_one(installation: Installation, alice: int, token: IssuedPersonalAccessToken) -> None:
    """Whoever is made an administrator is one from the next log-in on, and no longer when that is taken back (S20)."""
    for is_administrator in (True, False):
        installation.users.update(alice, UserChange(is_administrator=is_administrator))
        callers = (
            log_in(installation, "alice", GOOD),
            log_in(installation, "alice", secret_of(token)),
            installation.authentication.api_caller(token.secret, HERE),
        )
        assert [caller.person is not None and caller.person.is_administrator for caller in callers] == [is_administrator] * 3


@pytest.mark.parametrize("username", OTHER_NAMES, ids=lambda name: ascii(name)[:20])
def test_name_has_to_be_the_users(installation: Installation, token: IssuedPersonalAccessToken, username: str) -> None:
    """With a name that is not the user's, neither token nor password logs in, and the refusal tells nothing (S10)."""
    assert installation.user("bob", password="another horse")
    assert refusal(installation, username, secret_of(token)) == WRONG
    assert refusal(installation, username, GOOD) == WRONG


@pytest.mark.parametrize(
    ("secret", "username"),
    [
        (BAD, "alice"),
        (GOOD[:-1], "alice"),
        (GOOD + " ", "alice"),
        (GOOD.upper(), "alice"),
        ("", "alice"),
        ("x" * 100_000, "alice"),
        ("\x00" * 8, "alice"),
        ("Alice", "alice"),
        (GOOD, "nobody"),
        (BAD, "nobody"),
        (BAD, "bob"),
        ("", "bob"),
    ],
    ids=lambda text: f"{text[:8]!r}x{len(text)}",
)
def test_wrong_passwords_are_refused_alike(installation: Installation, alice: int, secret: str, username: str) -> None:
    """Wrong, unknown, or of a user without a password: one sentence for all (S10, S22)."""
    assert installation.user("bob") > alice
    assert refusal(installation, username, secret) == WRONG


def test_unknown_users_cost_the_same_check(installation: Installation, alice: int, hasher: WatchedHasher) -> None:
    """Each wrong log-in by password is one check of one hash, whether there is such a user or not (S11)."""
    assert installation.user("bob") > alice
    for username in ("alice", "alice@example.org", "bob", "nobody", "nobody@example.org", "no name", ""):
        hasher.checked.clear()
        assert refusal(installation, username, BAD) == WRONG
        assert [text for _, text in hasher.checked] == [BAD]


def expire_personal(installation: Installation, _token: IssuedPersonalAccessToken) -> None:
    """Let the day of expiry come."""
    installation.clock.advance(days=1)


def revoke_personal(installation: Installation, token: IssuedPersonalAccessToken) -> None:
    """Revoke the token."""
    installation.personal_access_tokens.revoke(token.token.id)


def rotate_personal(installation: Installation, token: IssuedPersonalAccessToken) -> None:
    """Make another token in its place."""
    installation.personal_access_tokens.rotate(token.token.id)


def block_user(installation: Installation, token: IssuedPersonalAccessToken) -> None:
    """Block the user."""
    installation.users.block(token.token.user_id)


def delete_user(installation: Installation, token: IssuedPersonalAccessToken) -> None:
    """Delete the user."""
    installation.users.delete(token.token.user_id)


PERSONAL_ENDS = {
    revoke_personal: (DeadTokenError, "This personal access token was revoked on 2026-07-01."),
    rotate_personal: (DeadTokenError, "This personal access token was revoked on 2026-07-01."),
    expire_personal: (DeadTokenError, "This personal access token expired on 2026-07-02 at 00:00 UTC."),
    block_user: (BlockedUserError, BLOCKED),
    delete_user: (WrongCredentialError, WRONG),
}


@pytest.mark.parametrize(("end", "told"), PERSONAL_ENDS.items(), ids=[end.__name__ for end in PERSONAL_ENDS])
def test_only_the_holder_learns_why_a_personal_access_token_is_refused(
    installation: Installation,
    token: IssuedPersonalAccessToken,
    end: Callable[[Installation, IssuedPersonalAccessToken], None],
    told: tuple[type[WrongCredentialError], str],
) -> None:
    """Right name and right secret are told the reason; everybody else hears the same sentence for everything (D22, S10)."""
    kind, sentence = told
    secret = secret_of(token)
    end(installation, token)
    with pytest.raises(kind, match=sentence) as error:
        log_in(installation, "Alice", secret)
    assert type(error.value) is kind
    assert refusal(installation, "alice@example.org", secret) == sentence
    assert refusal(installation, "bob", secret) == WRONG
    assert refusal(installation, "", secret) == WRONG
    assert refusal(installation, "Alice", secret[:-1] + ("a" if secret[-1] != "a" else "b")) == WRONG
    assert api_refusal(installation, secret) == (WRONG_API_TOKEN if sentence == WRONG else sentence)


def test_only_who_knows_the_password_learns_that_a_user_is_blocked(installation: Installation, alice: int) -> None:
    """The right password of a blocked user is told, a wrong one is just wrong; unblocked, all is as it was (D22, S20)."""
    installation.users.block(alice)
    for username in ("alice", "alice@example.org"):
        assert refusal(installation, username, GOOD) == BLOCKED
        assert refusal(installation, username, BAD) == WRONG
    installation.users.unblock(alice)
    assert log_in(installation, "alice", GOOD).credential_id == alice


@pytest.mark.parametrize(
    "secret",
    ["gldt-", "glpat-", "gldt-" + "x" * 32, "glpat-" + "x" * 32, "gldt-" + "x" * 31, "glpat-" + "x" * 33, "glpat-" + "\x00" * 32, "gldt-é"],
    ids=lambda text: f"{text[:8]!r}x{len(text)}",
)
def test_what_looks_like_a_token_is_never_tried_as_a_password(
    installation: Installation, alice: int, hasher: WatchedHasher, secret: str
) -> None:
    """A token that was mistyped, cut or made up is wrong, and costs no password check (D31)."""
    assert alice
    assert {refusal(installation, username, secret) for username in ("alice", "nobody")} == {WRONG}
    assert hasher.checked == []


def test_good_tokens_are_never_tried_as_passwords(
    installation: Installation, token: IssuedPersonalAccessToken, hasher: WatchedHasher
) -> None:
    """Whoever logs in with a token, good or dead, causes no password check."""
    deploy_token = installation.token("g/p", username="robot")
    log_in(installation, "alice", secret_of(token))
    log_in(installation, "robot", secret_of(deploy_token))
    installation.personal_access_tokens.revoke(token.token.id)
    refusal(installation, "alice", secret_of(token))
    assert hasher.checked == []


def test_secret_decides_between_a_user_and_a_deploy_token_of_one_name(installation: Installation, token: IssuedPersonalAccessToken) -> None:
    """A deploy token may have a user's name: each logs in with its own secret and has its own rights (gitlab 1.2)."""
    deploy_token = installation.token("g/p", username="Alice")
    callers = [log_in(installation, "Alice", secret) for secret in (secret_of(deploy_token), secret_of(token), GOOD)]
    assert [caller.kind for caller in callers] == [CallerKind.DEPLOY_TOKEN, CallerKind.PERSONAL_ACCESS_TOKEN, CallerKind.PASSWORD]
    assert [caller.person is None for caller in callers] == [True, False, False]
    assert refusal(installation, "alice", secret_of(deploy_token)) == WRONG


@pytest.mark.parametrize("secret", ["", "x", GOOD, "glpat-", "glpat-" + "x" * 32, "glpat-" + "x" * 33, "glpat-\x00", "x" * 100_000])
def test_rest_api_takes_nothing_but_a_personal_access_token(
    installation: Installation, alice: int, hasher: WatchedHasher, secret: str
) -> None:
    """Neither a password nor a made-up token logs in there, and no password is checked."""
    assert alice
    assert api_refusal(installation, secret) == WRONG_API_TOKEN
    assert hasher.checked == []


def test_rest_api_refuses_deploy_tokens(installation: Installation, issued: Issued) -> None:
    """A deploy token is told what to use instead, good, dead or made up: the sentence does not say which."""
    sentence = "Deploy tokens cannot log in to the REST API: use a personal access token."
    assert api_refusal(installation, secret_of(issued)) == sentence
    revoke(installation, issued)
    assert {api_refusal(installation, secret) for secret in (secret_of(issued), "gldt-" + "x" * 32, "gldt-")} == {sentence}


def test_memberships_are_read_at_every_log_in(installation: Installation, alice: int, token: IssuedPersonalAccessToken) -> None:
    """A role that is given, changed or taken away counts from the very next log-in on (S20)."""

    def roles() -> list[set[tuple[str, Role]]]:
        callers = (
            log_in(installation, "alice", GOOD),
            log_in(installation, "alice", secret_of(token)),
            installation.authentication.api_caller(token.secret, HERE),
        )
        return [{(given.path, given.role) for given in caller.person.memberships} for caller in callers if caller.person is not None]

    assert roles() == [{("g/p", Role.DEVELOPER)}] * 3
    installation.memberships.update(NamespaceKind.PROJECT, "g/p", alice, Role.GUEST)
    installation.member("g", alice, Role.REPORTER, kind=NamespaceKind.GROUP)
    assert roles() == [{("g/p", Role.GUEST), ("g", Role.REPORTER)}] * 3
    installation.memberships.remove(NamespaceKind.PROJECT, "g/p", alice)
    installation.namespaces.delete(NamespaceKind.GROUP, "g", recursive=True)
    assert roles() == [set()] * 3


def test_changed_password_is_the_only_one_at_once(installation: Installation, alice: int) -> None:
    """After a change the old password is dead; tokens work on (S20)."""
    token = installation.personal_token(alice)
    installation.users.update(alice, UserChange(password=SecretStr("battery staple")))
    assert refusal(installation, "alice", GOOD) == WRONG
    assert log_in(installation, "alice", "battery staple").credential_id == alice
    assert log_in(installation, "alice", secret_of(token)).credential_id == token.token.id


def fill(installation: Installation, username: str, form: str) -> None:
    """Send as many different wrong secrets as are answered."""
    for number in range(LIMIT):
        assert refusal(installation, username, form.format(number)) == WRONG


@pytest.mark.parametrize("form", ["wrong horse {}", "{}", "gldt-{}", "glpat-" + "x" * 31 + "{}", "x" * 200 + "{}"])
def test_wrong_secrets_of_every_form_are_counted(installation: Installation, alice: int, form: str) -> None:
    """Beyond the limit the next wrong secret is told to wait, with the seconds; elsewhere and later it is just wrong (D28, S25)."""
    assert alice
    fill(installation, "alice", form)
    with pytest.raises(TooManyWrongSecretsError, match="Try again in 60 seconds") as error:
        log_in(installation, "ALICE", form.format("x"))
    assert error.value.retry_after == 60
    with pytest.raises(WrongCredentialError, match=WRONG):
        log_in(installation, "alice", form.format("x"), ELSEWHERE)
    assert refusal(installation, "bob", form.format("x")) == WRONG
    installation.clock.advance(seconds=61)
    assert refusal(installation, "alice", form.format("x")) == WRONG


@pytest.mark.one_store("guesses are counted without the store")
def test_same_wrong_secret_counts_once(installation: Installation, alice: int) -> None:
    """A client that repeats one stale secret never reaches the limit (D28)."""
    assert alice
    for secret in ("gldt-stale", BAD):
        assert {refusal(installation, "alice", secret) for _ in range(2 * LIMIT)} == {WRONG}
    assert log_in(installation, "alice", GOOD)


@pytest.mark.one_store("guesses are counted without the store")
def test_good_tokens_pass_beyond_the_limit(installation: Installation, token: IssuedPersonalAccessToken) -> None:
    """However many wrong secrets came for the same name from the same address, a good token logs in, and a dead one is told (D28)."""
    deploy_token = installation.token("g/p", username="alice")
    fill(installation, "alice", "wrong horse {}")
    with pytest.raises(TooManyWrongSecretsError):
        log_in(installation, "alice", "glpat-wrong")
    assert log_in(installation, "alice", secret_of(token)).kind is CallerKind.PERSONAL_ACCESS_TOKEN
    assert log_in(installation, "alice", secret_of(deploy_token)).kind is CallerKind.DEPLOY_TOKEN
    installation.personal_access_tokens.revoke(token.token.id)
    assert refusal(installation, "alice", secret_of(token)) == "This personal access token was revoked on 2026-07-01."


@pytest.mark.one_store("guesses are counted without the store")
def test_password_beyond_the_limit_is_not_checked(installation: Installation, alice: int, hasher: WatchedHasher) -> None:
    """Whoever has guessed too often learns nothing more, be it the right password, and costs no check; elsewhere it works (D28)."""
    fill(installation, "alice", "wrong horse {}")
    hasher.checked.clear()
    for secret in (GOOD, BAD, GOOD):
        with pytest.raises(TooManyWrongSecretsError):
            log_in(installation, "alice", secret)
    assert hasher.checked == []
    assert log_in(installation, "alice", GOOD, ELSEWHERE).credential_id == alice
    installation.clock.advance(seconds=61)
    assert log_in(installation, "alice", GOOD).credential_id == alice


@pytest.mark.one_store("guesses are counted without the store")
def test_good_log_ins_are_not_counted(installation: Installation, token: IssuedPersonalAccessToken) -> None:
    """Neither good passwords and tokens nor dead ones with their right secrets bring the limit nearer."""
    for _ in range(LIMIT + 1):
        log_in(installation, "alice", GOOD)
        log_in(installation, "alice", secret_of(token))
    dead = [installation.personal_token(token.token.user_id) for _ in range(LIMIT + 1)]
    for issued in dead:
        installation.personal_access_tokens.revoke(issued.token.id)
        assert refusal(installation, "alice", secret_of(issued)) != WRONG
    installation.users.block(token.token.user_id)
    assert {refusal(installation, "alice", GOOD) for _ in range(LIMIT + 1)} == {BLOCKED}
    installation.users.unblock(token.token.user_id)
    fill(installation, "alice", "wrong horse {}")


@pytest.mark.one_store("guesses are counted without the store")
def test_counts_do_not_tell_which_names_belong_together(installation: Installation, alice: int, hasher: WatchedHasher) -> None:
    """A user name counts in any letter case, but a full count does not tell which e-mail address is the same user's (S10, D28)."""
    assert alice
    for number in range(LIMIT):
        assert refusal(installation, NAMES[number % 3], f"wrong horse {number}") == WRONG
    hasher.checked.clear()
    for username in NAMES[:3]:
        with pytest.raises(TooManyWrongSecretsError):
            log_in(installation, username, GOOD)
    assert hasher.checked == []
    assert refusal(installation, "alice@example.org", BAD) == WRONG


@pytest.mark.one_store("guesses are counted without the store")
def test_guesses_at_many_users_are_counted_by_address(installation: Installation, token: IssuedPersonalAccessToken) -> None:
    """Whoever tries one password at many names is stopped as well, known names or not; tokens and other addresses are not (D28)."""
    for number in range(LIMIT_OF_ADDRESS):
        assert refusal(installation, f"user{number}", BAD) == WRONG
    for username, secret in (("alice", GOOD), ("alice", BAD), ("nobody", BAD)):
        with pytest.raises(TooManyWrongSecretsError, match="Try again in 60 seconds"):
            log_in(installation, username, secret)
    assert log_in(installation, "alice", secret_of(token)).kind is CallerKind.PERSONAL_ACCESS_TOKEN
    assert log_in(installation, "alice", GOOD, ELSEWHERE).kind is CallerKind.PASSWORD
    installation.clock.advance(seconds=61)
    assert log_in(installation, "alice", GOOD).kind is CallerKind.PASSWORD


def test_wrong_tokens_of_many_names_hinder_no_password(installation: Installation, alice: int) -> None:
    """Stale tokens of a whole office do not fill the count of wrong passwords from its address (D28)."""
    for number in range(LIMIT_OF_ADDRESS):
        for secret in ("glpat-stale", "gldt-" + "x" * 32):
            assert refusal(installation, f"robot{number}", secret) == WRONG
    assert log_in(installation, "alice", GOOD).credential_id == alice


def test_wrong_tokens_at_the_rest_api_are_counted_by_address(installation: Installation, token: IssuedPersonalAccessToken) -> None:
    """Tokens come without a name there: beyond the limit wrong ones from that address wait, and good ones pass (D28)."""
    for number in range(LIMIT_OF_ADDRESS):
        assert api_refusal(installation, f"glpat-{number}") == WRONG_API_TOKEN
    with pytest.raises(TooManyWrongSecretsError):
        installation.authentication.api_caller(SecretStr("glpat-x"), HERE)
    assert api_refusal(installation, "glpat-x", ELSEWHERE) == WRONG_API_TOKEN
    assert installation.authentication.api_caller(token.secret, HERE).name == "Alice"
