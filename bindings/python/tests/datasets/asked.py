"""What more than one test asks of a data set: why it is refused, what is found in it, what its files hold."""

import pytest
from boxgrad import datasets


def refusal(path, *args, **options):
    with pytest.raises(datasets.UnreadableError) as error:
        datasets.read(path, *args, **options)
    return str(error.value)


def findings(data):
    """Each finding's problem and values, one problem after the other."""
    found = datasets.inspect(data)
    return [(one.problem, one.values) for name in found.counts for one in found.findings(name)]


def contents(path):
    """The bytes of a file, or of each file below a folder."""
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    return {file.relative_to(path): file.read_bytes() for file in files}
