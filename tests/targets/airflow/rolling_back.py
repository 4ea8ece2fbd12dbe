"""A pipeline whose steps write down what they do and undo; its texts for several tests."""

from __future__ import annotations

from pathlib import Path

SOURCE = """
    import os
    import signal
    import time
    from pathlib import Path
    from typing import NamedTuple

    from synaflow_core import OnError, pipeline, step


    class Params(NamedTuple):
        folder: str
        how: str = ""


    def note(folder: str, text: str) -> None:
        with (Path(folder) / "log").open("a") as log:
            log.write(text + "\\n")


    def load(folder: str) -> list[int]:
        note(folder, "load")
        return [1, 2, 3, 4]


    def unload(load: list[int], folder: str) -> None:
        note(folder, f"undo load {sum(load)}")


    def send(load: list[int], folder: str) -> str:
        note(folder, "send")
        return "receipt"


    def unsend(send: str, folder: str) -> None:
        (Path(folder) / "undoing").touch()
        note(folder, f"undo send {send}")


    def publish(send: str, folder: str, how: str) -> str:
        if how and not (Path(folder) / "mended").exists():
            note(folder, "publish fails")
            if how == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            while how == "slow":
                (Path(folder) / "at work").touch()
                time.sleep(0.05)
            raise {"ValueError": ValueError, "OSError": OSError}[how]("no")
        note(folder, "publish")
        return send.upper()


    p = pipeline(
        "undoing",
        Params,
        [
            step("load", load, rollback=unload),
            step("send", send, rollback=unsend),
            step("publish", publish, on_error=OnError.STOP),
        ],
    )
"""


def noted(folder: Path) -> list[str]:
    """What the steps wrote down, in order."""
    file = folder / "log"
    return file.read_text().splitlines() if file.exists() else []


def undone_after_the_work(folder: Path) -> bool:
    """Whether the slow step was no longer at work when the first rollback began."""
    times = [(folder / name).stat().st_mtime_ns for name in ("at work", "undoing")]
    return times == sorted(times)
