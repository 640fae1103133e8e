"""A stand-in for `nginx:stable`: Debian's nginx, started as the public image starts its own."""

from pathlib import Path

from tests.e2e.peers.availability import program
from tests.e2e.peers.docker_engine import DockerClient

from .image_tree import ImageTree

REFERENCE = "nginx:stable"

# The public image's entrypoint prepares what its own configuration needs, and then does the same.
_ENTRYPOINT = '#!/bin/sh\nexec "$@"\n'
_CHANGES = (
    'ENTRYPOINT ["/docker-entrypoint.sh"]',
    'CMD ["nginx", "-g", "daemon off;"]',
    "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "EXPOSE 80",
)


def import_nginx_image(docker: DockerClient, directory: Path) -> None:
    """Make the image; the archive stays in `directory`."""
    archive = directory / "nginx.tar"
    nginx = program("nginx")
    with ImageTree(archive) as tree:
        tree.add_basics()
        tree.add_file("/usr/sbin/nginx", nginx)
        tree.add_libraries_of([nginx])
        tree.add_link("/var/log/nginx/access.log", "/dev/stdout")
        tree.add_link("/var/log/nginx/error.log", "/dev/stderr")
        tree.add_text("/docker-entrypoint.sh", _ENTRYPOINT, mode=0o755)
    docker.import_archive(REFERENCE, archive, _CHANGES)
