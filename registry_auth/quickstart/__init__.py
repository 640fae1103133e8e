"""Trying it out: a sample, and a stock registry beside the token server."""
