"""A small pipeline with every kind of param, for the pictures of forms."""

from __future__ import annotations

import enum
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Annotated, Literal

from msgspec import Meta

from synaflow_core import pipeline, step


class Tone(enum.Enum):
    """How a letter speaks."""

    FRIENDLY = "friendly"
    FORMAL = "formal"


@dataclass(frozen=True)
class Params:
    """One issue of the newsletter."""

    readers: Annotated[int, Meta(ge=1, le=100_000, description="How many readers get it.")]
    subject: Annotated[str, Meta(description="First line of every letter.")] = "News of the week"
    region: Annotated[Literal["eu", "us", "asia"], Meta(description="Where the readers live.")] = (
        "eu"
    )
    tone: Annotated[Tone, Meta(description="How the letters speak.")] = Tone.FRIENDLY
    sample: Annotated[float, Meta(gt=0, le=1, description="Share of the readers.")] = 1.0
    dry_run: Annotated[bool, Meta(description="Write the letters but send none.")] = True
    issue: Annotated[date, Meta(description="Date printed on top.")] = date(2026, 1, 19)
    send_at: Annotated[datetime | None, Meta(description="When to send; at once if empty.")] = None
    topics: Annotated[list[str], Meta(description="What it is about, a line each.")] = field(
        default_factory=lambda: ["pipelines", "streams"]
    )
    limits: Annotated[dict[str, int], Meta(description="Letters per host, where limited.")] = field(
        default_factory=lambda: {"example.org": 100}
    )
    note: Annotated[str | None, Meta(description="For the archive.")] = None


def addresses(readers: int, sample: float) -> Generator[str, None, None]:
    """Stream the addresses of the readers."""
    for number in range(int(readers * sample)):
        yield f"reader{number}@example.org"


def letter(address: str, subject: str, tone: Tone) -> str:
    """Write one letter; every tenth address has bounced before, and is dropped."""
    if "0@" in address:
        raise ValueError(f"{address} has bounced before")
    return f"{'Hello' if tone is Tone.FRIENDLY else 'Dear'} {address}, {subject}"


def sent(letters: Iterator[str]) -> int:
    """Count what was sent."""
    return sum(1 for _ in letters)


newsletter = pipeline(
    name="newsletter",
    description="Writes to the readers.",
    params=Params,
    steps=[step("addresses", fn=addresses), step("letters", fn=letter), step("sent", fn=sent)],
)
