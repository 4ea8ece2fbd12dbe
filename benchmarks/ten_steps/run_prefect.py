"""One run on Prefect, in this process, against a server that Prefect starts: HOW HOME ROWS."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from prefect.flows import load_flow_from_entrypoint

from benchmarks.ten_steps.prefect_by_hand import nothing
from benchmarks.ten_steps.timing import report


def main(how: str, home: str, rows: int) -> None:
    """Run the flow once; it must succeed."""
    nothing()
    arguments: dict[str, Any] = {"count": rows}
    file = Path(home) / "out" / "ten_steps_flow.py"
    if how == "by_hand":
        file = Path(__file__).with_name("prefect_by_hand.py")
        arguments["folder"] = home
    ten_steps: Any = load_flow_from_entrypoint(f"{file}:ten_steps")
    report(lambda: ten_steps(**arguments))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
