"""A private Docker daemon and the docker command line client."""

import base64
import json
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from pathlib import Path

from .availability import find, program
from .bridge import private_bridge
from .busybox_image import busybox_tree
from .containerd import end_tasks, start_containerd
from .daemon import Daemon
from .docker_api import answers, remove_containers
from .processes import Finished, Server, clean_environment, run, wait_until

# The network goes with the last process in it.
_OWN_NETWORK = """\
ip link set lo up && ip link add ra0 type bridge && ip address add 10.99.0.1/24 dev ra0 && ip link set ra0 up && exec "$@"
"""


class DockerEngine(Daemon):
    """A dockerd that shares nothing with another one: directories, socket, containerd and bridge are its own.

    A registry on loopback needs no TLS: dockerd takes 127.0.0.0/8 as insecure by itself. With `own_network` even
    loopback is the daemon's own: containers may publish any port, and only the daemon and they can reach it.
    """

    def __init__(self, *, own_network: bool = False) -> None:
        super().__init__()
        self._own_network = own_network

    def _run(self, stack: ExitStack) -> Server:
        self.socket = self._directory / "docker.sock"
        stack.callback(_unmount_below, self._directory)
        bridge = "ra0" if self._own_network else stack.enter_context(private_bridge(self._directory / "home"))
        # dockerd would join a containerd that the system already runs.
        containerd, address = start_containerd(self._directory / "c")
        stack.callback(containerd.stop)
        stack.callback(end_tasks, address, "moby", clean_environment(self._directory / "home"))
        server = self._start_daemon(bridge, address)
        stack.callback(self._stop_daemon, server)
        wait_until(lambda: answers(self.socket), "dockerd's socket", timeout=30, server=server)
        return server

    def _start_daemon(self, bridge: str, containerd: Path) -> Server:
        config = self._directory / "daemon.json"  # the machine's own file may contradict these options
        config.write_text("{}")
        places = ["--data-root", "data", "--exec-root", "exec", "--pidfile", "pid"]
        places[1::2] = [str(self._directory / name) for name in places[1::2]]
        network = ["--bridge", bridge, "--iptables=false", "--ip6tables=false", "--ip-forward=false"]
        listen = ["--host", f"unix://{self.socket}", "--containerd", str(containerd), "--config-file", str(config)]
        env = clean_environment(self._directory / "home")
        # Mounts stay shared, which `ip netns exec` would change: containerd has to see what dockerd mounts.
        inside = ["unshare", "--net", "sh", "-c", _OWN_NETWORK, "sh"] if self._own_network else []
        return Server([*inside, program("dockerd"), *places, *network, *listen], env=env, log=self._directory / "dockerd.log")

    def _stop_daemon(self, server: Server) -> None:
        if server.alive:
            with suppress(OSError, ValueError):
                remove_containers(self.socket)
        server.stop(grace=20)


class DockerClient:
    """The docker command line, with a configuration of its own; `cli` is Debian's unless another is given."""

    def __init__(self, engine: DockerEngine, config_dir: Path, cli: Path | None = None) -> None:
        self._cli = cli or program("docker")
        self._config = config_dir / "config.json"
        places = {"DOCKER_HOST": f"unix://{engine.socket}", "DOCKER_CONFIG": str(config_dir)}
        self._env = clean_environment(config_dir, **places)

    @property
    def env(self) -> dict[str, str]:
        """The environment of other programs that are to use the same daemon and configuration; there `docker` is this one."""
        return {**self._env, "PATH": f"{self._cli.parent}:{self._env['PATH']}"}

    def login(self, host: str, user: str, password: str) -> Finished:
        """Log in at a registry, the password on standard input."""
        return self.docker("login", "--username", user, "--password-stdin", host, stdin=password.encode())

    def remember(self, host: str, user: str, password: str) -> None:
        """Write credentials to the configuration as a login does, without asking the registry whether they are good."""
        encoded = base64.b64encode(f"{user}:{password}".encode()).decode()
        self._config.write_text(json.dumps({"auths": {host: {"auth": encoded}}}))

    def remembers(self, host: str) -> bool:
        """Say whether the configuration holds credentials for the registry."""
        return self._config.exists() and host in json.loads(self._config.read_text()).get("auths", {})

    def logout(self, host: str) -> Finished:
        """Forget the credentials of a registry."""
        return self.docker("logout", host)

    def import_image(self, reference: str, marker: str) -> Finished:
        """Make a busybox image of one layer; its file /marker makes the layer differ from other images'."""
        return self.docker("import", "--change", 'CMD ["/bin/sh"]', "-", reference, stdin=busybox_tree(marker))

    def import_archive(self, reference: str, archive: Path, instructions: Iterable[str]) -> None:
        """Make an image of a file tree and instructions of a Dockerfile."""
        changes = [word for instruction in instructions for word in ("--change", instruction)]
        self.docker("import", *changes, str(archive), reference).check()

    def tag(self, source: str, target: str) -> Finished:
        """Give an image a second name."""
        return self.docker("tag", source, target)

    def push(self, reference: str) -> Finished:
        """Push an image."""
        return self.docker("push", reference)

    def pull(self, reference: str) -> Finished:
        """Pull an image; a layer that another local image has is not fetched."""
        return self.docker("pull", reference)

    def build(self, reference: str, dockerfile: str, *, buildkit: bool) -> Finished:
        """Build an image, without files and without network, with the legacy builder or with BuildKit."""
        words = ["build", "--network", "none", "--tag", reference, "-"]
        env = {**self._env, "DOCKER_BUILDKIT": str(int(buildkit))}
        return run([self._cli, *words], env=env, stdin=dockerfile.encode(), timeout=120)

    def forget_builds(self) -> Finished:
        """Forget what BuildKit keeps for the next build: the next one fetches its base again."""
        return self.docker("builder", "prune", "--all", "--force")

    def image_id(self, reference: str) -> str:
        """Give the digest of an image's configuration."""
        return self.docker("image", "inspect", "--format", "{{.Id}}", reference).check().output.strip()

    def remove_image(self, *references: str) -> Finished:
        """Remove images by name."""
        return self.docker("rmi", *references)

    def run(self, reference: str, *args: str) -> Finished:
        """Run a command in a new container without network; the container is removed afterwards."""
        return self.docker("run", "--rm", "--network", "none", reference, *args)

    def docker(self, *words: str, stdin: bytes | None = None) -> Finished:
        """Run any other docker command."""
        return run([self._cli, *words], env=self._env, stdin=stdin, timeout=120)


def docker_clis() -> tuple[Path, ...]:
    """Return the docker command line clients of this machine, Debian's first, as parameters of a test."""
    found = (find("docker"), Path("/usr/local/bin/docker"))
    return tuple(dict.fromkeys(cli for cli in found if cli is not None and cli.exists()))


def _unmount_below(directory: Path) -> None:
    """Detach what a killed daemon left mounted, the innermost first."""
    points = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for point in reversed([point for point in points if point.startswith(f"{directory}/")]):
        run(["umount", "--lazy", point], env=clean_environment(directory / "home"))
