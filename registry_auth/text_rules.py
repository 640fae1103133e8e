"""Rules for the free text that people give their things."""

from registry_auth.errors import InvalidValueError

MAX_NAME_LENGTH = 255  # characters, as in GitLab


def check_name(name: str) -> None:
    """Raise InvalidValueError unless the text can be the name of something: not blank, printable, not too long."""
    if not name.strip() or not name.isprintable():
        raise InvalidValueError("A name cannot be blank or hold control characters.", field="name")
    if len(name) > MAX_NAME_LENGTH:
        raise InvalidValueError(f"A name has at most {MAX_NAME_LENGTH} characters.", field="name")
