"""docker, podman, skopeo and ctr with one face, as the tests of the dependency proxy use them."""

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from .peers.containerd import Containerd
from .peers.containers_tools import Podman, Skopeo
from .peers.docker_engine import DockerClient
from .peers.oci_layout import write_oci_layout
from .peers.processes import Finished
from .token_server import Token


class Client(ABC):
    """What these tests want of every client. An image's id is the digest of its configuration, which no client changes."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._numbers = count(1)

    @abstractmethod
    def login(self, host: str, token: Token) -> None:
        """Take credentials for a registry."""

    @abstractmethod
    def create(self, reference: str, marker: str) -> str:
        """Make an image that no other has; give its id."""

    @abstractmethod
    def pull(self, reference: str) -> Finished:
        """Pull an image."""

    @abstractmethod
    def push(self, reference: str) -> Finished:
        """Push an image."""

    @abstractmethod
    def image_id(self, reference: str) -> str:
        """Give the id of an image that is here."""

    @abstractmethod
    def tag(self, source: str, target: str) -> None:
        """Give an image a second name."""

    @abstractmethod
    def forget(self, *references: str) -> None:
        """Forget an image with all its names."""

    def _layout(self, marker: str) -> Path:
        return write_oci_layout(self._directory / f"layout-{next(self._numbers)}", marker)


class _Engine(Client):
    """docker or podman."""

    def __init__(self, directory: Path, command: DockerClient | Podman) -> None:
        super().__init__(directory)
        self._command = command

    def login(self, host: str, token: Token) -> None:
        self._command.login(host, *token.credentials).check()

    def create(self, reference: str, marker: str) -> str:
        if isinstance(self._command, Podman):
            self._command.import_layout(self._layout(marker), reference).check()
        else:
            self._command.import_image(reference, marker).check()
        return self._command.image_id(reference)

    def pull(self, reference: str) -> Finished:
        return self._command.pull(reference)

    def push(self, reference: str) -> Finished:
        return self._command.push(reference)

    def image_id(self, reference: str) -> str:
        return self._command.image_id(reference)

    def tag(self, source: str, target: str) -> None:
        self._command.tag(source, target).check()

    def forget(self, *references: str) -> None:
        self._command.remove_image(*references).check()


class _Skopeo(Client):
    """skopeo, each image in a directory of its own."""

    def __init__(self, directory: Path, command: Skopeo) -> None:
        super().__init__(directory)
        self._command = command
        self._images: dict[str, Path] = {}

    def login(self, host: str, token: Token) -> None:
        self._command.login(host, *token.credentials).check()

    def create(self, reference: str, marker: str) -> str:
        self._copy_here(f"oci:{self._layout(marker)}:latest", reference).check()
        return self.image_id(reference)

    def pull(self, reference: str) -> Finished:
        return self._copy_here(f"docker://{reference}", reference)

    def push(self, reference: str) -> Finished:
        return self._command.copy(f"dir:{self._images[reference]}", f"docker://{reference}")

    def image_id(self, reference: str) -> str:
        return str(json.loads((self._images[reference] / "manifest.json").read_bytes())["config"]["digest"])

    def tag(self, source: str, target: str) -> None:
        self._images[target] = self._images[source]

    def forget(self, *references: str) -> None:
        for reference in references:
            del self._images[reference]

    def _copy_here(self, source: str, reference: str) -> Finished:
        self._images[reference] = self._directory / f"image-{next(self._numbers)}"
        return self._command.copy(source, f"dir:{self._images[reference]}")


class _Ctr(Client):
    """ctr, which logs in nowhere but takes its credentials with each command."""

    def __init__(self, directory: Path, command: Containerd) -> None:
        super().__init__(directory)
        self._command = command
        self._credentials: tuple[str, str] | None = None
        self._ids: dict[str, str] = {}

    def login(self, host: str, token: Token) -> None:
        assert host
        self._credentials = token.credentials

    def create(self, reference: str, marker: str) -> str:
        layout = self._layout(marker)
        self._command.import_layout(layout, reference).check()
        (entry,) = json.loads((layout / "index.json").read_bytes())["manifests"]
        manifest = json.loads((layout / "blobs" / entry["digest"].replace(":", "/")).read_bytes())
        self._ids[reference] = manifest["config"]["digest"]
        return self._ids[reference]

    def pull(self, reference: str) -> Finished:
        pulled = self._command.pull(reference, self._credentials)
        self._ids[reference] = ",".join(set(re.findall(r"config-(sha256:[0-9a-f]{64})", pulled.output)))
        return pulled

    def push(self, reference: str) -> Finished:
        return self._command.push(reference, self._credentials)

    def image_id(self, reference: str) -> str:
        return self._ids[reference]

    def tag(self, source: str, target: str) -> None:
        self._command.tag(source, target).check()

    def forget(self, *references: str) -> None:
        for reference in references:
            self._command.remove_image(reference).check()


CLIENTS: dict[str, Callable[[Path, Any], Client]] = {"docker": _Engine, "podman": _Engine, "skopeo": _Skopeo, "containerd": _Ctr}
