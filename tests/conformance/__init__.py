"""What every store promises, as one suite over all of them."""
