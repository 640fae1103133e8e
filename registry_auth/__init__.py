"""Token authentication server for self-hosted Docker registries, with deploy tokens."""

__version__ = "0.1.0"
