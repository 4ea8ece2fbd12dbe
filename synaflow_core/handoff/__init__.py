"""The handoff store: datasets that cross from one macro-task to another, whole or not at all.

Owns the layout, the commit and the checks; see :mod:`synaflow_core.handoff.store` for both.
How items become bytes, and what is refused, is told in :mod:`synaflow_core.handoff.codecs`;
:func:`register` adds a codec.
"""

from __future__ import annotations

from synaflow_core.contract.codecs import register
from synaflow_core.handoff.codecs import Piece
from synaflow_core.handoff.ref import DatasetRef
from synaflow_core.handoff.store import HandoffStore
from synaflow_core.handoff.writer import DatasetWriter

__all__ = ["DatasetRef", "DatasetWriter", "HandoffStore", "Piece", "register"]
