"""The limits of a request as such, all in one place. Those of the values in it are in
`application.limits`, which every way in shares, and in the domain: beyond them the answer is 422.
"""

MAX_DEPTH = 16
"""How deep arrays and objects of a body may nest."""

MAX_VALUES = 100_000
"""How many values a body may hold, counted over all levels."""

MAX_NUMBER_CHARACTERS = 32
"""How many characters a number may have. Numbers are exact decimals, never binary floats."""

MAX_NUMBER_EXPONENT = 30
"""How far from the decimal point a number's first digit may be."""

MAX_IDEMPOTENCY_KEY = 255
"""An ``Idempotency-Key`` has 1 to 255 printable ASCII characters."""

MAX_REQUEST_ID = 128
"""A longer or unprintable ``X-Request-Id`` is replaced by one of ours."""

MAX_ERRORS = 20
"""How many problems of one request an answer lists at most."""

MAX_DETAIL = 500
"""How many characters of an explanation are shown: it may quote the request."""
