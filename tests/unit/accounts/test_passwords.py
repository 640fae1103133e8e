"""Passwords: what can be one, how it is stored, and how it is checked."""

import threading

import pytest
from argon2 import Type, extract_parameters
from pydantic import SecretStr

from registry_auth.accounts.passwords import PasswordCheck, hash_password
from registry_auth.errors import InvalidValueError
from tests.unit.hasher import WatchedHasher

GOOD = "correct horse"


def is_right(text: str, password_hash: str | None) -> bool:
    """Check a password."""
    return PasswordCheck().is_right(SecretStr(text), password_hash)


@pytest.mark.parametrize(
    "text",
    [
        "x" * 8,
        "x" * 128,
        "é" * 128,
        "\U0001f511" * 128,
        " " * 8,
        "a:b:c:d:e",
        "nul\x00inside",
        "xgldt-abcdef",
        "GLPAT-abcdef",
        "gldt_abcdef",
    ],
    ids=lambda text: f"{text[:8]!r}x{len(text)}",
)
def test_password_of_permitted_form_is_right_and_no_other_is(text: str) -> None:
    """Eight to 128 characters of any kind make a password, which is the only one to fit its hash."""
    stored = hash_password(SecretStr(text))
    assert is_right(text, stored)
    others = {text[:-1], text + "x", text.swapcase(), text[:-1] + "y", text.replace("\x00", ""), text.strip(), ""} - {text}
    assert not [other for other in others if is_right(other, stored)]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "8 to 128 characters"),
        ("x" * 7, "8 to 128 characters"),
        ("\U0001f511" * 7, "8 to 128 characters"),
        ("x" * 129, "8 to 128 characters"),
        ("x" * 100_000, "8 to 128 characters"),
        ("gldt-" + "x" * 32, "begin like a token"),
        ("glpat-" + "x" * 32, "begin like a token"),
        ("gldt-xyz", "begin like a token"),
        ("glpat-xy", "begin like a token"),
        ("\udcff" * 8, "Unicode"),
        ("password\ud800", "Unicode"),
    ],
    ids=lambda text: f"{text[:8]!r}x{len(text)}",
)
def test_other_texts_can_be_no_password(hasher: WatchedHasher, text: str, sentence: str) -> None:
    """What is too short, too long, like a token or no text at all is refused by rule, and no log-in hashes it (S22, D31)."""
    with pytest.raises(InvalidValueError, match=sentence) as error:
        hash_password(SecretStr(text))
    assert error.value.field == "password"
    assert not is_right(text, hash_password(SecretStr(GOOD)))
    assert not is_right(text, None)
    assert hasher.checked == []


def test_hash_is_argon2id_with_the_documented_cost() -> None:
    """Each guess at a stored hash takes 19 MiB and two passes, and two hashes of one password differ by their salts."""
    stored = hash_password(SecretStr(GOOD))
    parameters = extract_parameters(stored)
    assert (parameters.type, parameters.version) == (Type.ID, 19)
    assert (parameters.memory_cost, parameters.time_cost, parameters.parallelism) == (19 * 1024, 2, 1)
    assert (parameters.salt_len, parameters.hash_len) == (16, 32)
    assert stored != hash_password(SecretStr(GOOD))
    assert GOOD not in stored
    assert len(stored) <= 255


def test_password_does_not_match_by_its_beginning() -> None:
    """All characters count, also those after the 72nd byte (S22)."""
    stored = hash_password(SecretStr("x" * 100))
    assert is_right("x" * 100, stored)
    assert not [length for length in (72, 73, 99, 101, 128) if is_right("x" * length, stored)]


@pytest.mark.parametrize("stored", ["", "plain", "$argon2id$", "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$", "$2b$12$" + "x" * 53])
def test_what_is_no_hash_fits_no_password(stored: str) -> None:
    """A damaged hash is a wrong password and no error, and never fits itself."""
    assert not is_right(GOOD, stored)
    assert not is_right(stored.ljust(8), stored)


def test_unknown_users_take_the_same_work(hasher: WatchedHasher) -> None:
    """Right, wrong, without a password or unknown: each is one check at the same cost (S11)."""
    stored = hash_password(SecretStr(GOOD))
    check = PasswordCheck()
    attempts = [(GOOD, stored), ("wrong horse", stored), (GOOD, None), ("wrong horse", None)]
    assert [check.is_right(SecretStr(text), known) for text, known in attempts] == [True, False, False, False]
    assert [text for _, text in hasher.checked] == [text for text, _ in attempts]
    assert all(extract_parameters(used) == extract_parameters(stored) for used, _ in hasher.checked)


def test_one_password_is_checked_at_a_time(hasher: WatchedHasher) -> None:
    """However many log in at once, memory and processor serve one check; each gets its own answer."""
    check = PasswordCheck()
    stored = hash_password(SecretStr(GOOD))
    answers: list[tuple[str, bool]] = []

    def log_in(text: str) -> None:
        answers.append((text, check.is_right(SecretStr(text), stored)))

    texts = [GOOD, "wrong horse", GOOD, "wrong mule", GOOD]
    threads = [threading.Thread(target=log_in, args=(text,)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == sorted((text, text == GOOD) for text in texts)
    assert len(hasher.checked) == len(texts)
    assert hasher.most_at_once == 1


def test_check_shows_no_hash() -> None:
    """Not even the hash of nobody is in what a trace would show."""
    assert "argon2" not in repr(PasswordCheck())
