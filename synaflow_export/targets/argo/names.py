"""Names as Kubernetes and Argo accept them."""

from __future__ import annotations

import re
from typing import ClassVar

from synaflow_export.text.pyname import TaskId

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_OTHERS = re.compile(r"[^a-z0-9]+")


class DnsName(TaskId):
    """A name of a template, a task of a DAG or a workflow: a label of DNS.

    Of a workflow only 52 characters are used: Argo makes names of runs and pods from it.
    """

    __slots__ = ()
    max_length = 52
    joint: ClassVar[str] = "-"

    @classmethod
    def is_legal(cls, text: str) -> bool:
        """Whether ``text`` may be used as it is."""
        return len(text) <= cls.max_length and bool(_LABEL.fullmatch(text))

    @classmethod
    def _clean(cls, text: str) -> str:
        return _OTHERS.sub("-", TaskId._clean(text).lower()).strip("-")
