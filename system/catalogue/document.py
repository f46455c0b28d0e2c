"""Writes the catalogue down for people: ``python -m system.catalogue.document FILE``, or `docs/events.md`.

It is made from code alone, so it is the same wherever it is written, and says nothing of any store.
"""

import sys
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from system.definition import orderwright as definition

from .fields import FIELDS, METADATA, FieldView
from .report import KindView, kinds_of

DOCUMENT = Path("docs") / "events.md"

HEAD = """\
# Events

Every kind of event that is stored, in every version, with its fields and who reads it. This document is
written from the code by `python -m system.catalogue.document`, and a test holds that it says what the code
does. How many of each there are in your store, and since when, says `orderwright events catalogue`. What to
do when one has to change is in [changing events](changing-events.md).

A reader **handles** an event when it does something about it, and **passes over** it when it does nothing.

Every event says these as well:

"""


def document() -> str:
    """The catalogue in Markdown."""
    parts = [HEAD, "\n".join(_metadata()), "\n"]
    for family, kinds in groupby(kinds_of(), key=lambda kind: kind.type.partition(".")[0]):
        parts.append(f"\n## {family}\n")
        parts += ["\n" + "\n".join(_kind(kind)) + "\n" for kind in kinds]
    return "".join(parts)


def _metadata() -> Iterator[str]:
    yield "| field | what it says |"
    yield "|---|---|"
    yield from (f"| `{name}` | {FIELDS[name].unit} |" for name in METADATA)


def _kind(kind: KindView) -> Iterator[str]:
    yield f"### `{kind.type}`"
    yield ""
    yield f"{kind.says} Version {kind.version}, recorded by {_listed(kind.recorded_by)}."
    for version in kind.versions[1:]:
        yield f"Before: {version.differs}"
    yield ""
    if kind.fields:
        yield from _fields(kind.fields)
        yield ""
    readers = kind.consumers
    yield f"- handled by: {_listed(readers.handled_by) or 'no follower'}"
    yield f"- passed over by: {_listed(readers.ignored_by) or 'no follower'}"
    yield f"- the audit {readers.audit} it, `explain` {readers.explain} it"


def _fields(fields: Sequence[FieldView]) -> Iterator[str]:
    yield "| field | type | unit or form |"
    yield "|---|---|---|"
    for field in fields:
        kind = f"{field.type} or null" if field.is_optional else field.type
        yield f"| `{field.name}` | {kind} | {field.unit} |"


def _listed(names: Sequence[str]) -> str:
    return "every follower" if set(names) == set(definition.followers) else ", ".join(names)


if __name__ == "__main__":
    Path(sys.argv[1] if len(sys.argv) > 1 else DOCUMENT).write_text(document())
