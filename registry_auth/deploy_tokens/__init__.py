"""Deploy tokens: scopes, secrets, expiry, rotation and revocation."""
