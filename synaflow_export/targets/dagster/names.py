"""What things are called in Dagster: keys and groups of assets, names of ops, of resources.

The key of a dataset says where it comes from: pipeline, included pipelines, dataset. Names of ops,
which the log shows, must be unique among all pipelines of one code location, so they begin with
the pipeline's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from synaflow_core.contract import Contract
from synaflow_export.plan.model import MacroTask, Plan
from synaflow_export.text.pyname import NameAllocator, PyName
from synaflow_export.text.wires import Wires

Key = tuple[str, ...]

_WORDS = "context conf config meta arg_dict input_arg_dict output_arg_dict input output"
_REFUSED = frozenset(
    f"{_WORDS} dict int str float bool type".split()
)  # by Dagster, as names of jobs and ops


class PipelineName(PyName):
    """Name of a pipeline in Dagster, of a length that leaves room for what comes behind it."""

    __slots__ = ()
    max_length = 48


class _Part(PyName):
    """One part of an asset's key."""

    __slots__ = ()
    max_length = 60


def pipeline_name(pipeline: str) -> PipelineName:
    """The name that a pipeline gets when none was chosen."""
    return NameAllocator(PipelineName, _REFUSED, "pipeline").allocate(pipeline)


def is_pipeline_name(name: str) -> bool:
    """Whether a chosen name can be used as it is."""
    return PipelineName.is_legal(name) and name not in _REFUSED


class AssetNames:
    """Names of the assets of one pipeline.

    Args:
        name: The pipeline's name in Dagster.
        plan: Its macro-tasks.
        contract: Its steps.
        wires: Names of the functions in the file.
    """

    def __init__(self, name: str, plan: Plan, contract: Contract, wires: Wires) -> None:
        self.name = name
        self._contract = contract
        parts = NameAllocator(_Part, fallback="dataset")
        datasets = [out.dataset for task in plan.macro_tasks for out in task.outputs]
        self._parts = parts.allocate_all(datasets)
        self._keys = {
            dataset: self._key(dataset, self._parts[dataset], self._scope(step))
            for dataset, step in _producers(plan)
        }
        sinks = [task.name for task in plan.macro_tasks if not task.outputs]
        self._sinks = {
            task: (name, part) for task, part in parts.allocate_all(sinks, "sink").items()
        }
        fixed = {"__".join(self.keys(task)[0]) for task in plan.macro_tasks if _is_one(task)}
        self._ops = NameAllocator(_Op, fixed, "task")
        self._functions = wires.functions
        self.ops: Mapping[str, str] = {
            task.name: self._ops.allocate(f"{name}__{wires.functions[task.name]}")
            for task in plan.macro_tasks
            if not _is_one(task)
        }

    def shard_op(self, task: MacroTask, step: str) -> str:
        """Name of one of the ops of a macro-task whose shards are steps."""
        return self._ops.allocate(f"{self.name}__{self._functions[task.name]}_{step}", "shard step")

    def key(self, dataset: str) -> Key:
        """The key of a dataset's asset."""
        return self._keys[dataset]

    def sink(self, task: MacroTask) -> Key:
        """The key of the asset that stands for a macro-task without datasets."""
        return self._sinks[task.name]

    def keys(self, task: MacroTask) -> tuple[Key, ...]:
        """The keys of all assets of a macro-task; the first is what others wait for."""
        made = tuple(self._keys[out.dataset] for out in task.outputs)
        return made or (self.sink(task),)

    def group(self, step: str) -> str:
        """The group of what a step makes: that of the (included) pipeline that it is from."""
        return "/".join((self.name, *(_Part.of(part) for part in self._scope(step))))

    def checks(self, hosts: Iterable[tuple[str, Key]]) -> dict[str, str]:
        """Step -> name of the check of its errors; hosts: step and key of the checked asset."""
        taken: set[str] = set()
        found: dict[str, str] = {}
        for step, key in hosts:
            check = f"{_Part.of(step, 'step')}_errors"
            while (full := "__".join((*key, check))) in taken:
                check += "_"
            taken.add(full)
            found[step] = check
        return found

    def _scope(self, step: str) -> tuple[str, ...]:
        return tuple(self._contract.steps[step].scope)

    def _key(self, dataset: str, part: str, scope: tuple[str, ...]) -> Key:
        prefix = "__".join(scope)
        if part == dataset and prefix and all(map(_Part.is_legal, scope)):
            if dataset == prefix:
                return (self.name, *scope)
            rest = dataset.removeprefix(f"{prefix}__")
            if rest != dataset and _Part.is_legal(rest):
                return (self.name, *scope, rest)
        return (self.name, part)


class _Op(PyName):
    """Name of an op."""

    __slots__ = ()
    max_length = 120


def _is_one(task: MacroTask) -> bool:
    """The macro-task is one asset, whose op Dagster names after its key."""
    return len(task.outputs) <= 1


def _producers(plan: Plan) -> list[tuple[str, str]]:
    return [(out.dataset, out.step) for task in plan.macro_tasks for out in task.outputs]
