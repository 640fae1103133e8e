"""Look-ups for tests that have services and nothing else."""

from registry_auth.accounts.lookup import AccountLookup
from registry_auth.deploy_tokens.lookup import DeployTokenLookup
from registry_auth.digest_upgrades import DigestUpgrades
from registry_auth.namespaces.ownership import ProjectLookup
from registry_auth.services import Services


def deploy_token_lookup(services: Services) -> DeployTokenLookup:
    """Give the look-up of deploy tokens."""
    database = services.database
    return DeployTokenLookup(database, services.digester, ProjectLookup(database), DigestUpgrades(database))


def account_lookup(services: Services) -> AccountLookup:
    """Give the look-up of users."""
    return AccountLookup(services.database, services.digester, DigestUpgrades(services.database))
