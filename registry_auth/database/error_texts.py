"""What drivers say of an error."""


def first_line(error: object) -> str:
    """Give the first line of an error's text. PostgreSQL goes on with advice, and with values of the row: digests, addresses."""
    return str(error).strip().partition("\n")[0]
