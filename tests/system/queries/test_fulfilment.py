"""A fulfilment as it is told from its own events."""

from domain.shared.ids import fulfilment_id
from system.queries.explain import explain
from tests.support.damage import row_at
from tests.support.planting import plant_stored
from tests.support.running_shop import Shop


def test_an_event_of_another_kind_in_its_stream_is_damage_and_not_passed_over(shop: Shop) -> None:
    order = shop.order(("CD-X1", 2, "11.77"))
    shop.settle()
    orderwright = shop.orderwright
    stream = fulfilment_id(order)
    version = orderwright.fulfilments.recorder.select_stream(stream)[-1].originator_version
    placed = row_at(orderwright, "Orders", order, 1)

    plant_stored(orderwright.fulfilments, stream, version + 1, placed.topic, placed.state)

    (damage,) = shop.saga(order).damage
    assert "is no fact of a fulfilment" in damage.error
    assert "cannot be told" in explain(orderwright, order).sentences[-1]
