"""The commands that stand in documents and messages, as somebody would type them."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import click

from web.cli import main

ROOT = Path(__file__).parents[2]
DOCUMENTS = [*sorted((ROOT / "docs").rglob("*.md")), *sorted(ROOT.glob("*.md"))]

_FENCED = re.compile(r"^ *```\w*\n(.*?)^ *```", re.M | re.S)
_SET = r"(?:[A-Z_]+=\S+ )*"
_MENTIONED = re.compile(rf"`({_SET})(?:\S*/)?orderwright( [^`]*)`")
_TYPED = re.compile(rf"^\s*({_SET})(?:\S*/)?orderwright( .*)$")
_EXPORTED = re.compile(r"^\s*export (.*)$")
_INSIDE = re.compile(r"\$\((.*)\)")
_OF_EVERY_COMMAND = frozenset({"--json", "--help", "--version"})
_END_OF_COMMAND = frozenset({"|", ">", ">>", "&&", ";", "&", "2>"})


@dataclass(frozen=True)
class Typed:
    """A command as it stands in a document; whole, or only mentioned. In its environment is what is set in
    front of it, or exported before it."""

    words: tuple[str, ...]
    is_whole: bool
    environment: dict[str, str] = field(default_factory=dict, hash=False)

    @property
    def can_be_run(self) -> bool:
        """Whether nothing has to be added to it."""
        try:
            check(Typed(self.words, is_whole=True))
        except (AssertionError, click.UsageError):
            return False
        return True

    def __str__(self) -> str:
        set_before = "".join(f"{name}={value} " for name, value in self.environment.items())
        return f"{set_before}orderwright {' '.join(self.words)}"


def commands_in(text: str) -> Iterator[Typed]:
    """The commands of a document."""
    for block in _FENCED.findall(text):
        exported: dict[str, str] = {}
        for line in block.replace("\\\n", " ").splitlines():
            if match := _EXPORTED.match(line):
                exported |= _settings(match[1])
            for part in (_INSIDE.sub("VALUE", line), *_INSIDE.findall(line)):
                if match := _TYPED.match(part):
                    yield Typed(
                        tuple(_words(match[2])), is_whole=True, environment=exported | _settings(match[1])
                    )
    yield from mentions_in(_FENCED.sub("", text))


def curls_in(text: str) -> Iterator[str]:
    """The requests of a document, one line each."""
    for block in _FENCED.findall(text):
        yield from (line for line in block.replace("\\\n", " ").splitlines() if line.split()[:1] == ["curl"])


def mentions_in(text: str) -> Iterator[Typed]:
    """The commands that a text names in back-quotes."""
    for settings, words in _MENTIONED.findall(text):
        yield Typed(tuple(_words(words)), is_whole=False, environment=_settings(settings))


def _settings(text: str) -> dict[str, str]:
    return dict(each.split("=", 1) for each in shlex.split(text, comments=True))


def _words(line: str) -> Iterator[str]:
    before = ""
    for word in shlex.split(line, comments=True):
        if word in _END_OF_COMMAND:
            return
        if word != "..." or before.startswith("--"):
            yield word
        before = word


def check(typed: Typed) -> None:
    """Raise what is wrong with a command."""
    command: click.Command = main
    context = click.Context(main, info_name="orderwright")
    words = list(typed.words)
    while isinstance(command, click.Group) and words:
        name = words.pop(0)
        if name in _OF_EVERY_COMMAND:
            continue
        child = command.get_command(context, name)
        assert child is not None, f"`{context.command_path}` has no command {name!r}"
        command, context = child, click.Context(child, info_name=name, parent=context)
    if isinstance(command, click.Group):
        assert not typed.is_whole, f"`{context.command_path}` is a group of commands"
        return
    given, left, _ = command.make_parser(context).parse_args(words)
    assert not left, f"`{context.command_path}` takes no {left}"
    values = {each: _words_among(given.get(each.name or "")) for each in command.params}
    for each, words in values.items():
        if isinstance(each.type, click.Choice):
            for word in words:
                each.type.convert(word, each, context)
    missing = [each.name for each, words in values.items() if each.required and not words]
    assert not (typed.is_whole and missing), f"`{context.command_path}` needs {missing}"


def _words_among(value: object) -> list[str]:
    """What was typed for a parameter; the parser has other things for what was not."""
    values = value if isinstance(value, tuple | list) else [value]
    return [each for each in values if isinstance(each, str)]
