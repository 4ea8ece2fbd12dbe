"""Pass 12: ends of the graph. A stream that nobody drains, and an export of nothing, are refused.

A terminal EACH step is fine, the engine drains it; a terminal generator would never start.
"""

from __future__ import annotations

from synaflow_core.compiler.draft import Draft
from synaflow_core.dag import Node, OutputKind, Source
from synaflow_core.definition import StepMode
from synaflow_core.errors import Problem


def check_ends(draft: Draft) -> Draft:
    """Check the steps that nothing consumes, and the exported one."""
    consumed = {
        edge.producer
        for node in draft.nodes.values()
        for edge in node.edges
        if edge.source is Source.STEP
    }
    problems = []
    for name, node in draft.nodes.items():
        if node.exported and node.output_kind is OutputKind.NONE:
            problems.append(_exports_nothing(draft, node))
        if name not in consumed and _never_starts(node):
            problems.append(_undrained(draft, node))
    return draft.with_problems(problems)


def _never_starts(node: Node) -> bool:
    return node.lazy and node.mode is StepMode.ALL and not node.exported


def _undrained(draft: Draft, node: Node) -> Problem:
    return Problem(
        node.where or draft.pipeline_place,
        f"step '{node.name}'",
        "terminal-stream",
        "it returns a stream that no step consumes, so it would never run",
        f"consume it in a step, or make it a result: exports='{node.name}' on the pipeline or "
        "force_materialize=True on the step",
    )


def _exports_nothing(draft: Draft, node: Node) -> Problem:
    return Problem(
        node.where or draft.pipeline_place,
        f"step '{node.name}'",
        "exports-nothing",
        "it is the pipeline's exports, but it is annotated '-> None'",
        "let it return something, or export another step",
    )
