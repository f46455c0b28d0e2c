"""How much is generated: the same examples every time, so that a red build is red for everybody."""

from hypothesis import HealthCheck, settings

GENERATED = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=80,
    stateful_step_count=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    print_blob=False,
)
"""For everything in memory."""

ON_DISK = settings(GENERATED, max_examples=15)
"""Where every step costs a transaction on disk."""
