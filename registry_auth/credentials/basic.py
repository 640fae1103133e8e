"""HTTP Basic log-in (RFC 7617): the header's text becomes a credential."""

import base64
import binascii
from dataclasses import dataclass

from pydantic import SecretStr

from registry_auth.errors import WrongCredentialError

_MAX_HEADER = 16_384  # characters; a longer header holds no secret of ours and is not worth decoding

_MALFORMED = "The Authorization header must be Basic, with the base64 of user name, colon and secret in UTF-8."


@dataclass(frozen=True, slots=True)
class Credential:
    """A user name and the secret that came with it, not yet checked."""

    username: str
    secret: SecretStr


def parse_basic(header: str) -> Credential:
    """Read an `Authorization` header. Raises WrongCredentialError for anything that is not well-formed Basic.

    The user name ends at the first colon; the secret may hold more of them.
    """
    scheme, _, encoded = header.strip().partition(" ")
    if scheme.lower() != "basic" or len(header) > _MAX_HEADER:
        raise WrongCredentialError(_MALFORMED)
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        raise WrongCredentialError(_MALFORMED) from None
    username, colon, secret = decoded.partition(":")
    if not colon:
        raise WrongCredentialError(_MALFORMED)
    return Credential(username, SecretStr(secret))
