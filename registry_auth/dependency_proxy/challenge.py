"""The challenge that sends clients to the token endpoint (Distribution, token authentication specification; RFC 6750 section 3)."""

from collections.abc import Sequence
from dataclasses import dataclass

from registry_auth.values import Action


@dataclass(frozen=True, slots=True)
class Challenger:
    """Writes challenges for the service that tokens are asked for at `realm`."""

    realm: str
    service: str

    def challenge(self, error: str = "", name: str | None = None, actions: Sequence[Action] = ()) -> str:
        """Give the value of `WWW-Authenticate`, with the scope that the request needs and what is wrong with the token, if anything."""
        parameters = {"realm": self.realm, "service": self.service}
        if name is not None:
            parameters["scope"] = f"repository:{name}:{','.join(actions)}"
        if error:
            parameters["error"] = error
        return "Bearer " + ",".join(f'{key}="{value}"' for key, value in parameters.items())
