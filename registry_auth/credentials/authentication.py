"""Who is it: a credential becomes a caller, or is refused. It never becomes the anonymous caller."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hmac import compare_digest

from pydantic import SecretStr

from registry_auth.accounts.lookup import AccountLookup, FoundPassword, FoundPersonalAccessToken, FoundUser
from registry_auth.accounts.passwords import PasswordCheck
from registry_auth.credentials.basic import Credential
from registry_auth.deploy_tokens.lookup import DeployTokenLookup, FoundToken
from registry_auth.errors import BlockedUserError, DeadTokenError, WrongCredentialError
from registry_auth.logs import caller_label
from registry_auth.throttling import Throttle
from registry_auth.token_secrets import DEPLOY_TOKEN_PREFIX, PERSONAL_ACCESS_TOKEN_PREFIX, has_token_shape, looks_like_token
from registry_auth.values import Caller, CallerKind, CredentialId, Person, TokenScope

_WRONG = "The user name or the secret is wrong, or the token does not exist any more."
_GONE = "The credential that this token was issued for does not exist any more."
_WRONG_API_TOKEN = "The personal access token is wrong, or does not exist any more."  # noqa: S105
_NO_API_FOR_DEPLOY_TOKENS = "Deploy tokens cannot log in to the REST API: use a personal access token."

# GitLab docs: who logs in with a password can do what the user can do.
_PASSWORD_SCOPES = frozenset({TokenScope.API})


@dataclass(frozen=True, slots=True)
class Authentication:
    """Checks credentials against deploy tokens, personal access tokens and passwords.

    Both log-ins raise WrongCredentialError, with one sentence for all that is wrong or unknown: only who sends the right user name and
    secret learns that a token has ended (DeadTokenError) or that the user is blocked (BlockedUserError). Wrong secrets are counted by name
    and `address`; beyond the limit they raise TooManyWrongSecretsError. Good tokens are never counted or delayed.
    """

    deploy_tokens: DeployTokenLookup
    accounts: AccountLookup
    passwords: PasswordCheck
    throttle: Throttle
    clock: Callable[[], datetime]

    def caller(self, credential: Credential, address: str) -> Caller:
        """Give the caller who logs in at the registry: the form of the secret tells its kind."""
        secret = credential.secret.get_secret_value()
        if has_token_shape(secret, DEPLOY_TOKEN_PREFIX):
            found = self._by_deploy_token(credential)
        elif has_token_shape(secret, PERSONAL_ACCESS_TOKEN_PREFIX):
            found = self._by_personal_access_token(credential)
        elif looks_like_token(secret):
            found = None
        else:
            found = self._by_password(credential, address)
        if found is None:
            self.throttle.count_wrong(credential.username, address, secret)
            raise WrongCredentialError(_WRONG, who=caller_label(credential.username))
        return found

    def api_caller(self, token: SecretStr, address: str) -> Caller:
        """Give the caller who logs in to the REST API, where a personal access token comes without a name and nothing else is accepted."""
        secret = token.get_secret_value()
        if secret.startswith(DEPLOY_TOKEN_PREFIX):
            raise WrongCredentialError(_NO_API_FOR_DEPLOY_TOKENS)
        found = self.accounts.find_token(secret) if has_token_shape(secret, PERSONAL_ACCESS_TOKEN_PREFIX) else None
        if found is None:
            self.throttle.count_wrong(None, address, secret)
            raise WrongCredentialError(_WRONG_API_TOKEN)
        return self._from_personal_access_token(found)

    def caller_by_id(self, credential: CredentialId) -> Caller:
        """Give the caller whose credential a signed token names, with the rights of now.

        Raises WrongCredentialError for a credential that was deleted, DeadTokenError and BlockedUserError as the log-in does.
        """
        found: Caller | None = None
        if credential.kind is CallerKind.DEPLOY_TOKEN and credential.secret_id is not None:
            token = self.deploy_tokens.find_by_id(credential.id, credential.secret_id)
            found = None if token is None else self._from_deploy_token(token)
        elif credential.kind is CallerKind.PERSONAL_ACCESS_TOKEN:
            personal = self.accounts.find_token_by_id(credential.id)
            found = None if personal is None else self._from_personal_access_token(personal)
        elif credential.kind is CallerKind.PASSWORD:
            password = self.accounts.find_password_by_id(credential.id)
            is_same = password is not None and self.accounts.is_password_id(credential.secret_id, password)
            found = self._from_password(password) if password is not None and is_same else None
        if found is None:
            raise WrongCredentialError(_GONE, who=caller_label("", credential.id))
        return found

    def _by_deploy_token(self, credential: Credential) -> Caller | None:
        found = self.deploy_tokens.find(credential.secret.get_secret_value())
        # The secret finds the token and the user name has to agree with it: user names are not unique.
        if found is None or not compare_digest(found.username.encode(), credential.username.encode()):
            return None
        return self._from_deploy_token(found)

    def _from_deploy_token(self, found: FoundToken) -> Caller:
        reason = found.why_dead(self.clock())
        if reason is not None:
            raise DeadTokenError(reason, who=caller_label(found.username, found.id))
        reach = frozenset({found.owner})
        return Caller(CallerKind.DEPLOY_TOKEN, found.username, found.id, reach, found.scopes, secret_id=found.secret_id)

    def _by_personal_access_token(self, credential: Credential) -> Caller | None:
        found = self.accounts.find_token(credential.secret.get_secret_value())
        return self._from_personal_access_token(found) if found is not None and found.user.is_called(credential.username) else None

    def _by_password(self, credential: Credential, address: str) -> Caller | None:
        # Before the check, which is dear: within the limit somebody may guess, beyond it even the right guess is refused. What counts is
        # the name as it was sent: one count for the user name and the e-mail address of a user would tell that they belong together.
        self.throttle.check(credential.username, address)
        self.throttle.check(None, address)
        found = self.accounts.find_password(credential.username)
        is_right = self.passwords.is_right(credential.secret, None if found is None else found.password_hash)
        if found is None or not is_right:
            self.throttle.count_wrong(None, address, f"{credential.username.lower()}:{credential.secret.get_secret_value()}")
            return None
        return self._from_password(found)

    def _from_password(self, found: FoundPassword) -> Caller:
        return self._user(found.user, CallerKind.PASSWORD, found.user.id, _PASSWORD_SCOPES, self.accounts.password_id(found))

    def _from_personal_access_token(self, found: FoundPersonalAccessToken) -> Caller:
        reason = found.why_dead(self.clock())
        if reason is not None:
            raise DeadTokenError(reason, who=caller_label(found.user.username, found.id))
        return self._user(found.user, CallerKind.PERSONAL_ACCESS_TOKEN, found.id, found.scopes)

    def _user(
        self, user: FoundUser, kind: CallerKind, credential_id: int, scopes: frozenset[TokenScope], secret_id: int | None = None
    ) -> Caller:
        if user.blocked_at is not None:
            raise BlockedUserError("Your account has been blocked.", who=caller_label(user.username, credential_id))
        person = Person(user.id, user.is_administrator, self.accounts.memberships(user.id))
        return Caller(kind, user.username, credential_id, scopes=scopes, person=person, secret_id=secret_id)
