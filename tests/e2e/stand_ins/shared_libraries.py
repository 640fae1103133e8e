"""Which shared libraries a program needs, and where the loader finds them on this machine."""

import re
from collections.abc import Iterable
from pathlib import Path

from tests.e2e.peers.processes import clean_environment, run

# What programs load only while they run: names of hosts and users, and what binary wheels count on.
_LOADED_LATER = ("libnss_files", "libnss_dns", "libresolv", "libgcc_s", "libstdc++", "libpthread", "libdl", "librt", "libutil")


def shared_libraries(programs: Iterable[Path]) -> set[Path]:
    """Return the libraries that `ldd` names for the programs, with those that are loaded later."""
    # ldd fails when one of the files is linked statically, and names the libraries of the others all the same.
    listed = run(["ldd", *programs], env=clean_environment(Path("/"))).output
    needed = {Path(name) for name in re.findall(r"(/\S+) \(0x", listed)}
    homes = {library.parent for library in needed if library.name.startswith("libc.so")}
    later = {found for home in homes for name in _LOADED_LATER for found in home.glob(f"{name}.so.*")}
    return needed | later
