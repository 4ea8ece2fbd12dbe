"""A workflow of phases as a pipeline, included in another: its context goes from task to task."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from synaflow_core import include, pipeline, step
from synaflow_core.phases import (
    BaseStep,
    BaseStepContext,
    LoggingStep,
    StepRegistry,
    StepResult,
    ValidationStep,
)


@dataclass
class Words(BaseStepContext):
    words: list[str] = field(default_factory=list)
    lengths: dict[str, int] = field(default_factory=dict)
    longest: str | None = None


class Measure(BaseStep[Words]):
    name = "measure"
    progress_weight = 3

    def execute(self, context: Words) -> StepResult:
        for number, word in enumerate(context.words, 1):
            context.lengths[word] = len(word)
            context.set_progress(number, len(context.words))
        return StepResult(data={"words": len(context.words)})


class Shorten(BaseStep[Words]):
    name = "shorten"
    progress_weight = 1

    def can_skip(self, context: Words) -> bool:
        return max(context.lengths.values(), default=0) < 10

    def execute(self, context: Words) -> StepResult:
        context.words = [word[:10] for word in context.words]
        return StepResult()


class Choose(BaseStep[Words]):
    name = "choose"
    progress_weight = 1

    def execute(self, context: Words) -> StepResult:
        context.longest = max(context.words, key=len)
        return StepResult()


def any_words(context: Words) -> tuple[bool, str | None]:
    return bool(context.words), "there are no words"


registry = StepRegistry[Words]()
registry.register(ValidationStep(any_words))
registry.register(LoggingStep(Measure()))
registry.register(Shorten())
registry.register(Choose())
work = registry.to_pipeline("work", context=Words)
WorkParams: Any = work.params_type


class Params(NamedTuple):
    words: list[str]


def words_only(words: list[str]) -> WorkParams:
    return WorkParams(words=words)


def told(work: Words) -> list[str]:
    results = [f"{result.data} {result.skipped}" for result in work.step_results]
    return [str(work.longest), str(work.lengths), *results]


p = pipeline("phases", Params, [include("work", words_only, work), step("told", told)])
