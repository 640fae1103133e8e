"""The server renews its signing key by itself, and registries that are running take the new one without anybody's help."""

import base64
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from registry_auth.signing.certificates import new_signing_pair
from registry_auth.signing.key_files import write_file

from .http_calls import header
from .peers.availability import find, require
from .peers.containers_tools import Skopeo
from .peers.processes import wait_until
from .peers.stock_registry import REGISTRIES, RegistryLine, StockRegistry
from .registry_calls import begin_upload
from .secret_search import check_nothing_secret
from .signing_keys import TAKEN_UP_WITHIN, key_id, ring_of
from .token_server import Token, TokenServer

REPOSITORY = "renewal/project/app"
SCOPE = f"repository:{REPOSITORY}:pull,push"


@dataclass(frozen=True, slots=True)
class Renewal:
    """What was seen of a server that found an old signing key when it started, and once more while it ran."""

    token: Token
    old_keys: tuple[str, str]
    tokens: tuple[str, str]
    registries: dict[str, StockRegistry]


@pytest.fixture(scope="module")
def renewal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Renewal]:
    """Age the key of a server before its start and, after all registries have started, once more."""
    with ExitStack() as stack:
        server = TokenServer(tmp_path_factory.mktemp("renewed"))
        server.create_project("renewal/project")
        token = server.create_token(project="renewal/project")
        first_old = age_signing_key(server)
        stack.enter_context(server)
        first = server.jwt(SCOPE, token=token)
        registries = {
            line.label: stack.enter_context(StockRegistry(line, tmp_path_factory.mktemp("registry"), server.token_auth))
            for line in REGISTRIES
            if find(line.peer)
        }
        second_old = age_signing_key(server)
        known = {key_id(first), second_old}
        wait_until(lambda: key_id(server.jwt(token=token)) not in known, "a new signing key", timeout=TAKEN_UP_WITHIN)
        second = next(each for each in iter(lambda: server.jwt(SCOPE, token=token), "") if key_id(each) not in known)
        yield Renewal(token, (first_old, second_old), (first, second), registries)
    check_nothing_secret(server)


def age_signing_key(server: TokenServer) -> str:
    """Put a signing key made 61 days ago in place of all others; give its id."""
    ring = ring_of(server.keys)
    made = datetime.now(UTC) - timedelta(days=61)
    pair = new_signing_pair(ring.authority, made)
    private = server.keys / "private"
    write_file(private / f"signing-{made:%Y%m%dT%H%M%SZ}-{pair.kid[:4].lower()}.pem", pair.private_pem(), 0o600)
    for key in ring.signing_keys:
        (private / key.name).unlink()
    return pair.kid


def certificate(token: str) -> x509.Certificate:
    """Give the signing certificate that a token carries."""
    (encoded,) = header(token)["x5c"]
    return x509.load_der_x509_certificate(base64.b64decode(encoded))


def test_a_fresh_key_signs_after_each_renewal(renewal: Renewal) -> None:
    """Neither old key signs, and the two renewals made two keys."""
    ids = [key_id(token) for token in renewal.tokens]

    assert len({*ids, *renewal.old_keys}) == 4


def test_the_dates_of_certificates(token_server: TokenServer, writer: Token) -> None:
    """A signing certificate is good for 90 days, and from a day earlier; its CA is for ten years."""
    signing = certificate(token_server.jwt(token=writer))
    authority = x509.load_pem_x509_certificate((token_server.keys / "public" / "ca.crt").read_bytes())
    now = datetime.now(UTC)

    assert signing.not_valid_after_utc - signing.not_valid_before_utc == timedelta(days=91)
    assert now - timedelta(days=1, hours=1) < signing.not_valid_before_utc <= now - timedelta(days=1)
    assert authority.not_valid_after_utc - authority.not_valid_before_utc == timedelta(days=3651)
    signing.verify_directly_issued_by(authority)


@pytest.mark.parametrize("line", REGISTRIES, ids=lambda line: line.label)
def test_a_running_registry_accepts_the_new_key(renewal: Renewal, line: RegistryLine) -> None:
    """Tokens of the key before and of the key after a renewal work alike at a registry that was not restarted."""
    require(line.peer)

    for token in renewal.tokens:
        assert begin_upload(renewal.registries[line.label], REPOSITORY, token).status == 202


@pytest.mark.parametrize("line", REGISTRIES, ids=lambda line: line.label)
def test_a_real_client_notices_nothing(renewal: Renewal, line: RegistryLine, skopeo: Skopeo, layout: Path) -> None:
    """After the renewal skopeo logs in and pushes as before."""
    require(line.peer)
    host = renewal.registries[line.label].host

    skopeo.login(host, *renewal.token.credentials).check()
    skopeo.copy(f"oci:{layout}:latest", f"docker://{host}/{REPOSITORY}:1").check()
