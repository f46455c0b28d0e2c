"""Writes the matrix down for people: ``python -m tests.matrix.render``."""

from pathlib import Path

from domain.fulfilment import STEPS

from .cells import CELLS, TROUBLES, NoCell

DOCUMENT = Path(__file__).parents[2] / "docs" / "saga-failures.md"

HEAD = """\
# When a step of the saga fails

Each step of the saga, in each trouble that it can be in, and how it ends. Every cell is a test
(`tests/matrix`), on SQLite and PostgreSQL; those about a crash kill a real process. In every cell no
money and no stock is left behind, and the customer is charged at most once.

**CONFIRMED** and **CANCELLED** are how the order ends; **DESK** means that it is a case on the
[dead-letter desk](procedures/dead-letters.md): what is held is known, and waits for a person.
"""


def document() -> str:
    """The matrix in Markdown."""
    lines = [HEAD, "| | " + " | ".join(step.name for step in STEPS) + " |", "|---" * (len(STEPS) + 1) + "|"]
    for trouble in TROUBLES:
        cells = [_cell(step.name, trouble) for step in STEPS]
        lines.append(f"| {trouble} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _cell(step: str, trouble: str) -> str:
    cell = CELLS[step, trouble]
    return f"- ({cell.because})" if isinstance(cell, NoCell) else f"**{cell.ends}**: {cell.told}"


if __name__ == "__main__":
    DOCUMENT.write_text(document())
