"""The decision: who may do what. Pure, on plain values."""

from registry_auth.authorization.decision import grant, has_registry_ability

__all__ = ["grant", "has_registry_ability"]
