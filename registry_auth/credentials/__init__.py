"""From what a client sent to a caller."""
