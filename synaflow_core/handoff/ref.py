"""The reference to a committed dataset: all that an orchestrator ever carries.

A reference is small JSON (for XCom, a task result, asset metadata) and holds no data. It imports
nothing heavy, so that generated files and runtime adapters may hold one at no cost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from synaflow_core.errors import HandoffError


@dataclass(frozen=True)
class DatasetRef:
    """Where a dataset is and what it must be when it is read.

    Attributes:
        uri: Address of the dataset's manifest.
        codec: Name of the codec, ``jsonl`` or ``pickle``.
        type: Name of the element type, for people.
        kind: ``items`` (any number of elements) or ``value`` (exactly one).
        count: Number of elements.
        bytes: Size of the content in bytes, before compression.
        digest: ``sha256:...`` over the content: equal for equal data, whoever wrote it and when; of
            what shards wrote, for equal data in equal shards.
        errors: Failed calls of the producing step.
        positions: Where the position of each element in its source is, if that is kept: a dataset
            of as many integers.
    """

    uri: str
    codec: str
    type: str
    kind: str
    count: int
    bytes: int
    digest: str
    errors: int = 0
    positions: DatasetRef | None = None

    def to_dict(self) -> dict[str, Any]:
        """The reference as JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> DatasetRef:
        """Read a reference back; fields that this version does not know are ignored.

        Raises:
            HandoffError: A field is missing or has the wrong type.
        """
        if not isinstance(data, Mapping):
            raise HandoffError(
                f"a dataset reference is a JSON object, got {type(data).__name__}\n"
                "    -> pass on what the upstream task returned, unchanged"
            )
        values: dict[str, Any] = {}
        bad = []
        for name, expected in _FIELDS.items():
            value = data.get(name, 0 if name == "errors" else None)
            if type(value) is not expected or (expected is int and value < 0):
                found = type(value).__name__ if name in data else "nothing"
                bad.append(f"{name!r} (expected {expected.__name__}, got {found})")
            values[name] = value
        if bad:
            raise HandoffError(
                f"a dataset reference has bad fields: {', '.join(bad)}\n"
                "    -> pass on what the upstream task returned, unchanged"
            )
        positions = data.get("positions")
        return cls(**values, positions=None if positions is None else cls.from_dict(positions))


_FIELDS: dict[str, type[Any]] = {
    "uri": str,
    "codec": str,
    "type": str,
    "kind": str,
    "count": int,
    "bytes": int,
    "digest": str,
    "errors": int,
}
