"""The figures of the sagas over HTTP."""

import pytest

from tests.support.clocks import StandingClock
from tests.support.ways import ByHand
from tests.web.api import Api

FIGURES = "/operations/figures"


def test_the_figures_are_told_as_json(api: Api, idle: ByHand, clock: StandingClock) -> None:
    api.receive()
    api.placed()
    api.placed(payment_method="pm_declined")
    idle.settle()
    answer = api.get(FIGURES)
    assert answer.status == 200
    told = answer.json
    assert (told["started"], told["completed"], told["failed"], told["failure_rate"]) == (2, 1, 1, 0.5)
    assert told["by_status"]["COMPLETED"] == 1
    assert told["time_to_settle"]["all"] == {"count": 2, "p50_seconds": 0, "p99_seconds": 0}
    assert told["reasons"] == [{"reason": "payment declined", "count": 1}]
    assert (told["as_of"], told["since"]) == ("2024-05-17T12:00:00.000000Z", None)

    clock.put_forward(1)
    api.placed()
    idle.settle()
    told = api.get(f"{FIGURES}?since=2024-05-17T14:00:01%2B02:00").json
    assert (told["started"], told["since"]) == (1, "2024-05-17T12:00:01.000000Z")


@pytest.mark.parametrize(
    ("query", "fault"),
    [
        ("since=yesterday", ("/since", "invalid_query")),
        ("since=2024-05-17", ("/since", "invalid_query")),
        ("since=2024-05-17T12:00:00Z&since=2024-05-17T12:00:00Z", ("/since", "invalid_query")),
        ("until=2024-05-17T12:00:00Z", ("/until", "unknown_parameter")),
    ],
)
def test_what_figures_may_not_be_asked(api: Api, query: str, fault: tuple[str, str]) -> None:
    answer = api.get(f"{FIGURES}?{query}")
    assert (answer.status, answer.faults) == (400, [fault])
