"""A stand-in for `python:3.12-slim`: the interpreter that runs the tests, with pip and the wheels of the lock file."""

import importlib.util
import sys
import sysconfig
from pathlib import Path

from tests.e2e.peers.docker_engine import DockerClient

from .image_tree import ImageTree
from .wheels import locked_wheels

REFERENCE = "python:3.12-slim"

# A virtual environment works the same whether the interpreter is Debian's, pyenv's or a container's, wherever that lies.
_HOME = "/opt/python"
_VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"
_PIP = f"#!{_HOME}/bin/python\nimport sys\nfrom pip._internal.cli.main import main\nsys.exit(main())\n"
_NOT_NEEDED = ("test", "idlelib", "tkinter", "turtledemo", "ensurepip", "lib2to3", "site-packages", "dist-packages", "config-*")
_CHANGES = (
    f"ENV PATH={_HOME}/bin:/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8 PIP_NO_INDEX=1 PIP_FIND_LINKS=/wheels",
    'CMD ["python"]',
)


def import_python_image(docker: DockerClient, directory: Path) -> None:
    """Make the image; the archive stays in `directory`."""
    archive = directory / "python.tar"
    with ImageTree(archive) as tree:
        tree.add_basics()
        _add_interpreter(tree)
        _add_environment(tree)
        tree.add_directory("/wheels", locked_wheels())
    docker.import_archive(REFERENCE, archive, _CHANGES)


def _add_interpreter(tree: ImageTree) -> None:
    """Add the interpreter and its standard library at the places where they lie here."""
    interpreter, library = _interpreter(), Path(sysconfig.get_path("stdlib"))
    tree.add_file(str(interpreter), interpreter)
    tree.add_directory(str(library), library, leave_out=_NOT_NEEDED)
    extensions = library.glob("lib-dynload/*.so")
    tree.add_libraries_of([interpreter, *(path for path in extensions if "_tkinter" not in path.name)])


def _add_environment(tree: ImageTree) -> None:
    """Add a virtual environment with pip in it."""
    tree.add_text(f"{_HOME}/pyvenv.cfg", f"home = {_interpreter().parent}\ninclude-system-site-packages = false\n")
    for name in ("python", "python3"):
        tree.add_link(f"{_HOME}/bin/{name}", str(_interpreter()))
    tree.add_text(f"{_HOME}/bin/pip", _PIP, mode=0o755)
    pip = importlib.util.find_spec("pip")
    assert pip is not None
    assert pip.origin is not None
    tree.add_directory(f"{_HOME}/lib/{_VERSION}/site-packages/pip", Path(pip.origin).parent)


def _interpreter() -> Path:
    """Return the program behind the tests' virtual environment."""
    return Path(sys.executable).resolve()
