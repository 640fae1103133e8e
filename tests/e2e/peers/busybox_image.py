"""The smallest image that runs: one file of Debian's static busybox."""

import io
import tarfile

from .availability import program


def busybox_tree(marker: str) -> bytes:
    """Return a tar archive with /bin/busybox, sh and cat, and a file /marker; another marker makes another layer."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        _add(archive, "bin/busybox", program("busybox").read_bytes(), mode=0o755)
        for name in ("sh", "cat"):
            link = tarfile.TarInfo(f"bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            archive.addfile(link)
        _add(archive, "marker", f"{marker}\n".encode(), mode=0o644)
    return packed.getvalue()


def _add(archive: tarfile.TarFile, name: str, content: bytes, mode: int) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), mode
    archive.addfile(member, io.BytesIO(content))
