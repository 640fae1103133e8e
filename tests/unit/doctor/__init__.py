"""Tests of registry_auth.doctor."""
