"""The compiler: a pipeline as declared goes in, a frozen, valid Dag comes out.

``PASSES`` is the whole of it: each pass is a function ``Draft -> Draft`` in a module of its own,
and knows only :mod:`synaflow_core.compiler.draft`. A pass that finds problems ends the
compilation: all the problems of that pass are raised together, because what a later pass would
find could be their consequence. The first three look at what was declared, each at another side
of it, so theirs are raised together too.
"""

from __future__ import annotations

from collections.abc import Callable

from synaflow_core.compiler.bind import bind
from synaflow_core.compiler.colour import check_colour
from synaflow_core.compiler.draft import Draft
from synaflow_core.compiler.expand import expand
from synaflow_core.compiler.functions import read_functions
from synaflow_core.compiler.handlers import check_handlers
from synaflow_core.compiler.lockstep import check_lockstep
from synaflow_core.compiler.materialize import materialize
from synaflow_core.compiler.modes import check_modes
from synaflow_core.compiler.names import check_names
from synaflow_core.compiler.options import check_options
from synaflow_core.compiler.params import read_params
from synaflow_core.compiler.resources import type_resources
from synaflow_core.compiler.rollbacks import bind_rollbacks
from synaflow_core.compiler.topology import check_ends
from synaflow_core.compiler.types import resolve_types
from synaflow_core.dag import Dag
from synaflow_core.definition import PipelineDef
from synaflow_core.errors import DefinitionError

PASSES: tuple[Callable[[Draft], Draft], ...] = (
    read_params,
    check_names,
    check_options,
    read_functions,
    type_resources,
    bind,
    resolve_types,
    check_modes,
    bind_rollbacks,
    expand,
    materialize,
    check_ends,
    check_colour,
    check_lockstep,
    check_handlers,
)


_MORE_TO_TELL = (read_params, check_names)
"""Passes after which the next one is asked too, whatever they found."""


def build_dag(definition: PipelineDef) -> Dag:
    """Compile a pipeline.

    Raises:
        DefinitionError: All problems of the first pass that found any.
    """
    draft = Draft(definition)
    for compile_pass in PASSES:
        draft = compile_pass(draft)
        if draft.problems and compile_pass not in _MORE_TO_TELL:
            count = len(draft.problems)
            raise DefinitionError(
                f"pipeline '{definition.name}' does not compile "
                f"({count} problem{'s' if count > 1 else ''}):",
                draft.problems,
            )
    return Dag(
        name=definition.name,
        params=draft.params,
        params_type=definition.params,
        steps=draft.nodes,
        resources=draft.merged_resources,
        resource_types=draft.resource_types,
        observers=definition.observers,
        error_materializer=definition.error_materializer,
        description=definition.description,
    )
