"""Modes and owners in the key directory: who can read its private files, and whether the server can write it."""

import os
import pwd
import stat
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from registry_auth.doctor.findings import Finding, broken, fine, warning
from registry_auth.errors import ConfigurationError
from registry_auth.signing import KeyDirectory
from registry_auth.signing.certificates import Term
from registry_auth.signing.key_files import read_private
from registry_auth.signing.key_ring import KeyRing
from registry_auth.signing.private_keys import PrivateKeys

_CHECK = "key files"
_OF_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_ROOT = 0
_NOT_SECRET = frozenset({".crt", ".lock"})


def examine_files(private: PrivateKeys) -> list[Finding]:
    """Look at every private file; give findings on those that are not as they should be, and none when all are."""
    try:
        files = sorted(path for path in private.directory.iterdir() if path.is_file() and not _NOT_SECRET & {path.suffix, path.name})
    except OSError:
        return []  # what reads the keys will say why
    refused = {path: error for path in files if (error := _refusal(path)) is not None}
    unreadable = [path for path, error in refused.items() if isinstance(error.__cause__, OSError)]
    opened = [path for path in refused if path not in unreadable]
    return [*_of_open(opened), *_of_unreadable(unreadable), *_of_foreign(private.directory, set(files) - set(refused))]


def examine_writing(keys: KeyDirectory, ring: KeyRing, now: datetime) -> Iterator[Finding]:
    """Look at whether the signing key can be renewed, and whether others could put keys into the directory."""
    directory = keys.private.directory
    mode = stat.S_IMODE(directory.stat().st_mode)
    is_read_only = bool(os.statvfs(directory).f_flag & os.ST_RDONLY)
    if mode & _OF_OTHERS and not is_read_only:
        seen = f"{directory.resolve()} can be written by others than its owner (mode {mode:04o})."
        yield warning(_CHECK, seen, "They could put their own keys in the place of yours.", f"Run `chmod 700 {directory.resolve()}`.")
    if is_read_only or not os.access(directory, os.W_OK | os.X_OK):
        yield _of_read_only(keys, ring, now, is_mount=is_read_only)
    else:
        yield fine(_CHECK, f"The private files in {directory.resolve()} are closed to others, and the directory can be written.")


def _refusal(path: Path) -> ConfigurationError | None:
    try:
        read_private(path)
    except ConfigurationError as error:
        return error
    except FileNotFoundError:
        return None  # another process retired a key just now
    return None


def _of_open(paths: Sequence[Path]) -> Iterator[Finding]:
    if paths:
        names = ", ".join(f"{path.name} ({stat.S_IMODE(path.stat().st_mode):04o})" for path in paths)
        seen = f"Open to others in {paths[0].parent.resolve()}: {names}."
        meaning = "Whoever reads them can sign tokens or try out secrets, so the server does not start."
        yield broken(_CHECK, seen, meaning, f"Run `chmod 600 {' '.join(str(path.resolve()) for path in paths)}`.")


def _of_unreadable(paths: Sequence[Path]) -> Iterator[Finding]:
    if paths:
        owners = {_user(path.stat().st_uid) for path in paths}
        where = f"in {paths[0].parent.resolve()} (owner {', '.join(sorted(owners))})"
        seen = f"{_user(os.geteuid())} cannot read {', '.join(path.name for path in paths)} {where}."
        meaning = "The server does not start as this user, and the keys cannot be examined."
        yield broken(_CHECK, seen, meaning, "Run this, and the server, as their owner; or give them to this user with `chown`.")


def _of_foreign(directory: Path, paths: set[Path]) -> Iterator[Finding]:
    """Find files that the directory's owner, who is the server, cannot read: commands that root ran have made them."""
    owner = _owner(directory)
    foreign = sorted(path for path in paths if _owner(path) != owner and not path.stat().st_mode & stat.S_IRGRP)
    if foreign and owner != _ROOT:
        names = ", ".join(f"{path.name} ({_user(_owner(path))})" for path in foreign)
        seen = f"{directory.resolve()} belongs to {_user(owner)}, and some files in it do not: {names}."
        remedy = f"Run `chown {owner} {' '.join(str(path.resolve()) for path in foreign)}`."
        yield warning(_CHECK, seen, f"A server that runs as {_user(owner)} cannot read them.", remedy)


def _of_read_only(keys: KeyDirectory, ring: KeyRing, now: datetime, *, is_mount: bool) -> Finding:
    directory, signing = keys.private.directory.resolve(), ring.signing_keys[0]
    due = signing.pair.not_after - Term.of(keys.header).renew_before_end
    when = f"which is due on {due:%Y-%m-%d}"
    if is_mount and not ring.renewal_due(now, keys.header):
        return fine(_CHECK, f"{directory} is mounted read-only: renewing the signing key, {when}, is up to whoever writes it.")
    why = "is mounted read-only" if is_mount else f"cannot be written by {_user(os.geteuid())}"
    meaning = f"The server cannot renew the signing key, {when}, and answers 503 when it ends on {signing.pair.not_after:%Y-%m-%d}."
    remedy = "Run `registry-auth keys rotate` where it can be written." if is_mount else "Give it to the user that the server runs as."
    return warning(_CHECK, f"{directory} {why}.", meaning, remedy)


def _owner(path: Path) -> int:
    return path.stat().st_uid


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"
