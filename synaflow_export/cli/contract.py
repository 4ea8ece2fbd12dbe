"""``synaflow-export contract``: the compiled pipeline as one JSON document."""

from __future__ import annotations

from synaflow_export.cli.options import Code, PipelineName, Traceback, examples
from synaflow_export.cli.output import note, write

EXAMPLES = examples(
    ("to export later, without the code", "synaflow-export contract pipe.py > contract.json"),
    ("what a step hands on", "synaflow-export contract pipe.py | jq .steps.clean.output"),
)


def contract(code: Code, pipeline: PipelineName = None, traceback: Traceback = False) -> None:
    """Print a pipeline's contract: JSON that holds all that runners and exporters need."""
    from synaflow_export.loading.load import load

    loaded = load(code, pipeline)
    for text in loaded.notes:
        note(text)
    write(loaded.contract.to_json().decode())
