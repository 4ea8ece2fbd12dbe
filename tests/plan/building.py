"""Contracts for the planner's tests, written as the compiler would write them, in few words."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from synaflow_core.contract import Contract, StepContract
from synaflow_export.plan import Plan

DIGEST = "sha256:" + "0" * 64
CONTAINERS = ("list", "set", "frozenset", "tuple", "dict")


def step(
    name: str,
    needs: dict[str, str] | None = None,
    gives: str = "value",
    **more: Any,
) -> tuple[str, StepContract]:
    """One step.

    Args:
        name: Name of the step.
        needs: Producer -> delivery.
        gives: Output kind.
        **more: Other fields; ``codec=None`` makes the output unserialisable.
    """
    delivery = needs or {}
    each = [dep for dep, form in delivery.items() if form == "item"]
    output = {"value": "int", "stream": "Stream[int]", "none": "None"}.get(gives, f"{gives}[int]")
    fields: dict[str, Any] = {
        "deps": dict.fromkeys(delivery, "int"),
        "output": output,
        "fn": name,
        "mode": "each" if each else "all",
        "on_error": "continue",
        "max_in_flight": 1,
        "materializer": "memory_materializer",
        "materialized_deps": [],
        "each_mode_deps": each,
        "fn_ref": f"pipe:{name}",
        "binding": {},
        "delivery": delivery,
        "output_kind": gives,
        "element_schema": {"type": "integer"},
        "codec": "jsonl",
        "force_materialize": False,
        "error_materializer": None,
        "error_threshold_absolute": None,
        "error_threshold_pct": None,
        "pipeline": "p",
        "parent_pipeline": None,
        "scope": [],
        "observers": [],
        "rollback": None,
        "progress_weight": None,
        "macro_task": None,
        "shards": None,
        "doc": f"Do {name}.",
        "code_digest": DIGEST,
        "is_async": False,
        "exported": False,
        "hidden": False,
        "where": "pipe.py:1",
    }
    return name, StepContract(**{**fields, **more})


def future(name: str, needs: dict[str, str] | None = None, **more: Any) -> tuple[str, StepContract]:
    """A step whose value cannot be serialised."""
    return step(name, needs, **{"output": "Future", "codec": None, "element_schema": None, **more})


def contract(*steps: tuple[str, StepContract], params: tuple[str, ...] = ("events",)) -> Contract:
    """A contract of steps in declaration order."""
    return Contract(
        contract_version=1,
        name="p",
        description="",
        engine="sync",
        source=None,
        fingerprint=DIGEST,
        params=dict.fromkeys(params, "list[int]"),
        params_schema={"type": "object", "properties": {}, "required": []},
        resources={},
        steps=dict(steps),
        levels=[],
    )


def groups(plan: Plan) -> dict[str, tuple[str, ...]]:
    """Name of each macro-task -> its steps, in the plan's order."""
    return {task.name: task.steps for task in plan.macro_tasks}


def why(plan: Plan, task: str) -> list[str]:
    """The sentences that say why the steps of a macro-task run together."""
    return [reason.text for reason in plan.task(task).reasons]


@st.composite
def contracts(draw: st.DrawFn, max_steps: int = 14, *, includes: bool = True) -> Contract:
    """Random valid pipelines: any shape, any output, labels, includes, values without codec.

    Half of them are made mostly of EACH steps, which join branches by source item.
    ``includes=False`` leaves out the hidden steps that make the params of an include.
    """
    items = draw(st.booleans())
    rarely = 12 if items else 3
    labels = st.sampled_from([None] * (12 if items else 1) + ["one", "two"])
    scopes = st.sampled_from([[]] * 4 + [["sub"], ["sub", "inner"], ["other"]])
    codecs = st.sampled_from(["jsonl"] * rarely + [None])
    forms = ["item"] * 6 + ["stream", "list"] if items else ["item", "stream", "list", "dict"]
    outputs = ["stream"] * 3 if items else ["value", "stream", "list", "dict", "none"]
    steps: list[tuple[str, StepContract]] = []
    for index in range(draw(st.integers(1, max_steps))):
        earlier = st.integers(max(0, index - (3 if items else 8)), index - 1)
        wanted = st.lists(earlier, min_size=items, max_size=min(index, 3), unique=True)
        producers = draw(wanted) if index else []
        needs = {}
        for producer in producers:
            single = steps[producer][1].output_kind in ("value", "none")
            needs[f"s{producer}"] = "value" if single else draw(st.sampled_from(forms))
        if draw(st.booleans()):
            needs["events"] = draw(st.sampled_from(["param", "item"]))
        each = "item" in needs.values()
        gives = draw(st.sampled_from(["stream"] * 3 + ["none"] if each else outputs))
        streams = gives == "stream"
        steps.append(
            step(
                f"s{index}",
                needs,
                gives,
                codec=draw(codecs),
                force_materialize=streams and draw(st.sampled_from([False] * 4 + [True])),
                on_error=draw(st.sampled_from(["continue", "stop"])),
                macro_task=draw(labels),
                scope=draw(scopes),
                exported=streams and draw(st.booleans()),
                hidden=includes and draw(st.sampled_from([False] * 5 + [True])),
                progress_weight=draw(st.sampled_from([None, 0.0, 0.5])),
            )
        )
    return contract(*steps)
