"""Uploads the files of a folder to an object store, and takes them back when something fails.

    python -m examples.actions.upload

The store is any fsspec URL: ``s3://bucket/prefix`` where it matters, a folder to try it with.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fsspec

from synaflow_core.phases import LoggingStep, StepRegistry, UploadAction, UploadContext


@dataclass(frozen=True)
class UploadParams:
    """What to upload and where to.

    Attributes:
        source: Folder with the files.
        target: URL of the folder that they are uploaded to.
        pattern: Which files of the folder.
    """

    source: str
    target: str
    pattern: str = "**/*"


class UploadFolder(UploadAction[UploadParams]):
    """Upload a folder, and list what was uploaded in ``index.txt``."""

    def setup_steps(self, registry: StepRegistry[Any]) -> None:
        """The usual phases; the longest is logged."""
        super().setup_steps(registry)
        upload = next(phase for phase in registry if phase.name == "upload")
        registry.replace("upload", LoggingStep(upload))

    def find_files(self, context: UploadContext[UploadParams]) -> Iterator[str]:
        """Paths below the source, in the order of their names."""
        source = Path(context.params.source)
        for path in sorted(source.glob(context.params.pattern)):
            if path.is_file():
                yield path.relative_to(source).as_posix()

    def upload_file(self, context: UploadContext[UploadParams], file: str) -> str:
        """Upload one file under its own name."""
        url = f"{context.params.target}/{file}"
        data = (Path(context.params.source) / file).read_bytes()
        with fsspec.open(url, "wb", auto_mkdir=True) as target:
            target.write(data)
        return url

    def delete_file(self, context: UploadContext[UploadParams], uploaded: str) -> None:
        """Delete it from the store."""
        fs, path = fsspec.core.url_to_fs(uploaded)
        with suppress(FileNotFoundError):
            fs.rm(path)

    def cleanup(self, context: UploadContext[UploadParams]) -> dict[str, Any]:
        """Write the index; only a complete upload has one."""
        lines = []
        for file in context.files:
            content = (Path(context.params.source) / file).read_bytes()
            lines.append(f"{hashlib.sha256(content).hexdigest()}  {file}\n")
        with fsspec.open(f"{context.params.target}/index.txt", "w") as index:
            index.write("".join(lines))
        return {"indexed": len(lines)}


upload_folder = UploadFolder.to_pipeline("upload_folder")

if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "source")
        source.mkdir()
        for number in range(3):
            (source / f"{number}.txt").write_text(f"file {number}\n")
        action = UploadFolder(
            {"source": str(source), "target": f"{folder}/store"},
            progress_callback=lambda progress: print(f"{progress:6.1%}"),
        )
        print(action.run(), action.context.uploaded)
