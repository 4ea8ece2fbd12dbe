"""What depends on what, dataset by dataset, and what becomes of a task whose input is not there.

A macro-task is one node for every orchestrator; Dagster's assets are finer. So the steps inside a
macro-task are followed to find which datasets an output was really made from.
"""

from __future__ import annotations

from synaflow_core.contract import Contract
from synaflow_export.plan.model import MacroTask, Plan


class Lineage:
    """The lineage of the datasets of one plan."""

    def __init__(self, plan: Plan, contract: Contract) -> None:
        self._plan = plan
        self._contract = contract
        self._before = {
            step: [dep for dep, kind in kinds.items() if kind == "step"]
            for step, kinds in contract.producers().items()
        }

    def made_from(self, task: MacroTask) -> dict[str, tuple[str, ...]]:
        """Output -> the datasets that it was made from, in the order of inputs and outputs.

        What lies behind another output of the same macro-task is that output's. Inputs that no
        output was made from, because only a side effect reads them, are added to the last one.
        """
        named = {entry.producer: entry.dataset for entry in task.inputs}
        named |= {out.step: out.dataset for out in task.outputs}
        found = {
            out.dataset: self._nearest(out.step, named, set(task.steps)) for out in task.outputs
        }
        if found:
            unread = {entry.dataset for entry in task.inputs}.difference(*found.values())
            found[task.outputs[-1].dataset] |= unread
        return {
            dataset: tuple(name for name in named.values() if name in reached)
            for dataset, reached in found.items()
        }

    def skippable(self) -> frozenset[str]:
        """The datasets whose absence lets Dagster skip whoever reads them.

        Under ``OnError.CONTINUE`` a step may give nothing, and only what needs it is skipped.
        Dagster skips whole tasks. That is the same where every step of a reading task needs the
        dataset, nobody observes these steps (observers are told what is skipped), and the same
        holds for what that task would have written. Elsewhere the task has to run and be told.
        """
        found: set[str] = set()
        readers = {dataset.name: dataset.consumers for dataset in self._plan.datasets}
        for task in reversed(self._plan.macro_tasks):
            for out in task.outputs:
                reading = map(self._plan.task, readers[out.dataset])
                if all(self._may_be_skipped(reader, out.step, found) for reader in reading):
                    found.add(out.dataset)
        return frozenset(found)

    def _nearest(self, step: str, named: dict[str, str], inside: set[str]) -> set[str]:
        """The datasets that are met first on every way back from a step."""
        reached: set[str] = set()
        pending = list(self._before[step])
        seen = set(pending)
        while pending:
            before = pending.pop()
            if before in named:
                reached.add(named[before])
            elif before in inside:
                further = [name for name in self._before[before] if name not in seen]
                seen.update(further)
                pending += further
        return reached

    def _may_be_skipped(self, reader: MacroTask, lacking: str, skippable: set[str]) -> bool:
        without = {lacking}
        for step in reader.steps:  # in topological order
            if self._contract.steps[step].observers or without.isdisjoint(self._before[step]):
                return False
            without.add(step)
        return all(out.dataset in skippable for out in reader.outputs)
