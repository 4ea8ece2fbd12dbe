"""Writing and reading a dataset against msgspec with a plain file, and against pickle.

Records are made one by one while they are written, as in a pipeline, and dropped as they are read;
the time of making them is taken off both sides. ``python -m benchmarks.handoff '"write"' 10000``
writes that many records, prints its peak KiB.
"""

from __future__ import annotations

import json
import pickle
import statistics
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.measure import REPEAT, Row, duration, fresh_python, peak_kib, seconds
from benchmarks.streaming import own_peak_kib
from synaflow_core.handoff import DatasetRef, HandoffStore

ITEMS = 200_000
FEW = 10_000
MANY = 1_000_000
BATCH = 256


@dataclass
class Record:
    """A line of an access log, about 100 bytes of JSON."""

    id: int
    host: str
    status: int
    milliseconds: float
    path: str
    cached: bool


def records(count: int = ITEMS) -> Iterator[Record]:
    for i in range(count):
        yield Record(i, f"host{i % 97}.example.org", 200 + i % 5, i * 0.37, f"/a/{i}", i % 2 == 0)


def drain(items: Iterable[Any]) -> None:
    deque(items, maxlen=0)


class Cases:
    """The same records written and read in every way; one file each in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = HandoffStore(folder / "store")
        self.encoder = msgspec.json.Encoder()
        self.decoder = msgspec.json.Decoder(Record)

    def write(self, count: int = ITEMS) -> DatasetRef:
        """Our writer."""
        writer = self.store.writer("bench", "run", "records", type=Record)
        write = writer.write
        for record in records(count):
            write(record)
        return writer.commit()

    def read(self, ref: DatasetRef) -> None:
        """Our reader."""
        drain(self.store.read(ref, Record))

    def write_lines(self) -> None:
        """What one would write by hand."""
        encode = self.encoder.encode
        with open(self.folder / "lines.jsonl", "wb") as file:
            for record in records():
                file.write(encode(record))
                file.write(b"\n")

    def read_lines(self) -> None:
        """Its counterpart."""
        with open(self.folder / "lines.jsonl", "rb") as file:
            drain(map(self.decoder.decode, file))

    def write_batches(self) -> None:
        """The fastest that msgspec can do with a stream; nothing is checked."""
        source = records()
        with open(self.folder / "batches.jsonl", "wb") as file:
            while batch := list(islice(source, BATCH)):
                file.write(self.encoder.encode_lines(batch))

    def read_whole(self) -> None:
        """The fastest that msgspec can do, holding all records at once."""
        drain(self.decoder.decode_lines((self.folder / "batches.jsonl").read_bytes()))

    def write_pickles(self) -> None:
        """A stream of pickles."""
        with open(self.folder / "each.pickle", "wb") as file:
            for record in records():
                pickle.dump(record, file, 5)

    def read_pickles(self) -> None:
        """Its counterpart."""
        with open(self.folder / "each.pickle", "rb") as file:
            for _ in range(ITEMS):
                pickle.load(file)

    def write_pickled_list(self) -> None:
        """All records held at once."""
        with open(self.folder / "list.pickle", "wb") as file:
            pickle.dump(list(records()), file, 5)

    def read_pickled_list(self) -> None:
        """Its counterpart."""
        with open(self.folder / "list.pickle", "rb") as file:
            drain(pickle.load(file))


def results() -> list[Row]:
    """Speed of both ways, and how much memory grows from ten thousand to a million records."""
    with tempfile.TemporaryDirectory() as folder:
        cases = Cases(Path(folder))
        ref = cases.write()
        writing = {
            "msgspec line by line + file": (cases.write_lines, ">= 0.7"),
            "msgspec in batches + file, nothing checked": (cases.write_batches, ""),
            "pickle of each record": (cases.write_pickles, "> 1"),
            "pickle of one list": (cases.write_pickled_list, "> 1"),
        }
        reading = {
            "msgspec line by line + file": (cases.read_lines, ">= 0.7"),
            "msgspec of the whole file at once": (cases.read_whole, ""),
            "pickle of each record": (cases.read_pickles, "> 1"),
            "pickle of one list": (cases.read_pickled_list, "> 1"),
        }
        return [
            *_against("write 2e5 records", cases.write, writing, made=True),
            *_against("read 2e5 records", lambda: cases.read(ref), reading, made=False),
            _memory("write"),
            _memory("read"),
        ]


def _against(
    what: str,
    ours: Callable[[], object],
    baselines: dict[str, tuple[Callable[[], None], str]],
    *,
    made: bool,
) -> list[Row]:
    """Rows of one way of ours against several, all in turn within each round."""
    works = [ours, *(work for work, _ in baselines.values())]
    rounds = []
    for _ in range(REPEAT):
        making = seconds(lambda: drain(records())) if made else 0.0
        rounds.append([seconds(work) - making for work in works])
    mine, *others = (statistics.median(times) for times in zip(*rounds, strict=True))
    return [
        {
            "what": f"{what}, against {name}",
            "ours": duration(mine),
            "baseline": duration(other),
            "ratio": other / mine,
            "target": target,
        }
        for (name, (_, target)), other in zip(baselines.items(), others, strict=True)
    ]


def _memory(way: str) -> Row:
    # The smaller of two: what else happens in a new process only adds.
    few, many = (
        min(peak_kib("benchmarks.handoff", [way, count]) for _ in range(2)) for count in (FEW, MANY)
    )
    return {
        "what": f"peak memory, {way}, 1e4 -> 1e6 records",
        "ours": f"{many / 1024:.1f} MB",
        "baseline": f"{few / 1024:.1f} MB",
        "ratio": f"{(many - few) / 1024:+.2f} MB",
        "target": "< 2 MB more",
    }


def main(way: str, count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        cases = Cases(Path(folder))
        if way == "write":
            cases.write(count)
        else:
            # Written elsewhere, so that the peak is that of reading.
            path = Path(folder) / "ref.json"
            code = (
                "import json, pathlib, sys; from benchmarks.handoff import Cases; "
                "ref = Cases(pathlib.Path(sys.argv[1])).write(int(sys.argv[2])); "
                "pathlib.Path(sys.argv[3]).write_text(json.dumps(ref.to_dict()))"
            )
            fresh_python("-c", code, folder, str(count), str(path))
            cases.read(DatasetRef.from_dict(json.loads(path.read_text())))
    print(own_peak_kib())


if __name__ == "__main__":
    main(*(json.loads(argument) for argument in sys.argv[1:]))
