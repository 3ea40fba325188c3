"""`python -m boxgrad`, and the console script."""

from __future__ import annotations

import sys


def main() -> None:
    try:
        from .cli import app
    except ImportError as error:
        if (error.name or "").startswith("boxgrad"):
            raise
        sys.exit(f"the command boxgrad needs {error.name}: pip install 'boxgrad[cli]'")
    try:
        app(prog_name="boxgrad")
    except OSError as error:  # of what is printed; all other errors are sentences already
        print(f"error: the output cannot be written: {error.strerror or error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
