"""Users, their memberships in groups and projects, and their personal access tokens."""
