"""Images made from nothing: an OCI layout for clients that need no daemon."""

import gzip
import hashlib
import io
import json
import platform
import tarfile
from pathlib import Path

_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
_OCI = "application/vnd.oci.image"
MANIFEST = f"{_OCI}.manifest.v1+json"
INDEX = f"{_OCI}.index.v1+json"


def write_oci_layout(directory: Path, marker: str, *, layers: int = 1) -> Path:
    """Write an image whose layers hold a file each with `marker` in it, tagged `latest`; return the directory.

    The same marker gives the same digests, another marker shares no layer (OCI image layout 1.0).
    """
    archives = [_tar_with(f"marker-{number}", f"{marker}\n".encode()) for number in range(layers)]
    compressed = [gzip.compress(archive, mtime=0) for archive in archives]
    config = _write(directory, f"{_OCI}.config.v1+json", _as_json(_configuration(archives)))
    blobs = [_write(directory, f"{_OCI}.layer.v1.tar+gzip", layer) for layer in compressed]
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": blobs}
    entry = _write(directory, MANIFEST, _as_json(manifest))
    entry["annotations"] = {"org.opencontainers.image.ref.name": "latest"}
    (directory / "index.json").write_bytes(_as_json({"schemaVersion": 2, "manifests": [entry]}))
    (directory / "oci-layout").write_bytes(_as_json({"imageLayoutVersion": "1.0.0"}))
    return directory


def layout_as_tar(layout: Path, reference: str) -> bytes:
    """Pack a layout for `ctr image import` and `podman load`, which take the image's name from it."""
    index = json.loads((layout / "index.json").read_bytes())
    names = ("io.containerd.image.name", "org.opencontainers.image.ref.name")
    index["manifests"][0]["annotations"] = dict.fromkeys(names, reference)
    members = {path.relative_to(layout): path.read_bytes() for path in sorted(layout.rglob("*")) if path.is_file()}
    members[Path("index.json")] = _as_json(index)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for path, content in members.items():
            _add(archive, str(path), content)
    return packed.getvalue()


def _configuration(archives: list[bytes]) -> dict[str, object]:
    # containerd pulls only what was made for the machine it runs on.
    machine = platform.machine()
    return {
        "created": "1970-01-01T00:00:00Z",
        "architecture": _MACHINES.get(machine, machine),
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [_digest(archive) for archive in archives]},
    }


def _tar_with(name: str, content: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        _add(archive, name, content)
    return packed.getvalue()


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)  # its time stamp and owner are 0
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


def _write(directory: Path, media_type: str, content: bytes) -> dict[str, object]:
    digest = _digest(content)
    blob = directory / "blobs" / digest.replace(":", "/")
    blob.parent.mkdir(parents=True, exist_ok=True)
    blob.write_bytes(content)
    return {"mediaType": media_type, "digest": digest, "size": len(content)}


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _as_json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True).encode()
