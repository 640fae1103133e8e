"""A stand-in for `registry:2`: Debian's registry, started as the public image starts its own."""

from pathlib import Path

from tests.e2e.peers.availability import program
from tests.e2e.peers.docker_engine import DockerClient

from .image_tree import ImageTree

REFERENCE = "registry:2"

_ENTRYPOINT = """\
#!/bin/sh
set -e
case "$1" in
  *.yml | *.yaml) exec registry serve "$@" ;;
  serve | garbage-collect | help | -*) exec registry "$@" ;;
  *) exec "$@" ;;
esac
"""
_CONFIG = """\
version: 0.1
storage: {filesystem: {rootdirectory: /var/lib/registry}}
http: {addr: ":5000"}
"""
_CHANGES = (
    'ENTRYPOINT ["/entrypoint.sh"]',
    'CMD ["/etc/docker/registry/config.yml"]',
    "ENV PATH=/usr/local/bin:/usr/bin:/bin",
    "EXPOSE 5000",
    "VOLUME /var/lib/registry",
)


def import_registry_image(docker: DockerClient, directory: Path) -> None:
    """Make the image; the archive stays in `directory`."""
    archive = directory / "registry.tar"
    registry = program("docker-registry")
    with ImageTree(archive) as tree:
        tree.add_basics()
        tree.add_file("/bin/registry", registry)
        tree.add_libraries_of([registry])
        tree.add_text("/entrypoint.sh", _ENTRYPOINT, mode=0o755)
        tree.add_text("/etc/docker/registry/config.yml", _CONFIG)
    docker.import_archive(REFERENCE, archive, _CHANGES)
