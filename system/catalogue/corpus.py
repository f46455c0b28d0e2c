"""A corpus: masked stories of a store, each with the events that it is a sample of. A file of JSON a story.

A story holds everything that happened before its samples in their streams, so that the events make sense
by themselves: they can be folded, projected, told and audited without the store that they come from.
"""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
from eventsourcing.persistence import StoredEvent

FORMAT = "orderwright corpus"
FORMAT_VERSION = 1
_HEAD = "corpus.json"
_STORIES = "stories"


class NoCorpus(Exception):
    """A folder holds something else than a corpus; nothing there was changed."""


@dataclass(frozen=True)
class CorpusEvent:
    """A masked event as it is stored, in the log of an application; `state` is its JSON."""

    application: str
    stream_id: str
    stream_version: int
    type: str
    state: dict[str, Any]

    @property
    def stored_event(self) -> StoredEvent:
        """As a recorder gives it."""
        return StoredEvent(UUID(self.stream_id), self.stream_version, self.type, orjson.dumps(self.state))


@dataclass(frozen=True)
class Sample:
    """An event of a story that stands for all of its type, version and shape. `event` counts from 0."""

    type: str
    class_version: int
    shape: str
    event: int


@dataclass(frozen=True)
class Verdict:
    """What was told of a story by the release that took it: where the order stands, and the rules of the
    audit that it breaks."""

    status: str | None
    rules: tuple[str, ...]


@dataclass(frozen=True)
class Story:
    """The events of an order, or of one stream. `order_id` is None where it is about no one order, and
    `is_whole` false where what happened before the samples is too long to be kept."""

    events: tuple[CorpusEvent, ...]
    samples: tuple[Sample, ...]
    order_id: str | None = None
    is_whole: bool = True
    verdict: Verdict | None = None


class Corpus:
    """The stories in a folder. Its files can be used by their owner alone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def prepare(self) -> None:
        """Make the folder, unless there is a corpus already. Raises `NoCorpus` when there is something
        else, and `OSError`."""
        if self.folder.is_dir() and any(self.folder.iterdir()):
            self.check()
            return
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self.folder / _STORIES).mkdir(mode=0o700)
        _write(self.folder / _HEAD, {"format": FORMAT, "version": FORMAT_VERSION})

    def check(self) -> None:
        """Raise `NoCorpus` when there is no corpus of a format that this release knows."""
        try:
            head = json.loads((self.folder / _HEAD).read_text())
        except (OSError, ValueError) as error:
            raise NoCorpus(
                f"{self.folder} is no corpus: name an empty folder, or one that "
                "`orderwright events harvest` made"
            ) from error
        if head != {"format": FORMAT, "version": FORMAT_VERSION}:
            raise NoCorpus(f"{self.folder} is a corpus of another format than this release knows: {head}")

    def stories(self) -> Iterator[tuple[str, Story]]:
        """Each story with the name of its file, in the order in which they were taken."""
        for path in sorted((self.folder / _STORIES).glob("*.json")):
            yield path.stem, _story(json.loads(path.read_text()))

    def add(self, story: Story) -> str:
        """Keep one more story; the name of its file."""
        taken = [int(path.stem) for path in (self.folder / _STORIES).glob("*.json")]
        name = f"{max(taken, default=0) + 1:05}"
        _write(self.folder / _STORIES / f"{name}.json", asdict(story))
        return name


def _write(path: Path, content: Any) -> None:
    """Write a file as a whole or not at all."""
    unfinished = path.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(json.dumps(content, indent=1) + "\n")
    unfinished.rename(path)


def _story(content: dict[str, Any]) -> Story:
    verdict = content["verdict"]
    return Story(
        tuple(CorpusEvent(**event) for event in content["events"]),
        tuple(Sample(**sample) for sample in content["samples"]),
        content["order_id"],
        content["is_whole"],
        None if verdict is None else Verdict(verdict["status"], tuple(verdict["rules"])),
    )


def samples_of(corpus: Corpus) -> Sequence[tuple[str, Story, Sample]]:
    """Every sample of a corpus, with its story and the name of the story's file."""
    return [(name, story, sample) for name, story in corpus.stories() for sample in story.samples]
