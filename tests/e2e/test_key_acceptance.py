"""Which tokens each released registry accepts: by their header, the kind of key, and what the registry was given of the keys."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from uuid import uuid4

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from registry_auth.errors import InvalidValueError
from registry_auth.signing import KeyDirectory
from registry_auth.signing.certificates import BACKDATE, KeyPair
from registry_auth.signing.key_changes import KeyChanges
from registry_auth.signing.key_import import read_importable
from registry_auth.signing.key_ring import SigningKey
from registry_auth.values import TokenHeader

from .peers.availability import require
from .peers.processes import ServerDiedError
from .peers.stock_registry import REGISTRIES, RegistryLine, StockRegistry, TokenAuth
from .registry_calls import challenge, enter
from .signing_keys import new_rsa_pair, new_short_key, self_signed

# The keys of one installation. A coordinate with a zero byte in front has another thumbprint in Distribution 3.1 than in RFC 7638.
IMPORTED: dict[str, Callable[[], KeyPair]] = {
    "rsa-2048": new_rsa_pair,
    "p-384": lambda: self_signed(ec.generate_private_key(ec.SECP384R1())),
    "p-521": lambda: self_signed(ec.generate_private_key(ec.SECP521R1())),
    "p-256-short": lambda: self_signed(new_short_key()),
}
OWN = "own-p-256"
ALL = frozenset({OWN, *IMPORTED})
RSA = frozenset({"rsa-2048"})
NONE: frozenset[str] = frozenset()

BUNDLE, JWKS = frozenset({"bundle"}), frozenset({"jwks"})
BOTH = BUNDLE | JWKS
_2_8_2, _3_0_0, _3_1_1 = REGISTRIES

# What a registry is given of the keys, and which of them it then accepts.
CONFIGURATIONS = (
    (_2_8_2, BUNDLE),
    *((_3_0_0, given) for given in (BUNDLE, JWKS, BOTH)),
    *((_3_1_1, given) for given in (BUNDLE, JWKS, BOTH)),
)
ACCEPTED = {
    #                          2.8.2   3.0.0                3.1.1
    #                          bundle  bundle, jwks, both   bundle, jwks, both
    TokenHeader.X5C: (ALL, ALL, NONE, ALL, ALL, NONE, ALL),
    TokenHeader.LIBTRUST_KID: (ALL, NONE, ALL, ALL, NONE, ALL, ALL),
    TokenHeader.RFC7638_KID: (NONE, RSA, ALL, ALL, ALL, ALL, ALL),
}
CASES = [
    pytest.param(header, line, given, accepted, id=f"{header}-{line.label}-{'+'.join(sorted(given))}")
    for header, row in ACCEPTED.items()
    for (line, given), accepted in zip(CONFIGURATIONS, row, strict=True)
]

Start = Callable[[RegistryLine, Path | None, Path | None], StockRegistry]


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> KeyDirectory:
    """Make a key directory into which one key after the other was imported: all of them are published."""
    directory = KeyDirectory(tmp_path_factory.mktemp("keys"))
    directory.ready(datetime.now(UTC))
    for make in IMPORTED.values():
        KeyChanges(directory).import_key(make(), datetime.now(UTC))
        KeyChanges(directory).activate(datetime.now(UTC))
    return directory


@pytest.fixture(scope="module")
def keys(directory: KeyDirectory) -> Mapping[str, SigningKey]:
    """Give the published keys by their names here."""
    return dict(zip((*reversed(IMPORTED), OWN), directory.loaded().published_keys, strict=True))


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Give what starts a registry with a bundle and a JWKS, each such one once."""
    with ExitStack() as stack:

        @cache
        def start(line: RegistryLine, bundle: Path | None, jwks: Path | None) -> StockRegistry:
            auth = TokenAuth("http://127.0.0.1/jwt/auth", "container_registry", "registry-auth", bundle, jwks)
            return stack.enter_context(StockRegistry(line, tmp_path_factory.mktemp("registry"), auth))

        yield start


def token(key: SigningKey, header: TokenHeader) -> str:
    """Give a token that is good in everything but, perhaps, its key."""
    now = int(datetime.now(UTC).timestamp())
    claims = {"iss": "registry-auth", "aud": "container_registry", "sub": "", "access": [], "jti": str(uuid4())}
    return key.token({**claims, "iat": now, "nbf": now, "exp": now + 300}, header)


@pytest.mark.parametrize(("header", "line", "given", "accepted"), CASES)
def test_what_a_registry_accepts(
    start: Start,
    directory: KeyDirectory,
    keys: Mapping[str, SigningKey],
    header: TokenHeader,
    line: RegistryLine,
    given: frozenset[str],
    accepted: frozenset[str],
) -> None:
    """With the public files of its header mode a registry accepts these keys' tokens, and refuses all others for their key."""
    require(line.peer)
    bundle = KeyDirectory(directory.path, header).bundle if "bundle" in given else None
    registry = start(line, bundle, directory.public / "jwks.json" if "jwks" in given else None)

    answers = {name: enter(registry, token(key, header)) for name, key in keys.items()}

    assert {name for name, answer in answers.items() if answer.status == 200} == accepted
    assert {challenge(answers[name])["error"] for name in ALL - accepted} <= {"invalid_token"}


def edwards_pem() -> bytes:
    """Give an Ed25519 key with a certificate that it signed itself."""
    key, now = ed25519.Ed25519PrivateKey.generate(), datetime.now(UTC)
    name = x509.Name([])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - BACKDATE, now + BACKDATE)
    return _private(key) + builder.sign(key, None).public_bytes(Encoding.PEM)


def bare_public_key_pem() -> bytes:
    """Give a key without a certificate: its private and its public half."""
    key = ec.generate_private_key(ec.SECP256R1())
    return _private(key) + key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _private(key: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize(
    ("pem", "why", "panic", "lines"),
    [
        pytest.param(edwards_pem, "Edwards key", "ed25519.PublicKey is not supported", (_2_8_2,), id="ed25519"),
        pytest.param(bare_public_key_pem, "bare public key", "at least one token signing", REGISTRIES, id="bare-public-key"),
    ],
)
def test_what_cannot_be_imported_ends_registries(
    start: Start, tmp_path: Path, pem: Callable[[], bytes], why: str, panic: str, lines: tuple[RegistryLine, ...]
) -> None:
    """A key that `keys import` refuses is refused for a reason: with it in their bundle these registries panic at their start."""
    content = pem()
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(content)

    with pytest.raises(InvalidValueError, match=why):
        read_importable(content)
    for line in lines:
        require(line.peer)
        with pytest.raises(ServerDiedError, match=panic):
            start(line, bundle, None)
