"""Who is it: a credential becomes a caller, or is refused. It never becomes the anonymous caller."""

from collections.abc import Callable
from datetime import datetime
from hmac import compare_digest

from registry_auth.credentials.basic import Credential
from registry_auth.deploy_tokens.lookup import DeployTokenLookup
from registry_auth.errors import WrongCredentialError
from registry_auth.logs import caller_label
from registry_auth.token_secrets import DEPLOY_TOKEN_PREFIX, has_token_shape
from registry_auth.values import Caller, CallerKind

_WRONG = "The user name or the secret is wrong, or the token does not exist any more."


class Authentication:
    """Checks credentials against the deploy tokens."""

    def __init__(self, deploy_tokens: DeployTokenLookup, clock: Callable[[], datetime]) -> None:
        self._deploy_tokens = deploy_tokens
        self._clock = clock

    def caller(self, credential: Credential) -> Caller:
        """Give the caller whose credential this is.

        Raises WrongCredentialError, with one sentence for all that is wrong or unknown: only who sends the right user name and secret of
        a token learns that it has expired, was revoked or was rotated.
        """
        secret = credential.secret.get_secret_value()
        found = self._deploy_tokens.find(secret) if has_token_shape(secret, DEPLOY_TOKEN_PREFIX) else None
        # The secret finds the token and the user name has to agree with it: user names are not unique.
        if found is None or not compare_digest(found.username.encode(), credential.username.encode()):
            raise WrongCredentialError(_WRONG, who=caller_label(credential.username))
        reason = found.why_dead(self._clock())
        if reason is not None:
            raise WrongCredentialError(reason, who=caller_label(found.username, found.id))
        return Caller(
            kind=CallerKind.DEPLOY_TOKEN,
            name=found.username,
            credential_id=found.id,
            reach=frozenset({found.owner}),
            scopes=found.scopes,
        )
