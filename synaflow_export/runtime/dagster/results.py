"""What Dagster is told about a macro-task: materialisations, checks, failures, each with numbers.

The steps inside a macro-task stay visible: a table of what each did is part of every event.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg

from synaflow_export.runtime.dagster.export import DATASET
from synaflow_export.runtime.retry import worth_retrying

if TYPE_CHECKING:
    from synaflow_core.errors import SynaflowError, ThresholdExceededException
    from synaflow_core.handoff import DatasetRef
    from synaflow_core.macro import MacroResult, MacroSpec

STEP = "synaflow/step"
"""Key of a check's metadata: the step whose errors it counts."""

_DIGITS = 16  # of a digest, as the version of the data


class Results:
    """Tells Dagster what became of the assets of one step of a run.

    Args:
        context: Dagster's context of the running step.
    """

    def __init__(self, context: dg.AssetExecutionContext) -> None:
        self._context = context
        self._assets = context.assets_def
        self._report: Mapping[str, Any] = {"steps": []}

    def keep(self, report: Mapping[str, Any]) -> None:
        """Take the counts per inner step, which come also when one of them failed."""
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
                    metadata={**_facts(ref), **self._told()},
                    data_version=dg.DataVersion(ref.digest.removeprefix("sha256:")[:_DIGITS]),
                )

    def exceeded(self, error: ThresholdExceededException) -> Iterator[dg.AssetCheckResult]:
        """Yield the checks of a macro-task in which too many items of a step failed."""
        for check in self._assets.check_specs:
            yield self._counted(check, failed=check.metadata.get(STEP) == error.step_name)

    def failure(self, error: SynaflowError) -> dg.Failure:
        """The failure of a macro-task, in Dagster's terms."""
        again = worth_retrying(error)
        return dg.Failure(
            f"{error}{'' if again else ' (not worth a retry)'}",
            metadata=self._told(),
            allow_retries=again,
        )

    def _effect(self) -> Iterator[Any]:
        """The asset of a macro-task without datasets: there when nothing in it failed."""
        (key,) = self._assets.keys
        if all(step["status"] == "ok" for step in self._report["steps"]):
            yield dg.MaterializeResult(asset_key=key, metadata=self._told())
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
                metadata={"produced": False, **self._told()},
                data_version=dg.DataVersion("none"),
            )

    def _observe(self, key: dg.AssetKey) -> None:
        reasons = [step["reason"] for step in self._report["steps"] if step["reason"]]
        self._context.log.warning(
            "%s was not produced: %s", key.to_user_string(), "; ".join(reasons)
        )
        self._context.log_event(
            dg.AssetObservation(
                key,
                description="not produced by this run",
                metadata={"produced": False, **self._told()},
            )
        )

    def _counted(self, check: dg.AssetCheckSpec, failed: bool = False) -> dg.AssetCheckResult:
        """The result of the check of one step's errors."""
        (step,) = [s for s in self._report["steps"] if s["name"] == check.metadata.get(STEP)] or [
            {"status": "skipped", "errors": 0, "ok": 0, "first_error": ""}
        ]
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

    def _told(self) -> dict[str, Any]:
        """The counts of the inner steps as metadata."""
        steps = self._report["steps"]
        if not steps:
            return {}
        return {
            "steps": dg.MetadataValue.table(
                [dg.TableRecord(_row(step)) for step in steps], schema=dg.TableSchema(_COLUMNS)
            ),
            "errors": sum(step["errors"] for step in steps),
            "seconds": float(self._report["duration"]),
        }


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


def _facts(ref: DatasetRef) -> dict[str, Any]:
    facts: dict[str, Any] = {"dagster/uri": ref.uri, "digest": ref.digest, "bytes": ref.bytes}
    if ref.kind == "items":
        facts["dagster/row_count"] = ref.count
    return facts
