"""A directory as Kubernetes mounts a secret: it is replaced as a whole, and nobody who sees the mount can write to it."""

from collections.abc import Mapping
from itertools import count
from pathlib import Path

from .processes import Command

_DATA = "..data"
_READ_ONLY = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'


class SecretVolume:
    """The files of a secret. Each name is a link that leads over `..data` to the version that counts."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._versions = count(1)
        directory.mkdir(parents=True)

    def put(self, files: Mapping[str, bytes]) -> None:
        """Replace all files: with one rename, after which the links of names that came or went are made or removed."""
        version = self.directory / f"..version-{next(self._versions)}"
        version.mkdir()
        for name, content in files.items():
            (version / name).write_bytes(content)
            (version / name).chmod(0o440)
        former = (self.directory / _DATA).resolve()
        changed = self.directory / f"{_DATA}_tmp"
        changed.symlink_to(version.name)
        changed.replace(self.directory / _DATA)
        self._link(files)
        if former.name != _DATA:
            _remove(former)

    def read_by(self, command: Command) -> Command:
        """Give the command line that runs a program in a mount namespace of its own, where the volume is mounted read-only."""
        return ["unshare", "--mount", "sh", "-c", _READ_ONLY, self.directory, *command]

    def _link(self, names: Mapping[str, bytes]) -> None:
        links = {path.name: path for path in self.directory.iterdir() if not path.name.startswith("..")}
        for name in names.keys() - links:
            (self.directory / name).symlink_to(Path(_DATA, name))
        for name in links.keys() - names:
            links[name].unlink()


def _remove(version: Path) -> None:
    for file in version.iterdir():
        file.unlink()
    version.rmdir()
