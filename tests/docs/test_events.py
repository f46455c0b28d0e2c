"""The document of the events is what the code says of them."""

from pathlib import Path

from system.catalogue.document import DOCUMENT, document

ROOT = Path(__file__).parents[2]


def test_the_document_of_the_events_says_what_the_code_says() -> None:
    assert (ROOT / DOCUMENT).read_text() == document(), (
        "docs/events.md is out of date: run python -m system.catalogue.document"
    )
