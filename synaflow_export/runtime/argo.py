"""The worker side of a workflow of Argo: what the container of a macro-task runs.

    python -m synaflow_export.runtime.argo FOLDER MACRO_TASK --run=KEY [--report=FILE]
        [--input=DATASET=REFERENCE]... [--output=DATASET=FILE]... [--param=FIELD=TEXT]...

References come as JSON and are written as JSON, into files that Argo reads. The exit code is 0; 1
when another try may help; 64 when it would only fail again. The store is that of the environment.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from synaflow_core.errors import SynaflowError
from synaflow_export.params.text import param_value
from synaflow_export.runtime.exported import Exported
from synaflow_export.runtime.retry import worth_retrying
from synaflow_export.runtime.running import Place, returned, run_exported

FINAL, PASSING = 64, 1

logger = logging.getLogger("synaflow.argo")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one macro-task; returns the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    given = _parser().parse_args(arguments)
    try:
        _run(given)
    except SynaflowError as error:
        again = worth_retrying(error)
        logger.error("%s%s", error, "" if again else " (not worth a retry)")
        return PASSING if again else FINAL
    return 0


def _run(given: argparse.Namespace) -> None:
    exported = Exported(given.folder)
    schema = exported.contract.params_schema
    fields = schema.get("properties", {})
    place = Place(
        store=None,
        home=Path.home(),
        run_key=given.run,
        logger=logger,
        on_report=lambda report: _write(given.report, report) if given.report else None,
    )
    _, result = run_exported(
        exported,
        given.macro_task,
        place,
        params={
            name: param_value(text, fields.get(name, {}), schema) for name, text in given.param
        },
        inputs={dataset: json.loads(reference) for dataset, reference in given.input},
    )
    for dataset, file in given.output:
        _write(Path(file), returned(result.refs[dataset]))


def _write(file: Path, value: object) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(value), encoding="utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m synaflow_export.runtime.argo")
    parser.add_argument("folder", type=Path)
    parser.add_argument("macro_task")
    parser.add_argument("--run", required=True)
    parser.add_argument("--report", type=Path)
    for option in ("--input", "--output", "--param"):
        parser.add_argument(option, type=_pair, action="append", default=[], metavar="NAME=TEXT")
    return parser


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=TEXT")
    return name, value


if __name__ == "__main__":
    sys.exit(main())
