"""Which kind of folder a URL names.

:mod:`.remote` is loaded when it is used: fsspec costs 0.1 s to import.
"""

from __future__ import annotations

from pathlib import Path

from synaflow_core.handoff.folder import Folder
from synaflow_core.handoff.local import LocalFolder
from synaflow_core.handoff.places import local_path


def open_folder(url: str) -> Folder:
    """The folder at ``url``; nothing is created until something is written.

    Raises:
        HandoffError: The protocol is not known or its package is not installed.
    """
    path = local_path(url)
    if path is not None:
        return LocalFolder(url, Path(path))
    from synaflow_core.handoff.remote import RemoteFolder

    return RemoteFolder(url)
