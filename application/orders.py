"""Orders: place, cancel, look up now or as of then."""

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID, uuid4

from eventsourcing.persistence import IntegrityError

from domain.orders import Order, OrderLine, OrderReference, check_new, priced
from domain.shared.aggregates import Aggregate
from domain.shared.causes import because_of
from domain.shared.errors import Contradiction, DomainError, NotFound
from domain.shared.ids import order_id_from_key, order_id_from_ref
from domain.shared.money import UnknownCurrency
from domain.shared.products import InvalidSku

from .base import MAX_TRIES, Application, CommandContext, ConcurrentChanges, last_position
from .streams import located
from .unreadable import UnreadableEvent
from .views import LineView, OrderView, Written

NO_LONGER_TAKEN = (UnknownCurrency, InvalidSku)
"""What an order is refused with that an earlier release may have taken."""


class OrderNotFound(NotFound):
    """There is no such order, or was none at that moment or version."""

    code = "order_not_found"


class IdempotencyKeyReused(Contradiction):
    """The key was used before, for something else."""

    code = "idempotency_key_reused"


class OrderRefTaken(Contradiction):
    """An order with this reference exists and is not the same, whatever way it came."""

    code = "order_ref_taken"


@dataclass(frozen=True)
class Item:
    """A line as it is asked for."""

    sku: str
    quantity: int
    unit_price: Decimal


@dataclass(frozen=True)
class PlaceOrder:
    """Place an order. With an idempotency key or a reference it can be sent again safely."""

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

    @property
    def claims_reference(self) -> bool:
        """Whether the order's id says nothing of its reference, which therefore has to be claimed."""
        return self.idempotency_key is not None and self.order_ref is not None


class Orders(Application):
    """The orders of a shop."""

    name = "Orders"

    def place_order(self, command: PlaceOrder, context: CommandContext) -> Written[OrderView]:
        """Place the order, or find it placed already by the same command.

        Raises a `DomainError` that points at the part that broke a rule, `IdempotencyKeyReused` or
        `OrderRefTaken`. Nothing is recorded then.
        """
        streams = _streams(command)
        for _ in range(MAX_TRIES):
            try:
                order = _place(command, streams[0], context)
            except NO_LONGER_TAKEN:
                existing = self._placed_before(command, streams, context)
                if existing is None:
                    raise
                return self._written(existing, None, replayed=True)
            try:
                position = last_position(self.save(*_claims(command, order, context), order))
            except IntegrityError:
                existing = _first(streams, self._orders_at(streams))
                if existing is None:
                    continue
                self._check_same(command, existing, order)
                return self._written(existing, None, replayed=True)
            return self._written(order, position)
        raise ConcurrentChanges(
            "the order could not be placed for the moment; nothing was recorded, try again"
        )

    def check_placed(self, order_id: UUID) -> None:
        """Raise `OrderNotFound` when there is no such order. One that cannot be read is one."""
        with contextlib.suppress(UnreadableEvent):
            self._get(order_id)

    def check(self, command: PlaceOrder) -> None:
        """Raise what placing the order would be refused with, whatever is stored. Records nothing."""
        lines = _lines(command.items)  # every rule of a new order is about its lines
        priced(lines, command.currency)
        check_new(lines, command.currency)

    def order_id_of(self, order_ref: str) -> UUID:
        """The id of the order with this reference, if there is one."""
        stream_id = order_id_from_ref(order_ref)
        claim = self.find(OrderReference, stream_id)
        return stream_id if claim is None else claim.order_id

    def place_orders(
        self, commands: Sequence[PlaceOrder], context: CommandContext
    ) -> list[OrderView | DomainError | None]:
        """Place many orders in one transaction, for bulk loads.

        Answers for each, in order: the new order, the error it was refused with, or None when it
        had been placed before.
        """
        streams_of = [_streams(command) for command in commands]
        answers: list[OrderView | DomainError | None] = [None] * len(commands)
        known: dict[UUID, Order] = {}
        unreadable: dict[UUID, UnreadableEvent] = {}
        for _ in range(MAX_TRIES):
            fresh: dict[UUID, Order] = {}  # by each stream that begins with it
            begun: list[Aggregate] = []
            for number, (streams, command) in enumerate(zip(streams_of, commands, strict=True)):
                try:
                    order = _place(command, streams[0], context)
                    for stream_id in streams:
                        if stream_id in unreadable:
                            raise unreadable[stream_id]
                    before = _first(streams, known) or _first(streams, fresh)
                    if before is None:
                        fresh |= dict.fromkeys(streams, order)
                        begun += [*_claims(command, order, context), order]
                        answers[number] = order_view(order)
                    else:
                        self._check_same(command, before, order)
                        answers[number] = None
                except DomainError as error:
                    answers[number] = self._unless_placed_before(error, command, streams, context)
            try:
                self.save(*begun)
            except IntegrityError:
                for stream_id in fresh:
                    try:
                        known |= self._orders_at([stream_id])
                    except UnreadableEvent as error:
                        unreadable[stream_id] = error
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
                if not isinstance(event, Order.Event) or event.timestamp > moment:
                    break
                version = event.originator_version
        except UnreadableEvent as error:
            raise located(error, self.streams) from error.__cause__
        if not version:
            raise OrderNotFound(f"there was no order {order_id} at {moment.isoformat()}")
        return self.order_at_version(order_id, version)

    def _get(self, order_id: UUID) -> Order:
        order = self.find(Order, order_id)
        if order is None:
            raise OrderNotFound(f"there is no order {order_id}")
        return order

    def _orders_at(self, stream_ids: Iterable[UUID]) -> dict[UUID, Order]:
        """The orders that stand at these streams, by themselves or as a claim that names them."""
        found = self.find_all(Aggregate, stream_ids)
        claimed = {id_: claim.order_id for id_, claim in found.items() if isinstance(claim, OrderReference)}
        named = self.find_all(Order, claimed.values())
        orders = {id_: named.get(claimed[id_]) if id_ in claimed else found[id_] for id_ in found}
        return {id_: order for id_, order in orders.items() if isinstance(order, Order)}

    def _placed_before(
        self, command: PlaceOrder, streams: Sequence[UUID], context: CommandContext
    ) -> Order | None:
        """The order that this command placed when an earlier release took what a new order may not
        have: whoever sends it again is told the truth. Raises what would be wrong with it even so."""
        again = _place(command, streams[0], context, again=True)
        existing = _first(streams, self._orders_at(streams))
        if existing is not None:
            self._check_same(command, existing, again)
        return existing

    def _unless_placed_before(
        self, refusal: DomainError, command: PlaceOrder, streams: Sequence[UUID], context: CommandContext
    ) -> DomainError | None:
        """The refusal of an order, or None when it stands: placed by a release that took it."""
        if not isinstance(refusal, NO_LONGER_TAKEN):
            return refusal
        try:
            return refusal if self._placed_before(command, streams, context) is None else None
        except DomainError as error:
            return error

    @staticmethod
    def _check_same(command: PlaceOrder, existing: Order, again: Order) -> None:
        if _content(existing) == _content(again):
            return
        if command.idempotency_key is not None and existing.id == again.id:
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


def _streams(command: PlaceOrder) -> tuple[UUID, ...]:
    """The streams that begin with an order: its own, and that of a reference it has to claim."""
    if command.claims_reference:
        return command.order_id, order_id_from_ref(command.order_ref or "")
    return (command.order_id,)


def _claims(command: PlaceOrder, order: Order, context: CommandContext) -> list[OrderReference]:
    """What an order claims. It is recorded before the order itself, so that the last event of the
    command is one that followers react to, and record how far they are."""
    if command.order_ref is None or not command.claims_reference:
        return []
    with because_of(context.cause(order.id)):
        return [OrderReference.claim(command.order_ref, order.id)]


def _first(streams: Iterable[UUID], orders: Mapping[UUID, Order]) -> Order | None:
    return next((orders[stream_id] for stream_id in streams if stream_id in orders), None)


def _place(command: PlaceOrder, order_id: UUID, context: CommandContext, *, again: bool = False) -> Order:
    with because_of(context.cause(order_id)):
        return Order.place(
            order_id,
            customer_id=command.customer_id,
            currency=command.currency,
            payment_method=command.payment_method,
            items=_lines(command.items),
            order_ref=command.order_ref,
            placed_on=command.placed_on,
            again=again,
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
