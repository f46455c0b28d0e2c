"""Pages by key: a cursor names the last row of a page, so pages stay true while rows come in."""

import base64
import binascii
import json
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from application.queries import MAX_LIMIT, InvalidQuery, PageRequest
from application.views import Page

T = TypeVar("T")

PAGE_BYTES = 1_000_000
"""A page of a list ends with the item with which it has about so many bytes. So no answer is huge, and
none has to be put together from more than that."""

_NO_TEXT = re.compile("[\x00\ud800-\udfff]")  # what a database cannot take as text


def encode_cursor(*key: str | int) -> str:
    """An opaque, URL-safe cursor for a row's key."""
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def decode_cursor(cursor: str, *kinds: type | None) -> list[Any]:
    """The key in a cursor, or `InvalidQuery` when it is not one of ours for this list. A part of which no
    kind is given may be of any."""
    try:
        key = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError):
        key = None
    if (
        not isinstance(key, list)
        or len(key) != len(kinds)
        or any(kind not in (None, type(part)) for part, kind in zip(key, kinds, strict=True))
        or any(isinstance(part, int) and abs(part) >= 2**63 for part in key)
        or any(isinstance(part, str) and _NO_TEXT.search(part) for part in key)
    ):
        raise InvalidQuery("the cursor is not one of this list's", field="/cursor")
    return key


def check_limit(page: PageRequest) -> int:
    """The page's limit, or `InvalidQuery`."""
    if not 1 <= page.limit <= MAX_LIMIT:
        raise InvalidQuery(f"limit is from 1 to {MAX_LIMIT}", field="/limit")
    return page.limit


def page_of(
    rows: Sequence[dict[str, Any]],
    limit: int,
    view: Callable[[dict[str, Any]], T],
    key: Callable[[dict[str, Any]], Sequence[str | int]],
) -> Page[T]:
    """A page from one row more than fits on it: that row tells whether there is a next one."""
    shown = rows[:limit]
    cursor = encode_cursor(*key(shown[-1])) if len(rows) > limit else None
    return Page(tuple(view(row) for row in shown), cursor)


def within_bytes(rows: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
    """The first of these, up to the one with which their sizes reach `PAGE_BYTES`."""
    total = 0
    for number, row in enumerate(rows, 1):
        total += int(row["size"])
        if total >= PAGE_BYTES:
            return rows[:number]
    return rows
