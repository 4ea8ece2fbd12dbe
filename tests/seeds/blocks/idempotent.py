"""Event-based processing, "Idempotency by default", sync."""

# CHANGED: the page does not import Iterator and NamedTuple.
from collections.abc import Iterator
from typing import NamedTuple

from synaflow_core import OnError, pipeline, run, step


def process(event: dict) -> dict:
    if event.get("corrupt"):
        raise ValueError("skipping corrupt event")
    return {**event, "processed": True}


def sink(process: Iterator[dict]) -> None:
    for ev in process:
        print(f"Stored: {ev}")


# CHANGED: the page has params=type("P", (NamedTuple,), {}). Python refuses that (`type` resolves no
# __mro_entries__), and without a field nothing would produce `event`.
class P(NamedTuple):
    events: list[dict]


p = pipeline(
    name="idempotent",
    params=P,
    steps=[
        step("process", fn=process, on_error=OnError.CONTINUE),
        step("sink", fn=sink),
    ],
)

# CHANGED: the page says "re-run with the same events" in words; here it is done.
events = [{"id": 1}, {"id": 2, "corrupt": True}, {"id": 3}]
results = [run(p, P(events=events)) for _ in range(2)]
