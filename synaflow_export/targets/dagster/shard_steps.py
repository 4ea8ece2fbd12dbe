"""A sharded macro-task as steps of Dagster's own: cut, run each shard, join (``--shard-steps``).

By default the shards of a macro-task are processes of one step. As steps they show one by one, are
retried alone, and run wherever the executor puts them; each costs what a step costs. The asset is a
graph of three ops then. Its outputs are always there: the join tells who reads a dataset that no
shard produced.
"""

from __future__ import annotations

from collections.abc import Iterator

from synaflow_export.documentation.steps import task_doc
from synaflow_export.plan.model import MacroTask
from synaflow_export.targets.dagster.functions import FunctionView, Wiring
from synaflow_export.text.prose import docstring_of, sentence
from synaflow_export.text.pylayout import Group, Node, Prose, call, lay_out, value
from synaflow_export.text.pyname import PyLiteral

_CUT, _SHARD, _JOIN = "plan", "shard", "join"


def shard_steps(task: MacroTask, wiring: Wiring) -> Iterator[FunctionView]:
    """Yield the three ops of a sharded macro-task, and the asset that is their graph."""
    yield _cut(task, wiring)
    yield _shard(task, wiring)
    yield _join(task, wiring)
    yield _graph(task, wiring)


def _cut(task: MacroTask, wiring: Wiring) -> FunctionView:
    sliced = _sliced(task)
    run = call(
        "plan_shards", ["context", "EXPORT", value(task.name)], {"inputs": wiring.inputs([sliced])}
    )
    return FunctionView(
        decorator=_op(task, wiring, _CUT, call("dg.DynamicOut", named={"io_manager_key": "IO"})),
        signature=_signature(
            wiring.step(task, _CUT), ["context: dg.OpExecutionContext", wiring.typed(sliced)]
        ),
        doc=docstring_of(["Cut the input into slices; looks at its number of rows only."], depth=1),
        body=(lay_out("yield from ", run, depth=1),),
    )


def _shard(task: MacroTask, wiring: Wiring) -> FunctionView:
    datasets = [entry.dataset for entry in task.inputs]
    run = call(
        "run_shard",
        ["context", "EXPORT", value(task.name), "shard"],
        {"inputs": wiring.inputs(datasets), **wiring.params()},
    )
    arguments = ["context: dg.OpExecutionContext", "shard", *map(wiring.typed, datasets)]
    out = call("dg.Out", named={"io_manager_key": "IO"})
    return FunctionView(
        decorator=_op(task, wiring, _SHARD, out, pooled=True),
        signature=_signature(wiring.step(task, _SHARD), [*arguments, *wiring.typed_params()]),
        doc=task_doc(task, wiring.contract, depth=1),
        body=(lay_out("return ", run, depth=1),),
    )


def _join(task: MacroTask, wiring: Wiring) -> FunctionView:
    run = call("join_shards", ["context", "EXPORT", value(task.name), "parts"])
    out = call("dg.Out", named={"io_manager_key": "IO"})
    outs: Node = out
    if len(task.outputs) > 1:
        rows = ((f"{value(_name(task, wiring, i))}: ", out) for i in range(len(task.outputs)))
        outs = Group("{", "}", tuple(rows))
    return FunctionView(
        decorator=_op(task, wiring, _JOIN, outs),
        signature=_signature(wiring.step(task, _JOIN), ["context: dg.OpExecutionContext", "parts"]),
        doc=docstring_of(["Put the parts together, and judge the sum of the errors."], depth=1),
        body=(lay_out("yield from ", run, depth=1),),
    )


def _graph(task: MacroTask, wiring: Wiring) -> FunctionView:
    parameters = [wiring.wires.parameter(entry.dataset) for entry in task.inputs]
    sliced = wiring.wires.parameter(_sliced(task))
    each = call(wiring.step(task, _SHARD), ["shard", *parameters])
    mapped = call(
        f"{wiring.step(task, _CUT)}({sliced}).map", [PyLiteral(f"lambda shard: {each.flat()}")]
    )
    joined = call(wiring.step(task, _JOIN), ["parts.collect()"])
    body = [lay_out("parts = ", mapped, depth=1)]
    if len(task.outputs) == 1:
        decorator = wiring.shared(task, call("dg.graph_asset", named=_one(task, wiring)))
        body.append(lay_out("return ", joined, depth=1))
    else:
        decorator = call("dg.graph_multi_asset", named=_several(task, wiring))
        names = [_name(task, wiring, index) for index in range(len(task.outputs))]
        rows = ((f"{value(name)}: ", PyLiteral(f"joined.{name}")) for name in names)
        body += [
            lay_out("joined = ", joined, depth=1),
            lay_out("return ", Group("{", "}", tuple(rows)), depth=1),
        ]
    return FunctionView(
        decorator=lay_out("@", decorator),
        signature=lay_out("", call(f"def {wiring.wires.functions[task.name]}", parameters), ":"),
        doc=task_doc(task, wiring.contract, depth=1),
        body=tuple(body),
    )


def _one(task: MacroTask, wiring: Wiring) -> dict[str, Node | str]:
    """Arguments of ``@dg.graph_asset``."""
    (out,) = task.outputs
    return {
        "key": value(list(wiring.names.key(out.dataset))),
        **wiring.ins(task),
        "group_name": value(wiring.names.group(out.step)),
        "code_version": wiring.version(task),
        "metadata": call("EXPORT.metadata", [value(out.dataset)]),
    }


def _several(task: MacroTask, wiring: Wiring) -> dict[str, Node | str]:
    """Arguments of ``@dg.graph_multi_asset``."""
    rows = []
    for index, out in enumerate(task.outputs):
        named: dict[str, Node | str] = {
            "key": value(list(wiring.names.key(out.dataset))),
            "group_name": value(wiring.names.group(out.step)),
        }
        if doc := sentence(wiring.contract.steps[out.step].doc):
            named["description"] = Prose(doc)
        named["code_version"] = wiring.version(task)
        named["metadata"] = call("EXPORT.metadata", [value(out.dataset)])
        made = wiring.shared(task, call("dg.AssetOut", named=named))
        rows.append((f"{value(_name(task, wiring, index))}: ", made))
    return {
        "name": value(wiring.names.ops[task.name]),
        "outs": Group("{", "}", tuple(rows)),
        **wiring.ins(task),
    }


def _op(
    task: MacroTask, wiring: Wiring, step: str, out: Node, *, pooled: bool = False
) -> PyLiteral:
    named: dict[str, Node | str] = {
        "name": value(wiring.names.shard_op(task, step)),
        "out": out,
        **wiring.policies(task, pooled=pooled, tags_name="tags"),
    }
    return lay_out("@", call("dg.op", named=named))


def _signature(function: str, arguments: list[str]) -> PyLiteral:
    return lay_out("", call(f"def {function}", arguments), ":")


def _sliced(task: MacroTask) -> str:
    assert task.shards is not None
    return task.shards.dataset


def _name(task: MacroTask, wiring: Wiring, index: int) -> str:
    """Name of an output of the join and of the graph."""
    return wiring.wires.parameter(task.outputs[index].dataset)
