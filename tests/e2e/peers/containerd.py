"""A private containerd and its client ctr: what a Kubernetes node asks of a registry."""

import socket
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path

from .availability import program
from .daemon import Daemon
from .oci_layout import layout_as_tar
from .processes import Finished, Server, clean_environment, run, wait_until

# The CRI plugin listens on a port and reads the machine's CNI set-up; the other one creates /opt/containerd.
_CONFIGURATION = """\
version = 2
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[plugins."io.containerd.internal.v1.opt"]
path = "{directory}/opt"
"""


def start_containerd(directory: Path) -> tuple[Server, Path]:
    """Start a containerd that keeps everything in `directory`; return it and its socket once that answers."""
    directory.mkdir(parents=True, exist_ok=True)
    config, address = directory / "config.toml", directory / "sock"
    config.write_text(_CONFIGURATION.format(directory=directory))
    places = ["--root", f"{directory}/root", "--state", f"{directory}/state", "--address", str(address)]
    command = [str(program("containerd")), "--config", str(config), *places]
    server = Server(command, env=clean_environment(directory / "home"), log=directory / "log")
    try:
        wait_until(lambda: _accepts(address), "containerd's socket", server=server)
    except BaseException:
        server.stop()
        raise
    return server, address


def end_tasks(address: Path, namespace: str, env: Mapping[str, str]) -> None:
    """Kill every container of a namespace: each has a shim that outlives containerd and its clients."""
    ctr = [str(program("ctr")), "--address", str(address), "--namespace", namespace, "tasks"]
    for task in run([*ctr, "list", "--quiet"], env=env).check().output.split():
        run([*ctr, "delete", "--force", task], env=env)


class Containerd(Daemon):
    """A containerd with ctr; credentials are a user and a password, None asks anonymously."""

    def _run(self, stack: ExitStack) -> Server:
        server, self._address = start_containerd(self._directory / "c")
        stack.callback(server.stop)
        return server

    def import_layout(self, layout: Path, reference: str) -> Finished:
        """Take the image of an OCI layout into the store under the name `reference`."""
        return self._image("import", "--no-unpack", "-", stdin=layout_as_tar(layout, reference))

    def pull(self, reference: str, credentials: tuple[str, str] | None = None, *, hosts: Path | None = None) -> Finished:
        """Pull an image over plain HTTP, or as the files HOST/hosts.toml in the directory `hosts` say."""
        # The snapshotter `native` works on every file system.
        return self._image("pull", "--snapshotter", "native", *_access(credentials, hosts), reference)

    def push(self, reference: str, credentials: tuple[str, str] | None = None) -> Finished:
        """Push an image over plain HTTP."""
        return self._image("push", *_access(credentials), reference)

    def tag(self, source: str, target: str) -> Finished:
        """Give an image a second name."""
        return self._image("tag", source, target)

    def remove_image(self, reference: str) -> Finished:
        """Forget an image and, before returning, what only it used: the next pull fetches all of it."""
        return self._image("remove", "--sync", reference)

    def _image(self, *words: str, stdin: bytes | None = None) -> Finished:
        env = clean_environment(self._directory / "home")
        return run([program("ctr"), "--address", self._address, "image", *words], env=env, stdin=stdin)


def _access(credentials: tuple[str, str] | None, hosts: Path | None = None) -> list[str]:
    way = ["--plain-http"] if hosts is None else ["--hosts-dir", str(hosts)]
    return way if credentials is None else [*way, "--user", ":".join(credentials)]


def _accepts(address: Path) -> bool:
    with suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
        probe.connect(str(address))
        return True
    return False
