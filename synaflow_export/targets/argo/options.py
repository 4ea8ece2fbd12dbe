"""What can be chosen when a pipeline is exported to Argo Workflows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from synaflow_core.errors import Problem
from synaflow_export.options import checks
from synaflow_export.options.common import CommonOptions
from synaflow_export.options.model import option

_NAME = checks.matching(
    r"[a-z0-9]([-a-z0-9]{0,50}[a-z0-9])?",
    "1 to 52 lower-case letters, digits or '-', as Kubernetes wants names",
    "for example orders-daily",
)
_QUANTITY = checks.matching(
    r"\d+(\.\d+)?(m|k|Ki|M|Mi|G|Gi|T|Ti)?", "a quantity of Kubernetes", "for example 500m or 2Gi"
)


def _whole(value: object) -> checks.Trouble:
    if isinstance(value, int | float) and not isinstance(value, bool) and value in range(1, 101):
        return None
    return "Argo's factor is a whole number", "2 doubles the delay, 1 changes nothing"


def _one(value: object) -> checks.Trouble:
    if value == 1 and not isinstance(value, bool):
        return None
    return (
        "a CronWorkflow knows 1 or any number",
        "write concurrencyPolicy: Allow into its policies",
    )


@dataclass(frozen=True)
class ArgoOptions(CommonOptions):
    """Options of the Argo target.

    Attributes:
        id: Name of the workflow template; None: the pipeline's name, made legal for Kubernetes.
        retry_backoff: Each delay is this many times the one before it, a whole number.
        store: URL under which datasets are stored; every pod has to reach it.
        image: Container image of the tasks, built from the Dockerfile beside the workflow.
        namespace: Namespace of Kubernetes; None: that of whoever applies the file.
        service_account: Service account of the pods.
        cpu: CPU that the pod of a task asks for, such as ``500m``.
        memory: Memory that the pod of a task asks for and may not exceed, such as ``2Gi``.
        max_active_runs: Scheduled runs that may be active at a time: 1.
    """

    cannot: ClassVar[Mapping[str, str]] = {
        "start_date": "a CronWorkflow begins when it is applied; stop it with stopStrategy",
        "catchup": "Argo makes up for nothing: start missed runs with argo submit --from",
        "pool": "write a semaphore under synchronization: into the policies of the workflow",
        "queue": "write a nodeSelector into the policies of the workflow",
        "window": "run it on a schedule, and give the params with argo submit -p",
        "bind": "give the params with argo submit -p",
    }

    id: str | None = option(None, _NAME)
    retry_backoff: float = option(1.0, _whole, per_task=True)
    image: str | None = option(None, checks.text)
    namespace: str | None = option(None, _NAME)
    service_account: str | None = option(None, checks.text)
    cpu: str | None = option(None, _QUANTITY, per_task=True)
    memory: str | None = option(None, _QUANTITY, per_task=True)
    max_active_runs: int = option(1, _one)

    def problems(self, where: str = "options") -> Iterator[Problem]:
        """Yield what pods could not do with the options."""
        yield from super().problems(where)
        if self.store is None:
            yield Problem(
                self.place("store", where=where),
                "option 'store'",
                "no-store",
                "every task is a pod of its own, and pods share no folder",
                "give a store that all of them reach: --store s3://bucket/synaflow",
            )
