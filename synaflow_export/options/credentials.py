"""Texts that look like credentials. Options end up in generated files, which are no place for one.

Only what is plainly one is recognised: a password in a URL, the key formats of the big providers,
``password=...``. Where a worker needs a secret, an option names it; it never holds it.
"""

from __future__ import annotations

import re

CREDENTIAL = (
    "it looks like a credential, and generated files are no place for one",
    "remove it: workers read credentials from their own environment or connections (the whole "
    "URL of a store may stand in SYNAFLOW_STORE there)",
)
"""What is wrong with such a value, and what to do. The value itself is never repeated."""

_ASSIGNED = (
    r"(?i:secret|passwo?r?d|pwd|token|api_?key|access_?key|account_?key|credential|signature|sig)"
)

_PATTERNS = tuple(
    re.compile(pattern)
    for pattern in (
        r"://[^/\s@:]*:[^/\s@]+@",  # scheme://user:password@host
        rf"(?:^|[?&;,\s\w-])(?:[\w-]*[_-])?{_ASSIGNED}\w*\s*=\s*\S",  # ?aws_secret_access_key=...
        r"[?&]key=",
        r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",  # AWS access key id
        r"\bgh[pousr]_[A-Za-z0-9]{20,}|\bgithub_pat_\w{20,}",
        r"\bglpat-[\w-]{16,}",
        r"\bxox[abeprs]-[\w-]{10,}",  # Slack
        r"\bsk-[\w-]{20,}|\b[sr]k_(?:live|test)_\w{16,}",
        r"\bAIza[\w-]{35}",  # Google
        r"\bya29\.[\w-]{10,}",
        r"\beyJ[\w-]{10,}\.eyJ",  # JSON web token
        r"-----BEGIN [A-Z ]*PRIVATE KEY",
    )
)
_LOOSE_KEY = re.compile(r"(?=.*[a-z])(?=.*[A-Z])(?=.*[0-9])[A-Za-z0-9+/]{40}")
"""Forty random letters: an AWS secret key. Only as a whole value; a path may hold a digest."""


def holds_credential(value: object) -> bool:
    """Whether a value, or a text anywhere in it, looks like a credential."""
    if isinstance(value, str):
        return any(p.search(value) for p in _PATTERNS) or bool(_LOOSE_KEY.fullmatch(value))
    if isinstance(value, dict):
        return any(map(holds_credential, (*value.keys(), *value.values())))
    return isinstance(value, list | tuple) and any(map(holds_credential, value))
