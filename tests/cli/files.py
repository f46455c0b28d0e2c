"""Files of orders for the import."""

import csv
from pathlib import Path

HEADER = "order_ref,customer_id,placed_on,sku,quantity,unit_price,currency"


def report_of(path: Path) -> list[list[str]]:
    """The lines of a report of refused lines."""
    with path.open(newline="") as report:
        return list(csv.reader(report))


def write_orders(path: Path, *rows: str) -> Path:
    """A CSV file with these lines below its header."""
    path.write_text("\n".join((HEADER, *rows)) + "\n")
    return path


SMALL = (
    "r-1,ada,1997-01-31,CD-X1,2,11.77,USD",
    "r-1,ada,1997-01-31,CD-X2,1,0.00,USD",
    "r-2,eve,1997-02-01,CD-X1,3,5.00,USD",
    "r-3,bob,1997-02-02,CD-X3,1,0.00,USD",
    "r-4,bob,1997-02-02,CD-X3,one,1.00,USD",
)
"""Two orders that are fine (38.54 USD), of which one has two lines; one without a total, one malformed."""
