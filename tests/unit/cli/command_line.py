"""Running commands in this process."""

import json
from typing import Any

from click.testing import CliRunner, Result

from registry_auth.cli import cli


def run(*arguments: str) -> Result:
    """Run a command that succeeds, and give its outcome."""
    result = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result


def run_json(*arguments: str) -> Any:
    """Run a command with `--json`, and give its one document."""
    return json.loads(run(*arguments, "--json").stdout)


def usage_error(*arguments: str) -> str:
    """Run a command line that Click refuses, and give what it says."""
    result = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    return result.stderr
