"""Orders: place, cancel, look up now or as of then."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID, uuid4

from eventsourcing.persistence import IntegrityError

from domain.orders import Order, OrderLine
from domain.shared.causes import because_of
from domain.shared.errors import Contradiction, DomainError, NotFound
from domain.shared.ids import order_id_from_key, order_id_from_ref

from .base import MAX_TRIES, Application, CommandContext, ConcurrentChanges, last_position
from .streams import located
from .unreadable import UnreadableEvent
from .views import LineView, OrderView, Written


class OrderNotFound(NotFound):
    """There is no such order, or was none at that moment or version."""

    code = "order_not_found"


class IdempotencyKeyReused(Contradiction):
    """The key was used before, for something else."""

    code = "idempotency_key_reused"


class OrderRefTaken(Contradiction):
    """An order with this reference exists and is not the same."""

    code = "order_ref_taken"


@dataclass(frozen=True)
class Item:
    """A line as it is asked for."""

    sku: str
    quantity: int
    unit_price: Decimal


@dataclass(frozen=True)
class PlaceOrder:
    """Place an order. With an idempotency key, or else a reference, it can be sent again safely."""

    customer_id: str
    currency: str
    payment_method: str
    items: Sequence[Item]
    order_ref: str | None = None
    idempotency_key: str | None = None
    placed_on: date | None = None

    @property
    def order_id(self) -> UUID:
        """Derived from the key, else from the reference; without either a new one each time."""
        if self.idempotency_key is not None:
            return order_id_from_key(self.idempotency_key)
        if self.order_ref is not None:
            return order_id_from_ref(self.order_ref)
        return uuid4()


def order_id_of(order_ref: str) -> UUID:
    """The id of the order that was placed with this reference and without an idempotency key."""
    return order_id_from_ref(order_ref)


class Orders(Application):
    """The orders of a shop."""

    name = "Orders"

    def place_order(self, command: PlaceOrder, context: CommandContext) -> Written[OrderView]:
        """Place the order, or find it placed already by the same command.

        Raises a `DomainError` that points at the part that broke a rule, `IdempotencyKeyReused` or
        `OrderRefTaken`. Nothing is recorded then.
        """
        order = _place(command, command.order_id, context)
        try:
            position = last_position(self.save(order))
        except IntegrityError:
            existing = self._get(order.id)
            self._check_same(command, existing, order)
            return self._written(existing, None, replayed=True)
        return self._written(order, position)

    def check_placed(self, order_id: UUID) -> None:
        """Raise `OrderNotFound` when there is no such order. One that cannot be read is one."""
        if not self.is_placed(order_id):
            raise OrderNotFound(f"there is no order {order_id}")

    def check(self, command: PlaceOrder, context: CommandContext) -> None:
        """Raise what placing the order would be refused with, whatever is stored. Records nothing."""
        _place(command, command.order_id, context)

    def is_placed(self, order_id: UUID) -> bool:
        """Whether there is such an order."""
        return any(True for _ in self.recorder.select_events(order_id, limit=1))

    def place_orders(
        self, commands: Sequence[PlaceOrder], context: CommandContext
    ) -> list[OrderView | DomainError | None]:
        """Place many orders in one transaction, for bulk loads.

        Answers for each, in order: the new order, the error it was refused with, or None when it
        had been placed before.
        """
        order_ids = [command.order_id for command in commands]
        answers: list[OrderView | DomainError | None] = [None] * len(commands)
        known: dict[UUID, Order] = {}
        unreadable: dict[UUID, UnreadableEvent] = {}
        for _ in range(MAX_TRIES):
            fresh: dict[UUID, Order] = {}
            for number, (order_id, command) in enumerate(zip(order_ids, commands, strict=True)):
                try:
                    order = _place(command, order_id, context)
                    if order_id in unreadable:
                        raise unreadable[order_id]
                    before = known.get(order_id) or fresh.get(order_id)
                    if before is None:
                        fresh[order_id] = order
                        answers[number] = order_view(order)
                    else:
                        self._check_same(command, before, order)
                        answers[number] = None
                except DomainError as error:
                    answers[number] = error
            try:
                self.save(*fresh.values())
            except IntegrityError:
                for order_id in fresh:
                    try:
                        stored = self.find(Order, order_id)
                    except UnreadableEvent as error:
                        unreadable[order_id] = error
                    else:
                        known |= {} if stored is None else {order_id: stored}
            else:
                return answers
        raise ConcurrentChanges("others kept placing the same orders; nothing was recorded, try again")

    def cancel_order(
        self, order_id: UUID, reason: str, context: CommandContext, *, expected_version: int | None = None
    ) -> Written[OrderView]:
        """Cancel an order that stands. The same command again records nothing and is no error;
        with another reason it is `IdempotencyKeyReused`.
        """

        def is_repeat(order: Order) -> bool:
            return order.cancelled_by_command == context.command_id

        def cancel(order: Order) -> None:
            if not is_repeat(order):
                order.cancel(reason)
            elif order.cancel_reason != reason:
                raise IdempotencyKeyReused(f"the same command cancelled order {order_id} for another reason")

        order, position = self.decide(
            lambda: self._get(order_id),
            cancel,
            context.cause(order_id),
            expected_version=expected_version,
            is_repeat=is_repeat,
        )
        return self._written(order, position, replayed=position is None)

    def order(self, order_id: UUID) -> OrderView:
        """The order as it is now, or `OrderNotFound`."""
        return order_view(self._get(order_id))

    def order_at_version(self, order_id: UUID, version: int) -> OrderView:
        """The order as it was at a version, or `OrderNotFound` when it never had that version."""
        order = self.find(Order, order_id, version) if version > 0 else None
        if order is None or order.version != version:
            raise OrderNotFound(f"order {order_id} has no version {version}", field="/version")
        return order_view(order)

    def order_as_of(self, order_id: UUID, moment: datetime) -> OrderView:
        """The order as it was at a moment (its events up to and including that time)."""
        version = 0
        try:
            for event in self.events.get(order_id):
                if event.timestamp > moment:  # type: ignore[attr-defined]  # every event of ours has a time
                    break
                version = event.originator_version
        except UnreadableEvent as error:
            raise located(error, self.recorder) from error.__cause__
        if not version:
            raise OrderNotFound(f"there was no order {order_id} at {moment.isoformat()}")
        return self.order_at_version(order_id, version)

    def _get(self, order_id: UUID) -> Order:
        order = self.find(Order, order_id)
        if order is None:
            raise OrderNotFound(f"there is no order {order_id}")
        return order

    @staticmethod
    def _check_same(command: PlaceOrder, existing: Order, again: Order) -> None:
        if _content(existing) == _content(again):
            return
        if command.idempotency_key is not None:
            raise IdempotencyKeyReused(f"this idempotency key placed order {existing.id}, with other content")
        raise OrderRefTaken(
            f"order {existing.id} carries reference {command.order_ref!r}, with other content",
            field="/order_ref",
        )

    def _written(self, order: Order, position: int | None, *, replayed: bool = False) -> Written[OrderView]:
        if position is None:
            position = self.recorder.max_notification_id() or 0
        return Written(order_view(order), self.name, position, replayed)


def order_view(order: Order) -> OrderView:
    """How an order looks from outside."""
    return OrderView(
        order_id=str(order.id),
        order_ref=order.order_ref,
        customer_id=order.customer_id,
        status=str(order.status),
        currency=order.total.currency,
        total=str(order.total.amount),
        items=tuple(LineView(line.sku, line.quantity, str(line.unit_price)) for line in order.items),
        version=order.version,
        created_at=order.created_on,
        confirmed_at=order.confirmed_at,
        cancelled_at=order.cancelled_at,
        cancel_reason=order.cancel_reason,
    )


def _place(command: PlaceOrder, order_id: UUID, context: CommandContext) -> Order:
    with because_of(context.cause(order_id)):
        return Order.place(
            order_id,
            customer_id=command.customer_id,
            currency=command.currency,
            payment_method=command.payment_method,
            items=_lines(command.items),
            order_ref=command.order_ref,
            placed_on=command.placed_on,
        )


def _lines(items: Sequence[Item]) -> tuple[OrderLine, ...]:
    lines = []
    for number, item in enumerate(items):
        try:
            lines.append(OrderLine(item.sku, item.quantity, item.unit_price))
        except DomainError as error:
            raise type(error)(error.message, field=f"/items/{number}{error.field}") from None
    return tuple(lines)


def _content(order: Order) -> tuple[object, ...]:
    return (order.customer_id, order.order_ref, order.payment_method, order.total, order.items)
