"""``python -m synaflow_export``: the same as the ``synaflow-export`` command."""

import sys

from synaflow_export.cli import main

if __name__ == "__main__":
    sys.exit(main())
