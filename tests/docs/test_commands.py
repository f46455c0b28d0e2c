"""Every command that a document or a message names exists, with the options and arguments given there."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import pytest

from web.cli import main

ROOT = Path(__file__).parents[2]
DOCUMENTS = [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md"]
RINGS = ("domain", "application", "system", "web")

_FENCED = re.compile(r"^```\w*\n(.*?)^```", re.M | re.S)
_MENTIONED = re.compile(r"`(?:[A-Z_]+=\S+ )*(?:\S*/)?orderwright( [^`]*)`")
_TYPED = re.compile(r"^\s*(?:[A-Z_]+=\S+ )*(?:\S*/)?orderwright( .*)$", re.M)
_INSIDE = re.compile(r"\$\((.*)\)")
_OF_EVERY_COMMAND = frozenset({"--json", "--help", "--version"})
_END_OF_COMMAND = frozenset({"|", ">", ">>", "&&", ";", "&", "2>"})


@dataclass(frozen=True)
class Typed:
    """A command as it stands in a document; whole, or only mentioned."""

    words: tuple[str, ...]
    is_whole: bool


def commands_in(text: str) -> Iterator[Typed]:
    """The commands of a document."""
    for block in _FENCED.findall(text):
        lines = block.replace("\\\n", " ")
        for line in _TYPED.findall(_INSIDE.sub("VALUE", lines) + "\n" + "\n".join(_INSIDE.findall(lines))):
            yield Typed(tuple(_words(line)), is_whole=True)
    for mention in _MENTIONED.findall(_FENCED.sub("", text)):
        yield Typed(tuple(_words(mention)), is_whole=False)


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


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_commands_of_a_document_exist(document: Path) -> None:
    for typed in commands_in(document.read_text()):
        try:
            check(typed)
        except click.UsageError as error:
            pytest.fail(f"orderwright {' '.join(typed.words)}: {error.format_message()}")


@pytest.mark.parametrize("ring", RINGS)
def test_the_commands_that_messages_name_exist(ring: str) -> None:
    for source in sorted((ROOT / ring).rglob("*.py")):
        for mention in _MENTIONED.findall(source.read_text()):
            try:
                check(Typed(tuple(_words(mention)), is_whole=False))
            except click.UsageError as error:
                pytest.fail(f"{source.relative_to(ROOT)}: orderwright{mention}: {error.format_message()}")


@pytest.mark.parametrize(
    "text",
    [
        "`orderwright orders annul ORDER_ID`",
        "`orderwright annul`",
        "`orderwright runner --only Nobody`",
        "```\norderwright orders cancel ORDER_ID --because TEXT\n```",
        "```\norderwright orders cancel ORDER_ID\n```",
        "```\norderwright orders cancel --reason TEXT\n```",
        "```\norderwright stock receive SKU 5 6\n```",
        "```\nUSER=olga .venv/bin/orderwright orders\n```",
    ],
)
def test_a_command_that_does_not_exist_is_noticed(text: str) -> None:
    (typed,) = commands_in(text)
    with pytest.raises((AssertionError, click.UsageError)):
        check(typed)


def test_there_are_commands_to_check() -> None:
    assert sum(1 for document in DOCUMENTS for _ in commands_in(document.read_text())) > 100
