"""Secrets of tokens: their entropy, their shape, their digests."""

import math
import string

import pytest

from registry_auth.token_secrets import DEPLOY_TOKEN_PREFIX, SecretDigester, has_token_shape, new_secret

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
    first, second = SecretDigester("1", b"a" * 32), SecretDigester("2", b"b" * 32)
    digests = {first.digest("x"), first.digest("y"), second.digest("x")}
    assert len(digests) == 3
    assert first.digest("x") in digests
    assert all(len(digest) == 32 for digest in digests)


def test_digester_does_not_show_its_key() -> None:
    """The server secret is not in the digester's repr."""
    assert "aaaa" not in repr(SecretDigester("1", b"a" * 32))
