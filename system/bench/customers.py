"""Customers of a shop that is served over HTTP: they order at a steady rate, look at lists, and wait for
confirmation."""

import http.client
import json
import threading
import time
from collections.abc import Callable
from contextlib import closing
from itertools import count
from types import TracebackType
from typing import Any, NamedTuple, Self

CLIENTS = 16
WAITING = 2
"""So many of them wait for the confirmation of what they ordered, and then order again."""
LISTS_A_SECOND = 10
LISTS = ("limit=50", "status=CANCELLED&limit=50", "sort=-created_at&limit=50", "status=CONFIRMED&limit=20")
LOOK_EVERY_SECONDS = 0.02
PATIENCE_SECONDS = 60.0


class Sample(NamedTuple):
    """A request: its kind, when it was due, and how many seconds after that it was answered."""

    kind: str
    at: float
    seconds: float


class Customers:
    """They come when the block is entered, and go home at its end at the latest.

    Orders are placed at a steady rate in all. Who is late has waited since it was due.
    """

    def __init__(self, port: int, orders_a_second: float) -> None:
        self._port = port
        self.samples: list[Sample] = []
        """What they have seen so far."""
        self._errors: list[Exception] = []
        self._goes_home = threading.Event()
        self._numbers = count()
        placing = CLIENTS - WAITING
        every = placing / orders_a_second
        self._threads = [
            *(self._thread(self._place, every, every * number / placing) for number in range(placing)),
            *(self._thread(self._wait_for_confirmation, 0.0, 0.0) for _ in range(WAITING)),
            self._thread(self._list, 1 / LISTS_A_SECOND, 0.0),
        ]

    def __enter__(self) -> Self:
        self._began = time.monotonic()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._goes_home.set()
        for thread in self._threads:
            thread.join()

    @property
    def is_over(self) -> bool:
        """Whether they go home: they were told to, or something went wrong for one of them."""
        return self._goes_home.is_set()

    def shop_for(self, seconds: float) -> None:
        """Let them go on for so long."""
        self._goes_home.wait(seconds)

    def go_home(self) -> list[Sample]:
        """Let them end; what they have seen. Raises what went wrong for them."""
        self.__exit__(None, None, None)
        if self._errors:
            raise self._errors[0]
        return self.samples

    def _thread(
        self, act: Callable[[http.client.HTTPConnection], str], every: float, first: float
    ) -> threading.Thread:
        return threading.Thread(target=self._go_on, args=(act, every, first), daemon=True)

    def _go_on(self, act: Callable[[http.client.HTTPConnection], str], every: float, first: float) -> None:
        due = self._began + first
        with closing(http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE_SECONDS)) as line:
            try:
                while not self._goes_home.wait(max(0.0, due - time.monotonic())):
                    due = due if every else time.monotonic()
                    kind = act(line)
                    self.samples.append(Sample(kind, due, time.monotonic() - due))
                    due += every
            except Exception as error:  # told when they go home
                self._errors.append(error)
                self._goes_home.set()

    def _place(self, connection: http.client.HTTPConnection) -> str:
        self._order(connection)
        return "post"

    def _wait_for_confirmation(self, connection: http.client.HTTPConnection) -> str:
        order_id = self._order(connection)["order_id"]
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (status := _answer(connection, "GET", f"/api/v1/orders/{order_id}")["status"]) != "CONFIRMED":
            if status == "CANCELLED" or time.monotonic() > deadline:
                raise RuntimeError(f"order {order_id} is {status}, and should be confirmed")
            time.sleep(LOOK_EVERY_SECONDS)
        return "confirmed"

    def _list(self, connection: http.client.HTTPConnection) -> str:
        _answer(connection, "GET", f"/api/v1/orders?{LISTS[next(self._numbers) % len(LISTS)]}")
        return "list"

    def _order(self, connection: http.client.HTTPConnection) -> Any:
        number = next(self._numbers)
        order = {
            "customer_id": f"customer-{number % 500}",
            "currency": "USD",
            "payment_method": "pm_ok",
            "items": [
                {"sku": f"sku-{number * 7 % 20}", "quantity": 1, "unit_price": "11.77"},
                {"sku": f"sku-{(number * 7 + 3) % 20}", "quantity": 2, "unit_price": "4.50"},
            ],
        }
        return _answer(connection, "POST", "/api/v1/orders", order)


def _answer(connection: http.client.HTTPConnection, method: str, path: str, body: Any = None) -> Any:
    headers = {"Content-Type": "application/json"} if body is not None else {}
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    response = connection.getresponse()
    answer = json.loads(response.read())
    if response.status not in (200, 201):
        raise RuntimeError(f"{method} {path} was answered with {response.status}: {answer}")
    return answer
