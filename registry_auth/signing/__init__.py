"""Keys: the CA and its signing certificates, key ids, the key ring on disk, and the signer of tokens."""

from registry_auth.signing.current_keys import CurrentKeys
from registry_auth.signing.key_directory import KeyDirectory
from registry_auth.signing.signer import Signer

__all__ = ["CurrentKeys", "KeyDirectory", "Signer"]
