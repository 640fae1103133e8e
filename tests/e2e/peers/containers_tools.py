"""skopeo and podman, with credentials, storage and caches of a test's own."""

from pathlib import Path

from .availability import program
from .oci_layout import layout_as_tar
from .processes import Finished, clean_environment, run

_PLAIN_HTTP = "--tls-verify=false"


def _prepare(directory: Path) -> tuple[Path, dict[str, str]]:
    """Return an empty file for credentials and the environment of a client that writes below `directory` only."""
    storage, authfile = directory / "storage.conf", directory / "auth.json"
    xdg = {"XDG_RUNTIME_DIR": f"{directory}/run", "XDG_DATA_HOME": f"{directory}/data"}
    # Root's cache of known blobs is the machine's: a push would ask for the right to mount from repositories of other
    # test runs. With another user's number the cache is below XDG_DATA_HOME (containers/image, pkg/blobinfocache).
    rootless = {"_CONTAINERS_ROOTLESS_UID": "1"}
    env = clean_environment(directory / "home", CONTAINERS_STORAGE_CONF=str(storage), **xdg, **rootless)
    (directory / "run").mkdir(mode=0o700, exist_ok=True)
    # vfs works on every file system and mounts nothing.
    roots = f'runroot = "{directory}/runroot"\ngraphroot = "{directory}/graphroot"\n'
    storage.write_text(f'[storage]\ndriver = "vfs"\n{roots}')
    authfile.write_text('{"auths": {}}')
    return authfile, env


class Skopeo:
    """skopeo over plain HTTP. `copy` takes names with a transport, the others `HOST/NAME:TAG`."""

    def __init__(self, directory: Path) -> None:
        self.authfile, self._env = _prepare(directory)

    def login(self, host: str, user: str, password: str) -> Finished:
        """Log in at a registry, the password on standard input."""
        words = ["--username", user, "--password-stdin", _PLAIN_HTTP, host]
        return self._skopeo("login", *words, stdin=password.encode())

    def logout(self, host: str) -> Finished:
        """Forget the credentials of a registry."""
        return self._skopeo("logout", host)

    def copy(self, source: str, destination: str, *, every_platform: bool = False) -> Finished:
        """Copy an image, for instance from `oci:DIRECTORY` to `docker://HOST/NAME:TAG`; of an index one platform's, or all."""
        words = ["--src-tls-verify=false", "--dest-tls-verify=false", *(["--all"] if every_platform else [])]
        return self._skopeo("copy", *words, source, destination)

    def inspect(self, reference: str, *, tags: bool = True) -> Finished:
        """Describe an image; without `tags` no list of tags is asked for."""
        return self._skopeo("inspect", _PLAIN_HTTP, *([] if tags else ["--no-tags"]), f"docker://{reference}")

    def list_tags(self, repository: str) -> Finished:
        """List the tags of `HOST/NAME`."""
        return self._skopeo("list-tags", _PLAIN_HTTP, f"docker://{repository}")

    def delete(self, reference: str) -> Finished:
        """Delete the manifest that a tag names."""
        return self._skopeo("delete", _PLAIN_HTTP, f"docker://{reference}")

    def _skopeo(self, command: str, *words: str, stdin: bytes | None = None) -> Finished:
        line = [str(program("skopeo")), "--insecure-policy", command, "--authfile", str(self.authfile), *words]
        return run(line, env=self._env, stdin=stdin)


class Podman:
    """podman over plain HTTP, with images of its own."""

    def __init__(self, directory: Path) -> None:
        self.authfile, self._env = _prepare(directory)
        self._state = ["--tmpdir", str(directory / "tmp"), "--events-backend", "none"]

    def login(self, host: str, user: str, password: str) -> Finished:
        """Log in at a registry, the password on standard input."""
        words = ["--username", user, "--password-stdin", _PLAIN_HTTP, *self._credentials, host]
        return self.podman("login", *words, stdin=password.encode())

    def logout(self, host: str) -> Finished:
        """Forget the credentials of a registry."""
        return self.podman("logout", *self._credentials, host)

    def import_layout(self, layout: Path, reference: str) -> Finished:
        """Take the image of an OCI layout into the store under the name `reference`."""
        return self.podman("load", stdin=layout_as_tar(layout, reference))

    def tag(self, source: str, target: str) -> Finished:
        """Give an image a second name."""
        return self.podman("tag", source, target)

    def push(self, reference: str) -> Finished:
        """Push an image."""
        return self.podman("push", _PLAIN_HTTP, *self._credentials, reference)

    def pull(self, reference: str) -> Finished:
        """Pull an image."""
        return self.podman("pull", _PLAIN_HTTP, *self._credentials, reference)

    def build(self, reference: str, context: Path) -> Finished:
        """Build an image from a directory with a Dockerfile that runs nothing."""
        return self.podman("build", _PLAIN_HTTP, *self._credentials, "--network", "none", "--tag", reference, str(context))

    def image_id(self, reference: str) -> str:
        """Give the digest of an image's configuration."""
        return f"sha256:{self.podman('image', 'inspect', '--format', '{{.Id}}', reference).check().output.strip()}"

    def remove_image(self, *references: str) -> Finished:
        """Remove images by name; the last name takes the layers with it."""
        return self.podman("rmi", *references)

    def podman(self, *words: str, stdin: bytes | None = None) -> Finished:
        """Run any other podman command."""
        return run([program("podman"), *self._state, *words], env=self._env, stdin=stdin)

    @property
    def _credentials(self) -> list[str]:
        return ["--authfile", str(self.authfile)]
