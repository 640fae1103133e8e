"""Reading when, where from and for what a token was used last."""

from registry_auth.accounts.personal_access_tokens import IssuedPersonalAccessToken
from registry_auth.deploy_tokens.service import Issued
from registry_auth.last_use import LastUse, LastUses
from registry_auth.values import CallerKind
from tests.unit.installation import Installation


def write_last_uses(installation: Installation) -> None:
    """Let the application write down what is waiting."""
    installation.app.extensions["registry_auth"].last_uses.write()


def last_use(installation: Installation, issued: Issued | IssuedPersonalAccessToken) -> LastUse | None:
    """Give the last use of a token, once everything is written down."""
    write_last_uses(installation)
    kind = CallerKind.DEPLOY_TOKEN if isinstance(issued, Issued) else CallerKind.PERSONAL_ACCESS_TOKEN
    return LastUses(installation.database).of_one(kind, issued.token.id)


def everything_used(installation: Installation) -> set[tuple[CallerKind, int]]:
    """Give kind and id of every token of the first hundred that was used, once everything is written down."""
    write_last_uses(installation)
    kinds = (CallerKind.DEPLOY_TOKEN, CallerKind.PERSONAL_ACCESS_TOKEN, CallerKind.PASSWORD, CallerKind.ANONYMOUS)
    return {(kind, token_id) for kind in kinds for token_id in LastUses(installation.database).of(kind, range(100))}
