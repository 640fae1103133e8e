"""nginx with a configuration of the test's own."""

from pathlib import Path
from typing import Self

from .availability import program
from .processes import Server, clean_environment, free_port, wait_for_port


class Nginx:
    """An nginx on a free port of 127.0.0.1, which it keeps when it is stopped and started again.

    It runs the file `nginx.conf` in `directory`, which has to listen on that port and to write nowhere but below `directory`.
    """

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self.host = f"127.0.0.1:{self.port}"
        self._directory = directory
        self._log = directory / "nginx.log"
        self._server: Server | None = None

    @property
    def configuration(self) -> Path:
        """The file that is read at the next start; includes without a `/` at their beginning are looked for beside it."""
        return self._directory / "nginx.conf"

    def start(self) -> Self:
        """Start nginx and return it once it answers; raise ServerDiedError with its log if it does not."""
        # Master and workers stay in one process group, which `stop` ends.
        places = ["-c", str(self.configuration), "-p", str(self._directory), "-e", "stderr"]
        command = [str(program("nginx")), *places, "-g", "daemon off;"]
        self._server = Server(command, env=clean_environment(self._directory / "home"), log=self._log)
        try:
            wait_for_port("127.0.0.1", self.port, self._server)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End nginx, if it runs."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    def log(self) -> str:
        """Return what nginx has written, over all its starts: errors and, where they go to standard output, requests."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_exc: object) -> None:
        self.stop()
