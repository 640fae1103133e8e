"""The file tree of an image, written as a tar archive for `docker import`."""

import io
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from tests.e2e.peers.availability import program

from .shared_libraries import shared_libraries

_TOOLS = ("cat", "chmod", "chown", "cp", "env", "id", "ls", "mkdir", "ps", "rm", "sh", "wget")
_PASSWD = "root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"


class ImageTree:
    """An archive being written. Everything in it belongs to root and can be read by everybody."""

    def __init__(self, archive: Path) -> None:
        self._tar = tarfile.TarFile(archive, "w")
        self._known: set[str] = set()

    def add_text(self, place: str, text: str, mode: int = 0o644) -> None:
        """Add a file with this content."""
        member = tarfile.TarInfo(self._new(place))
        member.size, member.mode = len(text.encode()), mode
        self._tar.addfile(member, io.BytesIO(text.encode()))

    def add_link(self, place: str, target: str) -> None:
        """Add a symbolic link."""
        member = tarfile.TarInfo(self._new(place))
        member.type, member.linkname = tarfile.SYMTYPE, target
        self._tar.addfile(member)

    def add_file(self, place: str, source: Path) -> None:
        """Add a file of this machine, once; of a symbolic link, what it leads to."""
        if place in self._known:
            return
        with source.open("rb") as content:
            member = tarfile.TarInfo(self._new(place))
            status = source.stat()
            # Compiled modules are valid only for the source's time of change, in whole seconds.
            member.size, member.mtime = status.st_size, int(status.st_mtime)
            member.mode = 0o755 if status.st_mode & 0o100 else 0o644
            self._tar.addfile(member, content)

    def add_directory(self, place: str, source: Path, leave_out: Iterable[str] = ()) -> None:
        """Add a directory with all below it, but not the entries directly in it that match one of the patterns."""
        for entry in sorted(source.iterdir()):
            if not any(entry.match(pattern) for pattern in leave_out):
                for path in [entry, *sorted(entry.rglob("*"))]:
                    if path.is_file():
                        self.add_file(f"{place}/{path.relative_to(source)}", path)

    def add_libraries_of(self, programs: Iterable[Path]) -> None:
        """Add the shared libraries that the programs or libraries need, at the places where the loader looks here."""
        for library in shared_libraries(programs):
            self.add_file(str(library), library)
        self.add_file("/etc/ld.so.cache", Path("/etc/ld.so.cache"))

    def add_basics(self) -> None:
        """Add a shell, the tools that an image's build uses, and the list of users."""
        self.add_file("/bin/busybox", program("busybox"))
        for tool in _TOOLS:
            self.add_link(f"/bin/{tool}", "busybox")
        self.add_text("/etc/passwd", _PASSWD)
        member = tarfile.TarInfo(self._new("/tmp"))  # noqa: S108 - the image's
        member.type, member.mode = tarfile.DIRTYPE, 0o1777
        self._tar.addfile(member)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._tar.close()

    def _new(self, place: str) -> str:
        """Note the place; add the directories above it, which a container's user has to be able to enter."""
        self._known.add(place)
        for parent in reversed(Path(place).parents):
            if str(parent) not in {"/", *self._known}:
                self._known.add(str(parent))
                member = tarfile.TarInfo(str(parent).lstrip("/"))
                member.type, member.mode = tarfile.DIRTYPE, 0o755
                self._tar.addfile(member)
        return place.lstrip("/")
