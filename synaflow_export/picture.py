"""What targets share that make one file to look at: nothing of it runs, so nothing is refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from synaflow_export.options.common import ID
from synaflow_export.options.model import TargetOptions, option
from synaflow_export.target import Export, Target
from synaflow_export.text.pyname import TaskId


@dataclass(frozen=True)
class PictureOptions(TargetOptions):
    """Options of a picture.

    Attributes:
        id: Name of the file, without its ending; None: the pipeline's name, made legal.
    """

    id: str | None = option(None, ID)


class PictureTarget(Target[PictureOptions]):
    """Base of targets that show any pipeline."""

    options_type: ClassVar[type[PictureOptions]] = PictureOptions
    only_shows: ClassVar[bool] = True
    scheduled_params_need_defaults: ClassVar[bool] = False
    runs_async_pipelines: ClassVar[bool] = True
    maps_shards: ClassVar[bool] = True

    @staticmethod
    def file_name(export: Export[PictureOptions], ending: str) -> str:
        """Name of the file."""
        return f"{export.options.id or TaskId.of(export.plan.pipeline, 'pipeline')}.{ending}"
