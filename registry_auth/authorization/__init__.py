"""The decision: who may do what. Pure, on plain values."""

from registry_auth.authorization.decision import grant, has_ability
from registry_auth.authorization.roles import can_see, role_at

__all__ = ["can_see", "grant", "has_ability", "role_at"]
