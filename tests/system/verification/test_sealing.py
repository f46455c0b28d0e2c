"""What is sealed is compared without reading all of it each time, and nothing that was found is forgotten."""

import pytest

from application.base import CommandContext
from system.verification import log, resealing
from system.verification.kept import last_verification, seals_of
from system.verification.report import LogVerified, Verdict, VerificationReport
from system.verification.resealing import preview_resealing, reseal
from system.verification.run import verify
from system.verification.seals import Seal, Seals
from tests.support.damage import change, delete
from tests.support.fixtures import Environment, OpenWay
from tests.support.running_shop import Shop
from tests.support.stories import FRIDAY_NOON
from tests.support.ways import ByHand

RANGE = 4
TURNS = 5
ORDERS = 43


@pytest.fixture(autouse=True)
def small_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ranges of four events, and every one read again within five verifications."""
    for module in (log, resealing):
        monkeypatch.setattr(module, "RANGE", RANGE)
    monkeypatch.setattr(log, "TURNS", TURNS)


@pytest.fixture
def shop(environment: Environment, open_way: OpenWay) -> Shop:
    """A shop with some orders that nobody has looked at yet, all of them sealed."""
    shop = Shop(open_way(ByHand, environment))
    for number in range(ORDERS):
        shop.order("TEA", ref=f"order-{number}")
    assert of_orders(verified(shop)).new == ORDERS
    return shop


def verified(shop: Shop, *, is_full: bool = False) -> VerificationReport:
    return verify(shop.orderwright, is_full=is_full, sample=0)


def of_orders(report: VerificationReport) -> LogVerified:
    (found,) = [one for one in report.logs if one.log == "Orders"]
    return found


def stream_at(shop: Shop, position: int) -> object:
    (found,) = shop.orderwright.orders.recorder.select_notifications(position, 1)
    return found.originator_id


def delete_at(shop: Shop, position: int) -> None:
    delete(shop.orderwright, "Orders", stream_at(shop, position), 1)  # type: ignore[arg-type]  # a UUID


def alter_at(shop: Shop, position: int) -> None:
    def as_eve(state: bytes) -> bytes:
        assert b'"customer_id":"ada"' in state
        return state.replace(b'"customer_id":"ada"', b'"customer_id":"eve"')

    change(shop.orderwright, "Orders", stream_at(shop, position), 1, state=as_eve)  # type: ignore[arg-type]  # a UUID


def seals(shop: Shop) -> list[Seal]:
    with seals_of(shop.orderwright) as store:
        return list(Seals(store, "Orders"))


def test_each_verification_reads_what_is_new_the_open_range_and_those_whose_turn_it_is(shop: Shop) -> None:
    assert [(one.first, one.last) for one in seals(shop)][-2:] == [(37, 40), (41, 43)]
    for number in range(3):
        shop.order("TEA", ref=f"new-{number}")

    done = of_orders(verified(shop))
    assert (done.sealed_to, done.new, done.ranges) == (46, 3, 12)
    assert [(one.first, one.last) for one in seals(shop)][-2:] == [(41, 44), (45, 46)]
    assert done.ranges_read == 4  # three whose turn it is, and the one that was open
    assert done.read == 4 * RANGE + 2
    assert of_orders(verified(shop, is_full=True)).read == 46


def test_seals_are_the_same_however_often_they_were_made_longer(shop: Shop) -> None:
    before = seals(shop)
    with seals_of(shop.orderwright) as store:
        store.transact([("DELETE FROM @seal_ranges WHERE first > 21", {})])

    assert of_orders(verified(shop)).chain == before[-1].chain
    assert seals(shop) == before


@pytest.mark.parametrize("position", [1, 22, 40, 42])
def test_a_row_that_is_deleted_is_counted_out_at_once(shop: Shop, position: int) -> None:
    verified(shop)
    delete_at(shop, position)

    (found,) = verified(shop).findings
    assert (found.verdict, found.position, found.last_position) == (
        Verdict.EVENT_MISSING,
        position,
        position,
    )


def test_one_that_is_altered_is_found_when_it_is_its_turn_and_then_each_time(shop: Shop) -> None:
    alter_at(shop, 18)

    rounds = [verified(shop) for _ in range(TURNS)]
    found = [report for report in rounds if not report.is_clean]
    assert found
    assert {(one.verdict, one.position) for report in found for one in report.findings} == {
        (Verdict.EVENT_ALTERED, 18)
    }
    assert rounds[-len(found) :] == found  # once it was found, it is each time
    assert not verified(shop).is_clean


def test_within_so_many_verifications_every_range_is_read_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    read_again = log.LogCheck._read_again

    def noted(self: log.LogCheck, seal: Seal) -> None:
        read.append(seal.first)
        read_again(self, seal)

    monkeypatch.setattr(log.LogCheck, "_read_again", noted)
    for _ in range(TURNS):
        verified(shop)

    assert set(read) >= {one.first for one in seals(shop)}


def test_what_is_wrong_is_not_sealed_and_what_is_new_waits_for_it(shop: Shop) -> None:
    alter_at(shop, 42)
    shop.order("TEA", ref="one more")

    report = verified(shop)
    assert [one.verdict for one in report.findings] == [Verdict.EVENT_ALTERED]
    assert (of_orders(report).sealed_to, of_orders(report).head) == (43, 44)


def test_digests_that_were_changed_are_not_taken_for_a_change_of_the_row(shop: Shop) -> None:
    with seals_of(shop.orderwright) as store:
        digests = store.rows("SELECT digests FROM @seal_ranges WHERE log = 'Orders' AND first = 41", {})
        other = bytes(24 for _ in bytes(digests[0]["digests"]))
        store.transact(
            [
                (
                    "UPDATE @seal_ranges SET digests = :other WHERE log = 'Orders' AND first = 41",
                    {"other": other},
                )
            ]
        )

    (found,) = verified(shop).findings
    assert (found.verdict, found.position, found.last_position) == (Verdict.SEALS_ALTERED, 41, 43)


# What an operator tells the seals


def test_seals_that_are_told_of_a_change_are_made_anew_and_it_is_kept_who_did_it(shop: Shop) -> None:
    alter_at(shop, 18)
    preview = preview_resealing(shop.orderwright, "Orders", 18)
    assert (preview.first, preview.last, preview.events) == (17, 43, 27)
    assert (preview.differing, preview.positions, preview.is_done) == (1, (18,), False)
    assert len(seals(shop)) == 11

    context = CommandContext("c-1", FRIDAY_NOON, "olga")
    assert reseal(shop.orderwright, "Orders", 18, context, "replaced with the customer's word").is_done
    report = verified(shop, is_full=True)
    assert report.is_clean
    assert (of_orders(report).new, of_orders(report).sealed_to) == (27, 43)
    (kept,) = last_verification(shop.orderwright).resealings
    assert (kept.log, kept.made_by, kept.reason) == ("Orders", "olga", "replaced with the customer's word")
    assert "differed at 1 positions: 18" in kept.what


def test_where_nothing_is_sealed_there_is_nothing_to_be_told(shop: Shop) -> None:
    assert preview_resealing(shop.orderwright, "Orders", 44).events == 0
    assert preview_resealing(shop.orderwright, "Payments", 1).events == 0


def test_the_last_verification_is_kept_with_what_it_found(shop: Shop) -> None:
    assert last_verification(shop.orderwright).last_full is None
    delete_at(shop, 3)
    report = verified(shop, is_full=True)

    kept = last_verification(shop.orderwright)
    assert kept.last == kept.last_full == report
