"""`python -m archwright`: the same as the command `archwright`."""

import sys

from archwright.cli import main

if __name__ == "__main__":
    sys.exit(main())
