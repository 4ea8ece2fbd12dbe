"""Step orchestration, "Quick Example" (workflow_example.py)."""

# CHANGED: the package that the names are imported from. The indentation, which the page as text
# has lost, is Python's.
from dataclasses import dataclass, field

from synaflow_core.phases import (
    BaseStep,
    BaseStepContext,
    Orchestrator,
    RuntimeContext,
    StepRegistry,
    StepResult,
)


@dataclass
class MyContext(BaseStepContext):
    """Custom context for my workflow."""

    data: list[str] = field(default_factory=list)
    processed_count: int = 0


class LoadDataStep(BaseStep[MyContext]):
    @property
    def name(self) -> str:
        return "load_data"

    @property
    def progress_weight(self) -> float:
        return 0.2  # 20% of total progress

    def execute(self, context: MyContext) -> StepResult:
        context.data = ["item1", "item2", "item3"]
        return StepResult(success=True)


class ProcessDataStep(BaseStep[MyContext]):
    @property
    def name(self) -> str:
        return "process_data"

    @property
    def progress_weight(self) -> float:
        return 0.7  # 70% of total progress

    def execute(self, context: MyContext) -> StepResult:
        for item in context.data:
            # Process each item
            context.processed_count += 1
        return StepResult(success=True)

    def rollback(self, context: MyContext, result: StepResult) -> None:
        # Cleanup on failure
        context.processed_count = 0


class FinalizeStep(BaseStep[MyContext]):
    @property
    def name(self) -> str:
        return "finalize"

    @property
    def progress_weight(self) -> float:
        return 0.1  # 10% of total progress

    def execute(self, context: MyContext) -> StepResult:
        return StepResult(success=True, data={"processed": context.processed_count})


# Execute the workflow
runtime_ctx = RuntimeContext()  # Create runtime context

registry = StepRegistry[MyContext]()
registry.register(LoadDataStep())
registry.register(ProcessDataStep())
registry.register(FinalizeStep())

context = MyContext(runtime_ctx=runtime_ctx)
orchestrator = Orchestrator(registry, context)
result = orchestrator.execute()
# CHANGED: the page shows the result as a comment.
print(result)
# {'success': True, 'steps_executed': 3, 'steps_total': 3}
