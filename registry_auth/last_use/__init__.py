"""When, where from and where a token was used last."""

from registry_auth.last_use.recorder import REST_API, LastUseRecorder
from registry_auth.last_use.service import LastUse, LastUses

__all__ = ["REST_API", "LastUse", "LastUseRecorder", "LastUses"]
