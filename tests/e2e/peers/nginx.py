"""nginx with a configuration of the test's own."""

from pathlib import Path

from .availability import program
from .port_server import PortServer
from .processes import Command


class Nginx(PortServer):
    """An nginx that runs the file `nginx.conf` in `directory`, which has to listen on its port and to write only below `directory`."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, "nginx.log")

    @property
    def configuration(self) -> Path:
        """The file that is read at the next start; includes without a `/` at their beginning are looked for beside it."""
        return self._directory / "nginx.conf"

    def _command(self) -> Command:
        places = ["-c", str(self.configuration), "-p", str(self._directory), "-e", "stderr"]
        return [str(program("nginx")), *places, "-g", "daemon off;"]  # master and workers stay in one process group
