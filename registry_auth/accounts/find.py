"""Finding one user, within a transaction."""

import re

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry_auth.accounts.models import User
from registry_auth.errors import NotFoundError

USERNAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}")
EMAIL = re.compile(r"[^\s@\x00-\x20]+@[^\s@\x00-\x20]+")
MAX_EMAIL_LENGTH = 254  # characters; RFC 5321 with its erratum 1690


def find_user(session: Session, username: str) -> User:
    """Give the user of this name, whatever its case. Raises NotFoundError."""
    user = session.scalar(select(User).where(User.username_key == username.lower())) if USERNAME.fullmatch(username) else None
    if user is None:
        raise NotFoundError(f"There is no user '{username}'.")
    return user


def find_user_by_id(session: Session, user_id: int) -> User:
    """Give the user of this id. Raises NotFoundError."""
    user = session.get(User, user_id)
    if user is None:
        raise NotFoundError(f"There is no user {user_id}.")
    return user


def is_email(text: str) -> bool:
    """Say whether the text can be an e-mail address. What it really is only a mail could show."""
    # As it is stored: in lower case a letter can become two.
    return len(text.lower()) <= MAX_EMAIL_LENGTH and text.isprintable() and EMAIL.fullmatch(text) is not None
