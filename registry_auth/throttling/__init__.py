"""Throttling of wrong secrets, per credential name and client address."""

from registry_auth.throttling.throttle import Throttle

__all__ = ["Throttle"]
