"""Records the last uses of tokens as requests come."""

from datetime import datetime

from registry_auth.database import WaitingWrites
from registry_auth.last_use.service import LastUse, LastUses, TokenKey
from registry_auth.values import Caller, CallerKind

_TOKENS = frozenset({CallerKind.DEPLOY_TOKEN, CallerKind.PERSONAL_ACCESS_TOKEN})

REST_API = "rest_api"  # beside the kinds of services that tokens are issued for


class LastUseRecorder:
    """Records uses; some seconds later they are in the store. Safe for several threads."""

    def __init__(self, last_uses: LastUses) -> None:
        self._writes: WaitingWrites[TokenKey, LastUse] = WaitingWrites("the last uses of tokens", last_uses.write)

    def record(self, caller: Caller, service: str, address: str, used_at: datetime) -> None:
        """Note that the caller's token was used at `used_at` (UTC) for a service; what is no token is left out."""
        if caller.kind in _TOKENS and caller.credential_id is not None:
            self._writes.put((caller.kind, caller.credential_id), LastUse(used_at, address, service))

    def write(self) -> None:
        """Write down what is waiting."""
        self._writes.write()

    def close(self) -> None:
        """Write down what is waiting, for the last time."""
        self._writes.close()
