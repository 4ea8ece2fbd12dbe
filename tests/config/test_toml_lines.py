"""Each key of a TOML document is found on its line, whatever the document looks like."""

from __future__ import annotations

import pytest

from synaflow_export.config.toml_lines import key_lines

DOCUMENT = '''\
# a comment = 1

a = 1
"quoted.key" = "x" # b = 2
dotted.inner = 3
inline = { one = 1, two = [
  { three = 3 },
] }
text = """
[not.a.table]
c = 4
"""
array = [
  # d = 5
  "]", 'x = 1',

  2,
]

[table]
a = 6
  [table."sub table".deep] # comment
  a = '\\u2028'
[[many]]
e = 7
[[many]]
f = 8
[last]'''


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_every_key_is_found(ends: str) -> None:
    assert key_lines(DOCUMENT.replace("\n", ends)) == {
        ("a",): 3,
        ("quoted.key",): 4,
        ("dotted",): 5,
        ("dotted", "inner"): 5,
        ("inline",): 6,
        ("inline", "one"): 6,
        ("inline", "two"): 6,
        ("inline", "two", "three"): 6,
        ("text",): 9,
        ("array",): 13,
        ("table",): 20,
        ("table", "a"): 21,
        ("table", "sub table"): 22,
        ("table", "sub table", "deep"): 22,
        ("table", "sub table", "deep", "a"): 23,
        ("many",): 24,
        ("many", "e"): 25,
        ("many", "f"): 27,
        ("last",): 28,
    }


def test_what_looks_like_a_line_break_is_none() -> None:
    assert key_lines("a = '\u2028'\nb = '\x85'\nc = 1\n") == {("a",): 1, ("b",): 2, ("c",): 3}


def test_an_empty_document() -> None:
    assert key_lines("") == {}
    assert key_lines("# nothing\n\n") == {}
