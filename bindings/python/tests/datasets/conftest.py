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
def command(capsys, monkeypatch):
    """Runs the command `boxgrad` in this process: its exit status, and what it printed to both streams."""
    from boxgrad import cli
    from rich.console import Console

    monkeypatch.setattr(cli, "out", Console(width=140))
    monkeypatch.setattr(cli, "err", Console(stderr=True, width=140))

    def run(*words):
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.app([str(word) for word in words], prog_name="boxgrad")
        return (ended.value.code, *capsys.readouterr())

    return run


@pytest.fixture
def command_json(command):
    def run(*words):
        status, printed, _ = command(*words, "--json")
        return status, json.loads(printed)

    return run
