"""Pass 13: colour. All functions of a pipeline are sync, or all are async, and iterate likewise.

The compiler's own hidden steps have no colour. The first step decides which of the two was meant.
"""

from __future__ import annotations

from collections.abc import Iterator

from synaflow_core.compiler.draft import Draft
from synaflow_core.dag import Delivery, Edge, Node
from synaflow_core.errors import Problem
from synaflow_core.hints import Kind, Shape, shape_of, type_name, union_members


def check_colour(draft: Draft) -> Draft:
    """Check that functions and iterators are of one colour."""
    judged = [node for node in draft.nodes.values() if not node.hidden]
    if not judged:
        return draft
    first = judged[0]
    problems = [
        _mixed(draft, first, node)
        for node in draft.nodes.values()
        if node.is_async is not first.is_async and not (node.hidden and not node.is_async)
    ]
    if not problems:
        for node in judged:
            problems.extend(_iteration(draft, node, first.is_async))
    return draft.with_problems(problems)


def _mixed(draft: Draft, first: Node, node: Node) -> Problem:
    colour, other = ("async", "sync") if node.is_async else ("sync", "async")
    place = f" at {first.where}" if first.where else ""
    return Problem(
        node.where or draft.pipeline_place,
        f"step '{node.name}'",
        "mixed-colour",
        f"expected {_article(other)} function like step '{first.name}'{place}, got "
        f"{_article(colour)} one: a pipeline is either sync or async",
        f"write it as '{'async def' if other == 'async' else 'def'}', or put the "
        f"{colour} steps into a pipeline of their own",
    )


def _article(colour: str) -> str:
    return f"an {colour}" if colour == "async" else f"a {colour}"


def _iteration(draft: Draft, node: Node, pipeline_is_async: bool) -> Iterator[Problem]:
    for edge in node.edges:
        if edge.delivery is not Delivery.STREAM:
            continue
        asks_async = _asks_async(edge)
        if asks_async is None or asks_async is pipeline_is_async:
            continue
        if pipeline_is_async and not edge.streaming:
            continue  # a list is in memory: it can be walked through either way
        item = type_name(_streams(edge)[0].item)
        wanted = "AsyncIterator" if pipeline_is_async else "Iterator"
        yield Problem(
            node.where or draft.pipeline_place,
            f"step '{node.name}', parameter '{edge.parameter}'",
            "iteration-colour",
            f"expected {_article('async' if pipeline_is_async else 'sync')} iterator, because the "
            f"pipeline is {'async' if pipeline_is_async else 'sync'}, got "
            f"{_article('async' if asks_async else 'sync')} one",
            f"annotate it {wanted}[{item}]",
        )


def _streams(edge: Edge) -> list[Shape]:
    shapes = [shape_of(member) for member in union_members(edge.annotation)]
    return [shape for shape in shapes if shape.kind is Kind.STREAM]


def _asks_async(edge: Edge) -> bool | None:
    streams = _streams(edge)
    return streams[0].is_async if streams else None
