"""Argo Workflows: a WorkflowTemplate, a CronWorkflow if there is a schedule, and a Dockerfile.

    <id>.yaml         the workflow: a DAG with one container template per macro-task
    <id>-cron.yaml    when it runs by itself
    <id>/             the image of the tasks: Dockerfile, contract.json, plan.json, src/

A pod gets the references of the datasets that it reads as parameters, and writes those that it
makes to files, which Argo makes parameters of the next pods. The worker side is
:mod:`synaflow_export.runtime.argo`. Facts about Argo that shape the files:

* names of templates and tasks have no underscores, names of parameters may;
* a parameter is text: the worker reads it as the params class wants;
* exit code 64 says that another try would fail again; the retry strategy looks at it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import synaflow_export
from synaflow_core.contract import Contract
from synaflow_core.errors import Problem
from synaflow_export.documentation.header import header
from synaflow_export.documentation.steps import declared_steps
from synaflow_export.files.generated import Editable, GeneratedFile, manifest_file
from synaflow_export.options.duration import seconds
from synaflow_export.options.schedule import as_cron
from synaflow_export.params.form import forms
from synaflow_export.plan.model import MacroTask
from synaflow_export.target import Export, Target
from synaflow_export.targets.argo.names import DnsName
from synaflow_export.targets.argo.options import ArgoOptions
from synaflow_export.targets.argo.parameters import Parameter, parameters
from synaflow_export.text.prose import plain
from synaflow_export.text.pyname import NameAllocator, PyComment, TaskId
from synaflow_export.text.render import render
from synaflow_export.text.yaml_text import scalar

_POLICIES = Editable(
    begin="  # --- policies: meant to be edited, kept by the next export",
    end="  # --- end of policies",
)
_REQUIREMENTS = Editable(
    begin="# --- requirements of the pipeline: meant to be edited, kept by the next export",
    end="# --- end of requirements",
)
_IMAGE_FOLDER = "/synaflow"
_OUT_FOLDER = "/tmp/synaflow"


class ArgoTarget(Target[ArgoOptions]):
    """Exports to Argo Workflows."""

    name: ClassVar[str] = "argo"
    title: ClassVar[str] = "Argo Workflows"
    options_type: ClassVar[type[ArgoOptions]] = ArgoOptions
    default_out: ClassVar[str] = "workflows"
    runs_async_pipelines: ClassVar[bool] = True  # the runner starts the event loop
    distributed: ClassVar[bool] = True
    limits_concurrency: ClassVar[bool] = True

    def view(self, export: Export[ArgoOptions]) -> tuple[GeneratedFile, ...]:
        """Make the workflow and the folder of its image; see :meth:`Target.view`."""
        pipeline = export.plan.pipeline
        name = export.options.id or DnsName.of(pipeline, "pipeline")
        self.refuse(export, more=_braces(export))
        workflow = _WorkflowView.of(export, name)
        values = {"workflow": workflow}
        text = render("argo/workflow.yaml.jinja", values, export.templates)
        image = render("argo/dockerfile.jinja", values, export.templates)
        files = [
            *export.folder_files(name),
            GeneratedFile(f"{name}/Dockerfile", image, editable=_REQUIREMENTS),
            GeneratedFile(f"{name}.yaml", text, editable=_POLICIES),
        ]
        if export.options.schedule is not None:
            cron = render("argo/cron.yaml.jinja", values, export.templates)
            files.append(GeneratedFile(f"{name}-cron.yaml", cron, editable=_POLICIES))
        return (manifest_file(name, self.name, pipeline, name, files), *files)


def _braces(export: Export[ArgoOptions]) -> Iterator[Problem]:
    """Texts that Argo would take for its own: it fills in whatever stands in double braces."""
    texts = {f"macro-task '{task.name}'": task.name for task in export.plan.macro_tasks}
    for field, form in forms(export.contract.params_schema).items():
        texts[f"param '{field}'"] = json.dumps([form.get("default"), *form.get("enum", ())])
    for subject, text in texts.items():
        if "{{" in text:
            message = "Argo fills in what stands in double braces, and would not find it"
            where, hint = export.plan.pipeline, "write it without '{{'"
            yield Problem(where, subject, "double-braces", message, hint)


@dataclass(frozen=True)
class _TaskView:
    """One macro-task: its template, and its place in the DAG. Everything is safe to paste."""

    name: str
    about: str
    owner: str
    waits: str
    inputs: tuple[tuple[str, str], ...]
    outputs: tuple[tuple[str, str], ...]
    arguments: tuple[str, ...]
    image: str
    resources: tuple[str, ...]
    retry: tuple[str, ...]
    timeout: str


@dataclass(frozen=True)
class _WorkflowView:
    """All that the templates paste."""

    header: tuple[PyComment, ...]
    name: str
    title: str
    namespace: str
    tags: str
    policies_begin: str
    policies_end: str
    requirements_begin: str
    requirements_end: str
    service_account: str
    parallelism: int | None
    image: str
    store: str
    params: tuple[Parameter, ...]
    tasks: tuple[_TaskView, ...]
    schedule: str
    timezone: str
    version: str
    folder: str

    @classmethod
    def of(cls, export: Export[ArgoOptions], name: str) -> _WorkflowView:
        plan, contract, options = export.plan, export.contract, export.options
        return cls(
            header=header("argo", "FOLDER", export),
            name=scalar(name),
            title=scalar(plain(f"{plan.pipeline}: {contract.description}".rstrip(": "))),
            namespace=scalar(options.namespace) if options.namespace else "",
            tags=scalar(", ".join(options.tags)),
            policies_begin=_POLICIES.begin,
            policies_end=_POLICIES.end,
            requirements_begin=_REQUIREMENTS.begin,
            requirements_end=_REQUIREMENTS.end,
            service_account=scalar(options.service_account) if options.service_account else "",
            parallelism=options.concurrency,
            image=scalar(options.image or f"{name}:latest"),
            store=scalar(options.store or ""),
            params=parameters(contract),
            tasks=tuple(_tasks(export)),
            schedule=scalar(as_cron(options.schedule)) if options.schedule else "",
            timezone=scalar(options.timezone),
            version=synaflow_export.__version__,
            folder=name,
        )


def _tasks(export: Export[ArgoOptions]) -> Iterator[_TaskView]:
    plan, contract = export.plan, export.contract
    names = NameAllocator(DnsName, {"pipeline"}, "task").allocate_all(
        [task.name for task in plan.macro_tasks]
    )
    refs = NameAllocator(TaskId, {"synaflow-report"}, "dataset").allocate_all(
        [dataset.name for dataset in plan.datasets]
    )
    folder = export.options.id or DnsName.of(plan.pipeline, "pipeline")
    for task in plan.macro_tasks:
        options = export.options.for_task(task.name)
        inputs = tuple(
            (refs[entry.dataset], f"{{{{tasks.{names[producer]}.outputs.parameters.{ref}}}}}")
            for entry in task.inputs
            for producer, ref in [(_producer(export, entry.dataset), refs[entry.dataset])]
        )
        yield _TaskView(
            name=names[task.name],
            about=scalar(_about(task, contract)),
            owner=scalar(plain(options.owner)) if options.owner else "",
            waits=f"[{', '.join(names[other] for other in task.upstream)}]",
            inputs=tuple((ref, scalar(value)) for ref, value in inputs),
            outputs=tuple(
                (refs[out.dataset], scalar(f"{_OUT_FOLDER}/{refs[out.dataset]}"))
                for out in task.outputs
            ),
            arguments=tuple(map(scalar, _arguments(task, contract, folder, refs))),
            image=scalar("{{workflow.parameters.synaflow-image}}"),
            resources=tuple(_resources(options)),
            retry=tuple(_retry(options)),
            timeout=f"{seconds(options.timeout):g}s" if options.timeout is not None else "",
        )


def _producer(export: Export[ArgoOptions], dataset: str) -> str:
    return next(d.producer_task for d in export.plan.datasets if d.name == dataset)


def _about(task: MacroTask, contract: Contract) -> str:
    return plain(f"steps: {', '.join(declared_steps(task, contract))}")


def _arguments(
    task: MacroTask, contract: Contract, folder: str, refs: dict[str, TaskId]
) -> Iterator[str]:
    yield f"{_IMAGE_FOLDER}/{folder}"
    yield task.name
    yield "--run={{workflow.name}}"
    for entry in task.inputs:
        yield f"--input={entry.dataset}={{{{inputs.parameters.{refs[entry.dataset]}}}}}"
    for out in task.outputs:
        yield f"--output={out.dataset}={_OUT_FOLDER}/{refs[out.dataset]}"
    for parameter in parameters(contract):
        yield f"--param={parameter.field}={{{{workflow.parameters.{parameter.name}}}}}"
    yield f"--report={_OUT_FOLDER}/synaflow-report"


def _resources(options: ArgoOptions) -> Iterator[str]:
    requests = {"cpu": options.cpu, "memory": options.memory}
    given = {what: scalar(text) for what, text in requests.items() if text is not None}
    if given:
        yield f"requests: {{{', '.join(f'{what}: {text}' for what, text in given.items())}}}"
    if "memory" in given:
        yield f"limits: {{memory: {given['memory']}}}"


def _retry(options: ArgoOptions) -> Iterator[str]:
    yield f'limit: "{options.retries}"'
    yield "retryPolicy: Always"
    yield "# 64: another try would fail again"
    yield 'expression: "asInt(lastRetry.exitCode) != 64"'
    yield "backoff:"
    yield f'  duration: "{seconds(options.retry_delay):g}"'
    yield f"  factor: {int(options.retry_backoff)}"
