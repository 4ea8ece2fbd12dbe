"""A pipeline that books something for a window and can take it back; its text for several tests."""

BOOKED = """
    from datetime import datetime
    from pathlib import Path
    from typing import NamedTuple

    from synaflow_core import OnError, pipeline, step


    class Params(NamedTuple):
        since: datetime
        until: datetime
        folder: str = ""


    def book(folder: str, since: datetime) -> str:
        (Path(folder) / "booked").touch(exist_ok=False)
        return f"seat on {since:%d %B}"


    def unbook(folder: str) -> None:
        (Path(folder) / "booked").unlink()


    def pay(book: str, folder: str, until: datetime) -> str:
        if (Path(folder) / "poor").exists():
            raise ValueError("no money")
        return book.upper()


    p = pipeline(
        "booking",
        Params,
        [step("book", book, rollback=unbook), step("pay", pay, on_error=OnError.STOP)],
    )
"""
