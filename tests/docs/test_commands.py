"""Every command that a document or a message names exists, with the options and arguments given there."""

from pathlib import Path

import click
import pytest

from .commands import DOCUMENTS, ROOT, Typed, check, commands_in, mentions_in

RINGS = ("domain", "application", "system", "web")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_commands_of_a_document_exist(document: Path) -> None:
    for typed in commands_in(document.read_text()):
        try:
            check(typed)
        except click.UsageError as error:
            pytest.fail(f"{typed}: {error.format_message()}")


@pytest.mark.parametrize("ring", RINGS)
def test_the_commands_that_messages_name_exist(ring: str) -> None:
    for source in sorted((ROOT / ring).rglob("*.py")):
        for mention in mentions_in(source.read_text()):
            try:
                check(mention)
            except click.UsageError as error:
                pytest.fail(f"{source.relative_to(ROOT)}: {mention}: {error.format_message()}")


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
        "1. Like this:\n\n   ```\n   orderwright orders cancel\n   ```",
    ],
)
def test_a_command_that_does_not_exist_is_noticed(text: str) -> None:
    (typed,) = commands_in(text)
    with pytest.raises((AssertionError, click.UsageError)):
        check(typed)


def test_what_is_exported_holds_for_the_commands_below_it() -> None:
    text = "```\nexport A=1 B=2\nC=3 orderwright doctor\norderwright audit > audit.json\n```"
    assert list(commands_in(text)) == [
        Typed(("doctor",), is_whole=True, environment={"A": "1", "B": "2", "C": "3"}),
        Typed(("audit",), is_whole=True, environment={"A": "1", "B": "2"}),
    ]


def test_there_are_commands_to_check() -> None:
    assert sum(1 for document in DOCUMENTS for _ in commands_in(document.read_text())) > 100
