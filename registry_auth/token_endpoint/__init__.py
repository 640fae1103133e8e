"""The token endpoint `/jwt/auth`: from a client's request to a signed token (Distribution, token authentication specification)."""
