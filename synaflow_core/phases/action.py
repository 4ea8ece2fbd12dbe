"""Actions: workflows with params of their own, whose phases are methods that a subclass fills in.

    class Publish(UploadAction[PublishParams]):
        ...

    Publish({"source": "out"}).run()            # here
    publish = Publish.to_pipeline("publish")    # to be exported; params come with each run

Phases read the params from ``context.params``: in a pipeline there is one action for all runs.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, get_args, get_origin

from synaflow_core.errors import DefinitionError, ParamsError, Problem
from synaflow_core.hints import place_of, type_name
from synaflow_core.phases.checks import refused
from synaflow_core.phases.context import BaseStepContext, RuntimeContext
from synaflow_core.phases.methods import check_methods
from synaflow_core.phases.orchestrator import Orchestrator
from synaflow_core.phases.registry import StepRegistry
from synaflow_core.phases.travelling import place_of_class

if TYPE_CHECKING:
    from synaflow_core.pipeline import Pipeline

P = TypeVar("P")


@dataclass
class ActionContext(BaseStepContext, Generic[P]):
    """The context of an action: what every workflow has, and the params of this run."""

    params: P = field(kw_only=True)


class Action(Generic[P]):
    """A workflow with params of the class ``P``, a NamedTuple or dataclass.

    Args:
        params: An instance of ``P``, a mapping of JSON values, which is validated, or None when
            every field has a default.
        runtime_ctx: Where it runs.
        progress_callback: See :class:`~synaflow_core.phases.orchestrator.Orchestrator`.

    Attributes:
        context_type: What the context has besides the params; a subclass may name its own.
        context: The context of the latest run.

    Raises:
        ParamsError: The params do not fit ``P``; names every bad field.
    """

    context_type: ClassVar[type[ActionContext[Any]]] = ActionContext

    def __init__(
        self,
        params: P | Mapping[str, Any] | None = None,
        *,
        runtime_ctx: RuntimeContext | None = None,
        progress_callback: Callable[[float], None] | None = None,
    ) -> None:
        self.params: P = _validated(type(self), params)
        self.context: Any = None
        self._runtime = runtime_ctx
        self._callback = progress_callback

    def setup_steps(self, registry: StepRegistry[Any]) -> None:
        """Register the phases; call ``super().setup_steps(registry)`` to change the usual ones."""
        kind = type(self)
        raise refused(
            Problem(
                place_of_class(kind),
                f"action {kind.__name__}",
                "no-method",
                "it has no 'setup_steps'",
                "write setup_steps(self, registry), and register the phases there",
            )
        )

    def create_context(self, params: P) -> Any:
        """The context that a run begins with."""
        return self.context_class()(params=params)

    def run(self) -> dict[str, Any]:
        """Run all phases here.

        Returns:
            What :meth:`Orchestrator.execute` returns; :attr:`context` holds the rest.

        Raises:
            DefinitionError: The phases cannot be built, or a method that one calls is missing.
            StepFailedError: A phase failed, and those before it have been rolled back.
        """
        registry = self._registry()
        self.context = self.create_context(self.params)
        if self._runtime is not None:
            self.context.runtime_ctx = self._runtime
        return Orchestrator(registry, self.context, self._callback).execute()

    @classmethod
    def to_pipeline(cls, name: str, *, description: str = "") -> Pipeline:
        """The action as a pipeline that takes its params with each run.

        Raises:
            DefinitionError: See :meth:`StepRegistry.to_pipeline`; or the action has an ``__init__``
                of its own, which nobody would call.
        """
        from synaflow_core.phases.compiled import compiled

        if cls.__init__ is not Action.__init__:
            problem = Problem(
                place_of(cls.__init__),
                f"action {cls.__name__}",
                "action-init",
                "it has an '__init__' of its own, but in a pipeline there is one action for all "
                "runs, made without params",
                "read params from the context, and make clients in the phase that needs them",
            )
            raise DefinitionError(f"the action cannot become pipeline '{name}':", [problem])
        action = cls.__new__(cls)  # without params: those of a run are in its context
        kind = params_type(cls)

        def begin(**fields: Any) -> Any:
            params: Any = kind(**fields) if kind is not None else None
            return action.create_context(params)

        return compiled(
            action._registry(),
            name,
            context=cls.context_class(),
            description=description or inspect.cleandoc(cls.__doc__ or "").partition("\n")[0],
            params=kind,
            begin=begin,
        )

    @classmethod
    def context_class(cls) -> type[Any]:
        """``context_type`` with the params' class filled in, so that it can be stored."""
        kind: Any = cls
        return _context_class(kind)

    def _registry(self) -> StepRegistry[Any]:
        registry = StepRegistry[Any]()
        self.setup_steps(registry)
        check_methods(self, registry.get_steps())
        return registry


def params_type(action: type[Action[Any]]) -> Any:
    """The class ``P`` of an action; None when it has no params.

    Raises:
        DefinitionError: The action does not say, or it is no class that params can have.
    """
    found = _argument(action)
    if found is None or found is type(None):
        return None
    if isinstance(found, type) and (dataclasses.is_dataclass(found) or hasattr(found, "_fields")):
        return found
    said = "nothing" if isinstance(found, TypeVar) else type_name(found)
    raise refused(
        Problem(
            place_of_class(action),
            f"action {action.__name__}",
            "action-params",
            f"expected a NamedTuple or dataclass as the class of its params, got {said}",
            f"write 'class {action.__name__}(Action[MyParams])', or [None] if it has no params",
        )
    )


def _argument(action: type[Any]) -> Any:
    """What stands for ``P``: a class, or a TypeVar of the action's own where it does not say."""
    bases = vars(action).get("__orig_bases__", action.__bases__)
    for base in bases:
        origin, given = get_origin(base) or base, get_args(base)
        if origin is Action:
            return given[0] if given else P
        if isinstance(origin, type) and issubclass(origin, Action):
            found = _argument(origin)
            if given and isinstance(found, TypeVar):
                return given[origin.__parameters__.index(found)]  # type: ignore[attr-defined]  # it has some
            return found
    return P


@cache
def _context_class(action: type[Action[Any]]) -> type[Any]:
    return dataclasses.make_dataclass(
        f"{action.__name__}Context",
        [("params", params_type(action) or type(None), field(kw_only=True))],
        bases=(action.context_type,),
        namespace={"__module__": action.__module__, "__doc__": action.context_type.__doc__},
    )


def _validated(action: type[Action[Any]], params: Any) -> Any:
    kind = params_type(action)
    if params is None and kind is not None:
        with suppress(TypeError):  # a required field: told below, with all others
            return kind()
    if kind is not None and isinstance(params, kind):
        return params
    if params is None or isinstance(params, Mapping):
        from synaflow_core.contract import params_from_json  # msgspec is only paid for when used

        return params_from_json(kind, params or {})
    expected = kind.__name__ if kind is not None else "no params"
    message = f"expected {expected}, got {type(params).__name__}"
    problem = Problem(
        action.__name__, "params", "params-type", message, "pass a dict of its fields"
    )
    raise ParamsError(f"action {action.__name__} was not run", [problem])
