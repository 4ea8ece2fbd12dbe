"""What Dagster is told about a macro-task: materialisations, checks, failures, each with numbers.

The steps inside a macro-task stay visible: a table of what each did is part of every event.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from synaflow_export.runtime.dagster.export import DATASET

if TYPE_CHECKING:
    from synaflow_core.errors import ThresholdExceededException
    from synaflow_core.handoff import DatasetRef
    from synaflow_core.macro.task import MacroResult, MacroSpec

STEP = "synaflow/step"
"""Key of a check's metadata: the step whose errors it counts."""

_DIGITS = 16  # of a digest, as the version of the data


class Report:
    """The counts per inner step of a macro-task."""

    def __init__(self) -> None:
        self._values: Mapping[str, Any] = {"steps": []}
        self.done: float | None = None
        """Share of the run that is done with the macro-task; None where steps have no weights."""

    def keep(self, report: Mapping[str, Any]) -> None:
        """Take the counts, which come also when a step failed."""
        self._values = report

    @property
    def steps(self) -> Sequence[Mapping[str, Any]]:
        """What each step did."""
        found: Sequence[Mapping[str, Any]] = self._values["steps"]
        return found

    def step(self, name: str) -> Mapping[str, Any]:
        """What one step did; nothing, if it never began."""
        nothing = {"status": "skipped", "errors": 0, "ok": 0, "first_error": ""}
        return next((step for step in self.steps if step["name"] == name), nothing)

    def told(self) -> dict[str, Any]:
        """The counts as metadata: a table, and sums."""
        if not self.steps:
            return {}
        return {
            "steps": dg.MetadataValue.table(
                [dg.TableRecord(_row(step)) for step in self.steps],
                schema=dg.TableSchema(_COLUMNS),
            ),
            "errors": sum(step["errors"] for step in self.steps),
            "seconds": float(self._values["duration"]),
            **({} if self.done is None else {"progress of the run": round(self.done, 6)}),
        }


class Results:
    """Tells Dagster what became of the assets of one step of a run.

    Args:
        context: Dagster's context of the running step.
        report: Of the macro-task.
    """

    def __init__(self, context: dg.AssetExecutionContext, report: Report) -> None:
        self._context = context
        self._assets = context.assets_def
        self._report = report

    def produced(self, spec: MacroSpec, result: MacroResult) -> Iterator[Any]:
        """Yield the events of a macro-task that did not fail."""
        for check in self._assets.check_specs:
            yield self._counted(check)
        if not spec.outputs:
            yield from self._effect()
        keys = {
            asset.metadata[DATASET]: asset.key
            for asset in self._assets.specs
            if DATASET in asset.metadata
        }
        for out in spec.outputs:
            ref, key = result.refs[out.dataset], keys[out.dataset]
            if ref is None:
                yield from self._absent(key)
            else:
                yield dg.MaterializeResult(
                    asset_key=key,
                    value=ref,
                    metadata={**self._report.told(), **facts(ref)},
                    data_version=version(ref),
                )

    def exceeded(self, error: ThresholdExceededException) -> Iterator[dg.AssetCheckResult]:
        """Yield the checks of a macro-task in which too many items of a step failed."""
        for check in self._assets.check_specs:
            yield self._counted(check, failed=check.metadata.get(STEP) == error.step_name)

    def _effect(self) -> Iterator[Any]:
        """The asset of a macro-task without datasets: there when nothing in it failed."""
        (key,) = self._assets.keys
        if all(step["status"] == "ok" for step in self._report.steps):
            yield dg.MaterializeResult(asset_key=key, metadata=self._report.told())
        else:
            self._observe(key)

    def _absent(self, key: dg.AssetKey) -> Iterator[Any]:
        """An asset whose step failed or was skipped under ``OnError.CONTINUE``.

        Where Dagster may skip who needs it, nothing is materialised. Elsewhere the others have to
        be told, and only an output does that.
        """
        self._observe(key)
        if not self._assets.get_asset_spec(key).skippable:
            yield dg.MaterializeResult(
                asset_key=key,
                value=None,
                metadata={**facts(None), **self._report.told()},
                data_version=version(None),
            )

    def _observe(self, key: dg.AssetKey) -> None:
        reasons = [step["reason"] for step in self._report.steps if step["reason"]]
        self._context.log.warning(
            "%s was not produced: %s", key.to_user_string(), "; ".join(reasons)
        )
        self._context.log_event(
            dg.AssetObservation(
                key,
                description="not produced by this run",
                metadata={**facts(None), **self._report.told()},
            )
        )

    def _counted(self, check: dg.AssetCheckSpec, failed: bool = False) -> dg.AssetCheckResult:
        """The result of the check of one step's errors."""
        step = self._report.step(str(check.metadata.get(STEP)))
        whole = step["status"] == "ok" and not step["errors"]
        severity = dg.AssetCheckSeverity.ERROR if failed else dg.AssetCheckSeverity.WARN
        return dg.AssetCheckResult(
            asset_key=check.asset_key,
            check_name=check.name,
            passed=whole and not failed,
            severity=severity,
            metadata={
                "errors": step["errors"],
                "ok": step["ok"],
                **({"first error": step["first_error"]} if step["first_error"] else {}),
                **({} if step["status"] == "ok" else {"status": step["status"]}),
            },
        )


_COLUMNS = [
    dg.TableColumn(name, kind)
    for name, kind in (
        ("step", "string"),
        ("status", "string"),
        ("ok", "int"),
        ("errors", "int"),
        ("skipped", "int"),
        ("seconds", "float"),
        ("remark", "string"),
    )
]


def _row(step: Mapping[str, Any]) -> dict[str, Any]:
    """What one inner step did, as the command line shows it after a run in process."""
    return {
        "step": step["name"],
        **{name: step[name] for name in ("status", "ok", "errors", "skipped")},
        "seconds": step["duration"],
        "remark": step["reason"] or step["first_error"],
    }


def facts(ref: DatasetRef | None) -> dict[str, Any]:
    """A dataset as metadata; None: it was not produced."""
    if ref is None:
        return {"produced": False}
    found: dict[str, Any] = {"dagster/uri": ref.uri, "bytes": ref.bytes}
    if ref.kind == "items":
        found["dagster/row_count"] = ref.count
    return found


def version(ref: DatasetRef | None) -> dg.DataVersion:
    """The version of the data: equal for equal data in equal shards, whichever run wrote it."""
    return dg.DataVersion("none" if ref is None else ref.digest.removeprefix("sha256:")[:_DIGITS])
