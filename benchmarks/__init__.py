"""What requests cost, measured on the machine that asks."""
