"""Secrets of tokens: their entropy, their shape, their digests."""

import hashlib
import math
import string
from datetime import timedelta

import pytest

from registry_auth.token_secrets import DEPLOY_TOKEN_PREFIX, SecretDigester, ServerSecret, has_token_shape, new_secret
from tests.unit.installation import NOW
from tests.unit.server_secrets import digester_with

ALPHABET = set(string.ascii_letters + string.digits + "_-")


def test_new_secret_has_at_least_128_bits_of_entropy() -> None:
    """A secret is the prefix and enough random characters, each drawn from the whole alphabet."""
    bodies = [new_secret(DEPLOY_TOKEN_PREFIX).get_secret_value().removeprefix("gldt-") for _ in range(500)]
    assert {character for body in bodies for character in body} == ALPHABET
    assert min(len(body) for body in bodies) * math.log2(len(ALPHABET)) >= 128
    assert len(set(bodies)) == 500


def test_new_secret_is_masked_where_it_is_shown_by_accident() -> None:
    """Neither `str` nor `repr` of a secret tells it."""
    secret = new_secret(DEPLOY_TOKEN_PREFIX)
    assert secret.get_secret_value() not in f"{secret} {secret!r}"


def test_new_secret_has_token_shape() -> None:
    """Every secret that is made is looked up."""
    assert all(has_token_shape(new_secret("gldt-").get_secret_value(), "gldt-") for _ in range(100))


@pytest.mark.parametrize(
    "text",
    [
        *("", "gldt-", "gldt-" + "a" * 31, "gldt-" + "a" * 33, "glpat-" + "a" * 32, "GLDT-" + "a" * 32, "gldt-" + "a" * 31 + "é"),
        *("gldt-" + "a" * 32 + "\n", "gldt-" + "a" * 31 + "\x00", "a" * 37, "." * 1_048_576, "gldt-" + "a" * 100_000),
    ],
    ids=lambda text: f"{text[:12]!r}x{len(text)}",
)
def test_other_texts_do_not_have_token_shape(text: str) -> None:
    """What no token can have as secret is not looked up, however long it is (S3, S22)."""
    assert not has_token_shape(text, DEPLOY_TOKEN_PREFIX)


def test_digest_depends_on_key_and_secret() -> None:
    """Another key or another secret is another digest, and the same pair always the same 32 bytes."""
    first, second = digester_with(b"a" * 32), digester_with(b"b" * 32)
    digests = {first.digest("x"), first.digest("y"), second.digest("x")}
    assert len(digests) == 3
    assert first.digest("x") in digests
    assert all(len(digest) == 32 for digest in digests)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_digests_of_all_server_secrets(count: int) -> None:
    """Each server secret gives the digest that it gives alone, with its id; the first one's comes first, and is the one that is stored."""
    values = [bytes([number]) * 32 for number in range(count)]
    alone = [digester_with(value) for value in values]
    digester = digester_with(*values)
    assert digester.digests("x") == tuple(each.digests("x")[0] for each in alone)
    assert [digest.value for digest in digester.digests("x")] == digester.all_digests("x") == [each.digest("x") for each in alone]
    assert [digest.key_id for digest in digester.digests("x")] == digester.key_ids
    assert digester.digest("x") == alone[0].digest("x")
    assert len(set(digester.key_ids)) == count


def test_digester_uses_the_server_secrets_of_now() -> None:
    """A server secret counts from the moment at which it is there, and no longer than it is there."""
    old, new = (ServerSecret(value * 32, NOW) for value in (b"o", b"n"))
    there = [old]
    digester = SecretDigester(lambda: there)
    before = digester.digests("x")
    there.insert(0, new)
    assert digester.digests("x")[1:] == before
    there.remove(old)
    assert digester.key_ids == [new.id]
    assert before[0] not in digester.digests("x")


def test_id_of_a_server_secret_tells_nothing_of_it() -> None:
    """It is the same in every process, another for each secret, fits its column, and is no digest of a text."""
    first, second = (ServerSecret(value * 32, NOW) for value in (b"a", b"b"))
    assert first.id == ServerSecret(b"a" * 32, NOW + timedelta(days=1)).id != second.id
    assert 16 <= len(first.id) <= 32
    assert first.id not in first.value.hex() + hashlib.sha256(first.value).hexdigest() + first.digest("").hex()


def test_nothing_shows_a_server_secret_or_a_digest() -> None:
    """Neither is in the text or the repr of what holds it."""
    secret = ServerSecret(b"a" * 32, NOW)
    digester = SecretDigester([secret].copy)
    (digest,) = digester.digests("x")
    shown = "".join(f"{each} {each!r}" for each in (secret, digester, digest))
    for value in (secret.value, digest.value):
        assert not [form for form in (value.hex(), repr(value)[2:-1], value.decode("latin-1")) if form in shown]
