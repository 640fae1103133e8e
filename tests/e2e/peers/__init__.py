"""Real registries and clients for the end-to-end tests: nothing here knows the token server."""
