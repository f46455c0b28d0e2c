"""How a report of the check before a deployment is read, and the shop that is checked."""

from application.views import to_json
from system.deploying.report import DeployReport
from tests.support.running_shop import Shop
from tests.support.ways import ByHand


def assert_decides_the_same(report: DeployReport) -> None:
    """Nothing would be decided otherwise, and everything was made once more."""
    assert [to_json(one) for one in report.differences] == []
    assert report.is_same
    assert report.not_replayed == ()


def by_hand_of(shop: Shop) -> ByHand:
    """How the shop is worked."""
    assert isinstance(shop.way, ByHand)
    return shop.way
