"""The limits of a request, all in one place. What a rule of the business limits is not here:
quantities, SKUs, prices and the number of items are the domain's to refuse (422).
"""

MAX_DEPTH = 16
"""How deep arrays and objects of a body may nest."""

MAX_VALUES = 100_000
"""How many values a body may hold, counted over all levels."""

MAX_NUMBER_CHARACTERS = 32
"""How many characters a number may have. Numbers are exact decimals, never binary floats."""

MAX_NUMBER_EXPONENT = 30
"""How far from the decimal point a number's first digit may be."""

MAX_CUSTOMER_ID = 128
MAX_PAYMENT_METHOD = 64
MAX_ORDER_REF = 128
MAX_REASON = 500
MAX_EVENT_ID = 64

MAX_IDEMPOTENCY_KEY = 255
"""An ``Idempotency-Key`` has 1 to 255 printable ASCII characters."""

MAX_USER = 128
"""An ``X-User`` has 1 to 128 printable characters, in UTF-8."""

MAX_REQUEST_ID = 128
"""A longer or unprintable ``X-Request-Id`` is replaced by one of ours."""

MAX_ERRORS = 20
"""How many problems of one request an answer lists at most."""

MAX_DETAIL = 500
"""How many characters of an explanation are shown: it may quote the request."""
