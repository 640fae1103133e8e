"""Looking for secrets in what an installation has stored."""

import base64
import hashlib

from tests.unit.installation import Installation


def traces_of(secret: str, installation: Installation) -> list[bytes]:
    """Give what the files of the database hold of a secret: plain, half of it, encoded, or in a hash that a guess could be checked with."""
    stored = installation.store.content().lower()
    body = secret.partition("-")[2] or secret
    half = len(body) // 2
    hashes = [hashlib.new(name, secret.encode()).digest() for name in ("md5", "sha1", "sha256", "sha512")]
    parts = [secret.encode(), body[:half].encode(), body[-half:].encode(), *hashes]
    forms = [form for part in parts for form in (part, part.hex().encode(), base64.b64encode(part).rstrip(b"="), part[::-1])]
    return [form for form in forms if form.lower() in stored]
