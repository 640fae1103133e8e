"""A token that a registry refused."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from registry_auth.doctor.probe_tokens import ProbeToken
from registry_auth.doctor.registry_door import challenge_of, is_accepted
from registry_auth.doctor.web import Response
from registry_auth.settings import Settings
from registry_auth.signing import KeyDirectory
from registry_auth.signing.key_ring import KeyRing
from registry_auth.values import TokenHeader

CHECK = "registry token"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A token that a registry refused with `answer` (401), the way to show it others, and what is known besides.

    `bundle_trusts_us` says whether the registry's bundle has a certificate that makes it trust the token's key; None if nobody knows.
    """

    token: ProbeToken
    answer: Response
    show: Callable[[str], Response]
    ring: KeyRing
    settings: Settings
    bundle_trusts_us: bool | None = None

    def accepts(self, token: ProbeToken) -> bool:
        """Show the registry another token. Raises UnreachableError."""
        return is_accepted(self.show(token.text()))

    def bundle(self, header: TokenHeader) -> Path:
        """Give the file that the registry needs for tokens with this header."""
        return KeyDirectory(self.settings.keys_dir, header).bundle.resolve()


def says_why(answer: Response) -> bool:
    """Say whether a refusal calls the token bad: its challenge has an error, or there is none to have one."""
    challenge = challenge_of(answer)
    return challenge is None or challenge.error is not None
