"""`registry-auth database`."""

from pathlib import Path

from tests.unit.cli.command_line import run


def test_migrate_and_check(environment: Path) -> None:
    """After migrating, which may be done again, the check says that all is well; neither makes keys."""
    said = f"The database {environment}/data/registry-auth.db is up to date.\n"
    assert [run("database", verb).stdout for verb in ("migrate", "migrate", "check")] == [said] * 3
    assert not (environment / "keys").exists()
