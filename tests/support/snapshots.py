"""What holds of snapshots, whatever is stored."""

from uuid import UUID, uuid4

from application.base import CommandContext
from application.state import aggregate_of, state_of
from application.streams import folded
from domain.inventory import StockItem
from domain.shared.causes import because_of
from domain.shared.ids import stock_item_id
from system.bootstrap import Orderwright
from tests.support.stories import FRIDAY_NOON


def assert_states_come_back(orderwright: Orderwright) -> set[str]:
    """At every version of every stream: the state as stored and the later events make what a replay makes.
    The kinds of aggregates that there were."""
    kinds = set()
    for application in orderwright.applications.values():
        for stream in streams_of(application.recorder):
            events = list(application.recorder.select_events(stream))
            replayed, states = None, []
            for stored in events:
                replayed = folded(replayed, stored, application.mapper)
                states.append((type(replayed), state_of(replayed), dict(vars(replayed))))
            for version, (kind, state, _) in enumerate(states, 1):
                restored = aggregate_of(kind, state)
                for stored in events[version:]:
                    restored = folded(restored, stored, application.mapper)
                assert vars(restored) == vars(replayed), f"{kind.__name__} {stream} from version {version} on"
                kinds.add(kind.__name__)
    return kinds


def streams_of(recorder: object) -> set[UUID]:
    """The streams of a store."""
    return {row[0] for row in recorder.select_log(0, 100_000)}  # type: ignore[attr-defined]  # of any store


def sell_well(orderwright: Orderwright, sku: str, events: int) -> UUID:
    """Have so many events recorded of a product, as fast as can be; its stream."""
    inventory, stream = orderwright.inventory, stock_item_id(sku)
    loaded = inventory.repository.load(stream, replay=True)
    item: StockItem | None = loaded.aggregate if loaded is not None else None
    order = uuid4()
    begun = item.version if item is not None else 0
    for number in range(begun, begun + events):
        command = CommandContext(f"{sku}-{number}", FRIDAY_NOON, "wanda")
        with because_of(command.cause(stream)):
            if item is None:
                item = StockItem.introduce(sku)
            elif item.on_hand == 0 or number % 10 == 0:
                item.receive(5, command.command_id)
            elif item.reserved == 0:
                item.reserve(order, 1)
            else:
                item.release(order, 1)
        if number % 100 == 99:
            inventory.save(item)
    assert item is not None
    inventory.save(item)
    return stream
