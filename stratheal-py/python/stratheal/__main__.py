"""`python -m stratheal`: the `stratheal` program, where it is installed."""

import os
import shutil
import sys


def main() -> None:
    """Becomes the program."""
    program = shutil.which("stratheal")
    if program is None:
        sys.exit("the program `stratheal` is not in PATH: pip install stratheal[cli], best outside of this environment")
    os.execv(program, [program, *sys.argv[1:]])  # noqa: S606


if __name__ == "__main__":
    main()
