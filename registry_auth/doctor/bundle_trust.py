"""Whether certificates in a registry's bundle make it trust our tokens, and if not why."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from cryptography import x509

from registry_auth.doctor.bundle_file import parse_bundle, public_key_of
from registry_auth.settings import PREFIX
from registry_auth.signing.key_exports import AUTHORITY_BUNDLE, SIGNING_BUNDLE, bundle_name, exports
from registry_auth.signing.key_ring import KeyRing, SigningKey, is_issued_by
from registry_auth.values import TokenHeader


@dataclass(frozen=True)
class BundleTrust:
    """The certificates that a registry holds beside the keys of this installation, of which `key` signs at `now` (UTC)."""

    held: Sequence[x509.Certificate]
    ring: KeyRing
    key: SigningKey
    header: TokenHeader
    now: datetime

    @cached_property
    def vouching(self) -> Sequence[x509.Certificate]:
        """Those for whose sake a registry accepts tokens of the key, by their dates or not."""
        return [each for each in self.held if self._vouches(each)]

    @cached_property
    def valid(self) -> Sequence[x509.Certificate]:
        """Those of them that count now. Registries look at the dates only where a token carries a certificate (tested)."""
        if self.header is not TokenHeader.X5C:
            return self.vouching
        return [each for each in self.vouching if each.not_valid_before_utc <= self.now <= each.not_valid_after_utc]

    @property
    def ends_with_renewal(self) -> bool:
        """Whether the server's next signing key, which it makes and uses by itself, is not trusted any more."""
        is_renewed_alone = self.header is TokenHeader.X5C and not self.key.is_imported
        return is_renewed_alone and all(each == self.key.pair.certificate for each in self.vouching)

    @property
    def missing(self) -> Sequence[x509.Certificate]:
        """What is published, does not sign yet, and has to be held before it does."""
        return [each for each in self._following if each in self._published and each not in self.held]

    @property
    def waiting(self) -> Sequence[x509.Certificate]:
        """What is published, does not sign yet, and is held already."""
        return [each for each in self._following if each in self._published and each in self.held]

    @property
    def foreign(self) -> Sequence[x509.Certificate]:
        """Those that are not of this installation."""
        return [each for each in self.held if each not in self.ours]

    @cached_property
    def ours(self) -> Sequence[x509.Certificate]:
        """All certificates of this installation that a registry may hold."""
        return [*self._exported[AUTHORITY_BUNDLE], *self._exported[SIGNING_BUNDLE]]

    def reason(self) -> str:
        """Say in a sentence what bundle it is that vouches for nothing."""
        ours = [each for each in self.held if each in self.ours]
        if not ours:
            return "It is the bundle of another installation, or of a CA or key that was replaced long ago."
        if any(each in self._following for each in ours):
            return "What it holds is published and does not sign yet: that begins with `registry-auth keys activate`."
        if all(each not in self._published for each in ours):
            carried = "their certificate" if self.header is TokenHeader.X5C else "a key id alone"
            return f"It is the bundle for another header of tokens: with {PREFIX}TOKEN_HEADER={self.header} they carry {carried}."
        return "It is an older bundle of this installation, from before the key that signs now was published."

    def _vouches(self, certificate: x509.Certificate) -> bool:
        if self.header is TokenHeader.X5C:
            return certificate == self.key.pair.certificate or is_issued_by(self.key.pair, certificate)
        return public_key_of(certificate) == self.key.public_key

    @property
    def _following(self) -> Sequence[x509.Certificate]:
        pairs = [self.ring.next_signing_key.pair if self.ring.next_signing_key else None, self.ring.next_authority]
        return [pair.certificate for pair in pairs if pair is not None]

    @property
    def _published(self) -> Sequence[x509.Certificate]:
        """What belongs into the bundle for this header."""
        return self._exported[bundle_name(self.header)]

    @cached_property
    def _exported(self) -> dict[str, Sequence[x509.Certificate]]:
        contents = exports(self.ring)
        return {name: parse_bundle(contents[name]).certificates for name in (AUTHORITY_BUNDLE, SIGNING_BUNDLE)}
