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
    app(prog_name="boxgrad")


if __name__ == "__main__":
    main()
