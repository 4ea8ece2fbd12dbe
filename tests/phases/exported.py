"""Workflows for orchestrators: the one of the seed document, and the upload of the examples.

The modules of tests of each target export them; what must be there afterwards is said here once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

SEED = (
    (Path(__file__).parents[1] / "seeds/blocks/step_orchestration.py").read_text()
    + """

p = registry.to_pipeline("workflow", context=MyContext)
"""
)
"""The page, and below it its workflow as a pipeline."""

FAILING_SEED = SEED.replace(
    "\np = registry",
    """
from synaflow_core.phases import ValidationStep


def never(context: MyContext) -> tuple[bool, str | None]:
    return False, f"{context.processed_count} are too few"


registry.register(ValidationStep(never, "enough"))
p = registry""",
)
"""A phase behind those of the page fails."""

PHASES = ["load_data", "process_data", "finalize"]

EXAMPLE = Path(__file__).parents[2] / "examples/actions/upload.py"
"""The upload as its user wrote it: the pipeline ``upload_folder``."""

GUARDED = """
    from pathlib import Path

    from upload import UploadFolder


    class Guarded(UploadFolder):
        \"\"\"The index cannot be written while there is a file ``blocked`` beside the source.\"\"\"

        def cleanup(self, context):
            if Path(context.params.source).with_name("blocked").exists():
                raise ValueError(f"{len(context.uploaded)} files, and no index")
            return super().cleanup(context)


    p = Guarded.to_pipeline("guarded")
"""

UPLOADING = {"initialize": 0.05, "validate": 0.15, "upload": 0.95, "cleanup": 1.0}
"""Phase of the upload -> share of the run that is done after it: sums of the phases' weights."""

MODULES = {"upload.py": EXAMPLE.read_text()}
"""What ``GUARDED`` imports."""

COMPLETE = ["a.txt", "b.txt", "c.txt", "index.txt"]
"""What an upload that has succeeded leaves in the store."""


def upload(folder: Path, *, blocked: bool = False) -> dict[str, str]:
    """Params of an upload from below a folder to below it."""
    source = folder / "source"
    source.mkdir()
    for name in COMPLETE[:-1]:
        (source / name).write_text(name)
    if blocked:
        (folder / "blocked").touch()
    return {"source": str(source), "target": str(folder / "target")}


def unblock(folder: Path) -> None:
    """From now on the last phase succeeds."""
    (folder / "blocked").unlink()


def uploaded(folder: Path) -> list[str]:
    """What is in the store."""
    files = sorted(path for path in (folder / "target").rglob("*") if path.is_file())
    found = [path.name for path in files]
    for path in files:
        if path.name in COMPLETE[:-1]:
            assert path.read_text() == path.name
    return found


def check_seed(outputs: dict[str, Any]) -> None:
    """What the page says the workflow gives, from the context that its last phase hands out."""
    context = outputs["finalize"]
    assert context.processed_count == 3
    assert context.data == ["item1", "item2", "item3"]
    assert [result.success for result in context.step_results] == [True, True, True]
    assert context.step_results[-1].data == {"processed": 3}
