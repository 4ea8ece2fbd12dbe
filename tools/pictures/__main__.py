"""Take the pictures of the documentation: ``python -m tools.pictures [airflow prefect ...]``.

Exports pipelines, starts the real orchestrators in temporary folders, runs a pipeline on each and
takes pictures of what their users see. Whoever runs it looks at the pictures afterwards: that is
what it is for. Needs Chromium and the extra ``pictures``.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from examples.web_logs.lookup_server import LookupServer
from tools.pictures import on_airflow, on_dagster, on_html, on_prefect
from tools.pictures.browser import MissingError, browser
from tools.pictures.inputs import ROOT, Inputs

OF = {
    "html": on_html.take,
    "airflow": on_airflow.take,
    "prefect": on_prefect.take,
    "dagster": on_dagster.take,
}


def main(arguments: list[str] | None = None) -> int:
    """Take them; 2 when something that is needed is not installed."""
    parser = argparse.ArgumentParser(description="Take the pictures of the documentation.")
    parser.add_argument("of", nargs="*", help=f"of what, all when empty: {', '.join(OF)}")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "pictures")
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.of) - set(OF))
    if unknown:
        parser.error(f"not one of {', '.join(OF)}: {', '.join(unknown)}")
    try:
        with (
            browser(options.out) as window,
            tempfile.TemporaryDirectory(prefix="synaflow-pictures-") as work,
            LookupServer() as lookups,
        ):
            for name in options.of or OF:
                print(name, flush=True)
                OF[name](window, Inputs(Path(work), lookups.url))
    except MissingError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
