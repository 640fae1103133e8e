"""`registry-auth database`."""

from pathlib import Path

from tests.unit.cli.command_line import run
from tests.unit.stores import TriedStore


def test_migrate_and_check(bare_environment: Path, bare_store: TriedStore) -> None:
    """After migrating, which may be done again, the check says that all is well; neither makes keys."""
    said = f"The database {bare_store.database.label} is up to date.\n"
    assert [run("database", verb).stdout for verb in ("migrate", "migrate", "check")] == [said] * 3
    assert not (bare_environment / "keys").exists()
