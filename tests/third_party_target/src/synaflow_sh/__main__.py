"""The worker side: runs one macro-task, and keeps the references for those that follow."""

from __future__ import annotations

import json
import logging
import os
import sys
from pathlib import Path

from synaflow_core.errors import SynaflowError
from synaflow_export.runtime.exported import Exported
from synaflow_export.runtime.running import Place, returned, run_exported


def main(folder: str, macro_task: str) -> None:
    """Run a macro-task of the export in ``folder``."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    store, run = os.environ["STORE"], os.environ["RUN"]
    references = Path(folder) / "runs" / f"{run}.json"
    known = json.loads(references.read_text()) if references.exists() else {}
    place = Place(
        store=store,
        home=Path.home(),
        run_key=run,
        logger=logging.getLogger("synaflow.sh"),
        on_report=lambda report: None,  # the log has it
    )
    spec, result = run_exported(
        Exported(Path(folder)),
        macro_task,
        place,
        params=json.loads(os.environ["PARAMS"]),
        inputs=known,
    )
    known |= {out.dataset: returned(result.refs[out.dataset]) for out in spec.outputs}
    references.parent.mkdir(exist_ok=True)
    references.write_text(json.dumps(known, indent=2))


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except SynaflowError as error:
        sys.exit(f"error: {error}")
