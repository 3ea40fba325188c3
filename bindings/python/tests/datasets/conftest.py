"""What the tests of data sets share."""

import json
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))
sys.path.append(str(Path(__file__).parents[1]))

REPOSITORY = Path(__file__).resolve().parents[4]


@pytest.fixture
def shared():
    """The data beside the checkout."""
    path = REPOSITORY.parent / "shared" / "data"
    if not path.exists():
        pytest.skip("skipped: no shared data beside the checkout")
    return path


@pytest.fixture
def command(capfd):
    """Runs the command `boxgrad` in this process: its exit status, and what it printed to both streams."""
    from boxgrad import cli
    from rich.console import Console
    from typer.testing import CliRunner

    cli.out, cli.err = Console(width=140), Console(stderr=True, width=140)

    def run(*words):
        result = CliRunner().invoke(cli.app, [str(word) for word in words])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, result.stdout, result.stderr

    return run


@pytest.fixture
def command_json(command):
    def run(*words):
        status, printed, _ = command(*words, "--json")
        return status, json.loads(printed)

    return run
