r"""Text that may hold anything, made safe to be shown: what steers a terminal or hides is spelled out.

Stored and sent data may hold escape sequences that move the cursor, change the window's title or type
for whoever looks, characters that turn the direction of a line around, and line ends that forge a line
of a log. They are shown as ``\x1b`` and the like, so that they can be seen and do nothing.
"""

import re
from collections.abc import Mapping, MutableMapping
from typing import Any

_HIDDEN = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # controls, also those beyond ASCII
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # which turn the direction around
    "\u2028\u2029\ufeff"  # line ends that do not look like any, and a mark that looks like nothing
    "\ud800-\udfff"  # halves of characters
)
_IN_LINES = re.compile(f"[{_HIDDEN}]")
_IN_A_LINE = re.compile(f"[\t\n{_HIDDEN}]")
_JSON = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029\ufeff\ud800-\udfff]")


def visible(text: str, *, lines: bool = False) -> str:
    """The text with everything that is not to be seen spelled out; with `lines` it may have line ends
    and tabs."""
    if text.isprintable() and text.isascii():
        return text
    return (_IN_LINES if lines else _IN_A_LINE).sub(_spelled, text)


def visible_json(document: str) -> str:
    """A JSON document that means the same and has nothing hidden in it. (What JSON itself escapes, such
    as ESC, is escaped already.)"""
    return document if document.isascii() else _JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", document)


def spell_out(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The processor of every log line: all texts in it are made visible. Stack traces keep their lines."""
    for name, value in event.items():
        event[name] = _shown(value, lines=name in ("exception", "stack"))
    return event


def _shown(value: Any, *, lines: bool) -> Any:
    if isinstance(value, str):
        return visible(value, lines=lines)
    if isinstance(value, Mapping):
        return {_shown(key, lines=lines): _shown(item, lines=lines) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_shown(item, lines=lines) for item in value]
    if isinstance(value, BaseException):
        return visible(f"{type(value).__name__}: {value}")
    return value


def _spelled(found: re.Match[str]) -> str:
    code = ord(found[0])
    if found[0] in "\t\n\r":
        return {"\t": "\\t", "\n": "\\n", "\r": "\\r"}[found[0]]
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
