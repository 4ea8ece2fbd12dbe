"""The command that a generated file names as the one that makes it again."""

from __future__ import annotations

import shlex


def command_in(text: str) -> list[str]:
    """The words of the command in the header of a generated file, as a shell reads them."""
    lines = text.split('"""', maxsplit=1)[0].splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith("# To change")) + 1
    last = next(i for i, line in enumerate(lines) if line.startswith("# Here, only"))
    script = "\n".join(line.removeprefix("#") for line in lines[first:last])
    return shlex.split(script.replace("\\\n", ""))  # a shell joins such lines, shlex does not
