"""From flags and the settings file to a plan and a target's options; for every command alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from synaflow_export.cli.output import note

if TYPE_CHECKING:
    from synaflow_export.config.layers import Layers
    from synaflow_export.config.lift import TaskSettings
    from synaflow_export.loading.load import Loaded
    from synaflow_export.options.model import TargetOptions
    from synaflow_export.plan import Plan
    from synaflow_export.target import Target

__all__ = ["all_option_types", "chosen_layers", "chosen_options", "options_elsewhere", "planned"]


def chosen_layers(
    loaded: Loaded, target: Target[Any] | None, flags: Mapping[str, Any], env: str | None
) -> Layers:
    """Find the settings file, and put its layers and the flags on top of each other.

    Raises:
        ExportError: If the file is not as it should be.
    """
    from synaflow_export.config.find import find_document
    from synaflow_export.config.layers import layers, unused_pipelines

    document = find_document(loaded.folder)
    types = all_option_types() if document is not None else {}
    if target is not None:
        types[target.name] = target.options_type
    made = layers(loaded.contract.name, target, types, flags, document, env)
    for text in unused_pipelines(made):
        note(text)
    return made


def planned(
    loaded: Loaded, made: Layers, target: Target[Any] | None = None
) -> tuple[Plan, TaskSettings]:
    """Plan a pipeline, and say what holds for single macro-tasks.

    Raises:
        ExportError: If an option makes no sense, or a section does not fit the plan.
    """
    from synaflow_core.errors import ExportError
    from synaflow_export.config.lift import task_settings
    from synaflow_export.plan import make_plan
    from synaflow_export.windows.choice import window_of

    store, window = None, None
    try:
        if target is not None:
            options = chosen_options(target, made, {})
            store, window = getattr(options, "store", None), window_of(options)
        planning = made.planning_of(loaded.contract)
        distributed = target is not None and target.distributed
        plan = make_plan(
            loaded.contract, planning.plan_options(store, window, distributed=distributed)
        )
    except ExportError as error:
        raise ExportError(error.title, [made.placed(p) for p in error.problems]) from error
    return plan, task_settings(made, plan)


def chosen_options(target: Target[Any], made: Layers, tasks: TaskSettings) -> TargetOptions:
    """Build the target's options from the layers.

    Raises:
        ExportError: Naming every value that makes no sense.
    """
    from synaflow_export.config.layers import DEFAULT
    from synaflow_export.options.model import option_names

    names = option_names(target.options_type)
    own = {name: made.own[name] for name in names if made.own[name].where != DEFAULT}
    given = {"": own, **tasks}
    places = {
        (task, name): setting.where
        for task, settings in given.items()
        for name, setting in settings.items()
    }
    values = {
        task: {name: setting.value for name, setting in settings.items()}
        for task, settings in given.items()
    }
    options: TargetOptions = target.make_options({**values.pop(""), "tasks": values}, places)
    return options


def options_elsewhere(target: Target[Any], made: Layers, flags: Mapping[str, Any]) -> TargetOptions:
    """What the same settings file, and those of the flags that it knows, say for another target.

    Raises:
        ExportError: Naming every value that makes no sense.
    """
    from synaflow_export.config.layers import layers
    from synaflow_export.options.model import option_names

    types = all_option_types() if made.document is not None else {target.name: target.options_type}
    names = option_names(target.options_type)
    known = {name: value for name, value in flags.items() if name in names}
    there = layers(made.pipeline, target, types, known, made.document, made.env)
    return chosen_options(target, there, {})


def all_option_types() -> dict[str, type[TargetOptions]]:
    """The options of every target that can be loaded; one that cannot is told when it is used."""
    from synaflow_export.target import get_target, target_names

    found = {}
    for name in target_names():
        try:
            found[name] = get_target(name).options_type
        except Exception as error:
            note(f"target '{name}' cannot be used: {type(error).__name__}: {error}")
    return found
