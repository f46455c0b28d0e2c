"""Freezes what is not frozen yet: ``python -m tests.history.freeze``. What is frozen stays as it is."""

import sys

from .frozen import FOLDER, TOPICS, freeze, listed_topics
from .samples import recorded_event_types, sample_of


def main() -> list[str]:
    """Write missing payloads and append new topics; return the names of what was written."""
    written = []
    FOLDER.mkdir(exist_ok=True)
    for topic, event_class in recorded_event_types().items():
        frozen = freeze(sample_of(event_class))
        if not frozen.path.exists():
            frozen.path.write_text(frozen.text)
            written.append(frozen.path.name)
        if topic not in listed_topics():
            with TOPICS.open("a") as manifest:
                manifest.write(f"{topic}\n")
    return written


if __name__ == "__main__":
    sys.stdout.write("".join(f"{name}\n" for name in main()) or "everything is frozen already\n")
