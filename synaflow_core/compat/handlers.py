"""Materializers and error materializers of the public package, callable by our engine.

There, a handler may be a *factory*: called when the pipeline is built, with a context that names
the dataset, it returns the handler proper. Here, handlers are called with data at once; the
adapters below stand in between and know the dataset, because :mod:`synaflow_core.compat.convert`
binds them to the compiled step they ended up in.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from inspect import Parameter, Signature
from typing import Any

from synaflow_core.compat.public import is_factory, public_class, public_enum
from synaflow_core.dag import Dag, Node, OutputKind
from synaflow_core.engine.events import ErrorContext


@dataclass(eq=False)
class _Adapter:
    """Calls a handler of the public package; has its name, and its source for messages."""

    handler: Callable[..., Any]
    is_async: bool

    def __post_init__(self) -> None:
        self.__name__ = getattr(self.handler, "__name__", type(self.handler).__name__)
        self.__wrapped__ = self.handler
        # It asks for data, whatever the handler behind it asks for.
        self.__signature__ = Signature([Parameter("given", Parameter.POSITIONAL_ONLY)])


@dataclass(eq=False)
class PublicMaterializer(_Adapter):
    """A materializer that needs more than items: a factory, or one that reads an async stream."""

    made: Callable[..., Any] | None = None
    streams: bool = False

    def bound(self, dag: Dag, node: Node) -> PublicMaterializer:
        """The materializer of one compiled step."""
        made = self.handler
        if is_factory(made):
            made = made(self._context(dag, node))
        streams = self.is_async and node.output_kind is OutputKind.STREAM
        return PublicMaterializer(self.handler, self.is_async, made, streams)

    def _context(self, dag: Dag, node: Node) -> Any:
        consumers = [
            edge
            for name in dag.consumers_of(node.name)
            for edge in dag.steps[name].edges
            if edge.producer == node.name
        ]
        collecting = [edge for edge in consumers if edge.delivery.is_collection] or consumers
        return public_class("types", "MaterializeContext")(
            pipeline_name=dag.name,
            dataset_name=node.name,
            item_type=node.returns,
            consumer_type=collecting[0].annotation if collecting else list,
            is_async_pipeline=self.is_async,
        )

    def __call__(self, items: Any) -> Any:
        """Hand the collected items to the materializer; an awaitable in an async pipeline."""
        assert self.made is not None, "bound when the pipeline was converted"
        return self.made(_as_stream(items) if self.streams else items)


async def _as_stream(items: Iterable[Any]) -> AsyncIterator[Any]:
    for item in items:
        yield item


@dataclass(eq=False)
class PublicErrorMaterializer(_Adapter):
    """An error materializer, or a factory of one, which is asked once per dataset."""

    _made: dict[tuple[str, str], Callable[..., Any]] = field(default_factory=dict)

    def __call__(self, context: ErrorContext) -> Any:
        """Tell it of one failure, in the public package's own words."""
        told = public_class("types", "ErrorContext")(
            pipeline_name=context.pipeline_name,
            dataset_name=context.step_name,
            step_name=context.step_name,
            run_id=context.run_id,
            exception=context.exception,
            mode=public_enum("StepMode", context.mode),
            on_error=public_enum("OnError", context.on_error),
            success_count=context.success_count,
            error_count=context.error_count,
            completed_all_inputs=False,
        )
        return self._handler(context.pipeline_name, context.step_name)(told)

    def _handler(self, pipeline: str, step: str) -> Callable[..., Any]:
        if (pipeline, step) not in self._made:
            made = self.handler
            if is_factory(made):
                context = public_class("types", "ErrorMaterializeContext")(
                    pipeline_name=pipeline, dataset_name=step, is_async_pipeline=self.is_async
                )
                made = made(context)
            self._made[pipeline, step] = made
        return self._made[pipeline, step]


def materializer(handler: Callable[..., Any] | None, is_async: bool) -> Any:
    """A declared materializer as ours: a sync one that is no factory takes the items as it is."""
    if handler is None or not (is_async or is_factory(handler)):
        return handler
    return PublicMaterializer(handler, is_async)


def error_materializer(handler: Callable[..., Any] | None, is_async: bool) -> Any:
    """A declared error materializer as ours."""
    return None if handler is None else PublicErrorMaterializer(handler, is_async)
