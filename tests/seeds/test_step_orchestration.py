"""step-orchestration.txt: a workflow of phases, as it is and as a pipeline."""

from __future__ import annotations

from synaflow_core import run
from synaflow_core.phases import Orchestrator
from tests.seeds.running import run_block


def test_the_workflow_gives_the_result_of_the_page() -> None:
    ran = run_block("step_orchestration")
    assert ran.lines == ["{'success': True, 'steps_executed': 3, 'steps_total': 3}"]
    assert ran.module.context.processed_count == 3
    assert ran.module.context.step_results[-1].data == {"processed": 3}


def test_its_progress_is_as_the_comments_say() -> None:
    module = run_block("step_orchestration").module
    told: list[float] = []
    Orchestrator(module.registry, module.MyContext(), told.append).execute()
    assert [round(progress, 9) for progress in told] == [0.2, 0.9, 1.0]
    assert told[-1] == 1.0


def test_the_same_workflow_is_a_pipeline_of_three_steps() -> None:
    module = run_block("step_orchestration").module
    made = module.registry.to_pipeline("workflow", context=module.MyContext)
    steps = made.to_dict()["steps"]
    assert {name: step["progress_weight"] for name, step in steps.items()} == {
        "load_data": 0.2,
        "process_data": 0.7,
        "finalize": 0.1,
    }
    assert [name for name, step in steps.items() if step["rollback"]] == ["process_data"]
    context = run(made).outputs["finalize"]
    assert context.step_results[-1].data == {"processed": 3}
    assert [result.success for result in context.step_results] == [True, True, True]


def test_an_action_with_steps_of_its_own_runs_here_and_as_a_pipeline() -> None:
    module = run_block("upload_action").module
    action = module.MyUploadAction({"file": "a"})
    assert action.run() == {"success": True, "steps_executed": 4, "steps_total": 4}
    assert action.context.uploaded == ["store/a"]
    made = module.MyUploadAction.to_pipeline("mine")
    assert list(made.dag.steps) == ["initialize", "validate", "upload", "cleanup"]
    assert run(made, {"file": "b"}).outputs["cleanup"].uploaded == ["store/b"]
