"""A service in processes of its own, and customers who do not give up."""

import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support.waiting import PATIENCE_SECONDS, wait_until

ROOT = Path(__file__).parents[2]
Process = subprocess.Popen[bytes]


@dataclass
class Answered:
    """How a request was answered, and after how many seconds."""

    status: int
    seconds: float
    headers: Mapping[str, str]
    body: Any


class Service:
    """``orderwright`` processes on one store, started by their arguments; all are killed at the end."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = {"PATH": os.environ["PATH"], "ORDERWRIGHT_LOG_LEVEL": "ERROR", **environment}
        self.processes: list[Process] = []
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end_all()

    def end_all(self) -> None:
        """End every process in order, or by force where that takes too long."""
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes.clear()

    def point_at(self, environment: Mapping[str, str]) -> None:
        """Start processes on another store from here on."""
        self._environment |= environment

    def start(self, *arguments: str) -> Process:
        """Start one more process."""
        if arguments[0] in ("api", "serve"):
            arguments = (*arguments, "--port", str(self.port))
        self.processes.append(
            subprocess.Popen(
                [sys.executable, "-c", "from web.cli import main; main()", *arguments],
                cwd=ROOT,
                env=self._environment,
                stdout=subprocess.DEVNULL,
            )
        )
        return self.processes[-1]

    def ask(self, method: str, path: str, body: Any = None, key: str | None = None) -> Answered:
        """Send a request on a connection of its own. Raises `OSError` when nobody answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
        began = time.monotonic()
        try:
            connection.request(method, path, body and json.dumps(body), headers)
            answer = connection.getresponse()
            text = answer.read()
        except http.client.HTTPException as error:
            raise OSError("the connection was cut") from error
        finally:
            connection.close()
        return Answered(answer.status, time.monotonic() - began, dict(answer.headers), json.loads(text))

    def is_ready(self) -> bool:
        """Whether it says that it is ready for work."""
        try:
            return self.ask("GET", "/readyz").status == 200
        except OSError:
            return False

    def wait_until_ready(self) -> None:
        """Wait until it is ready for work."""
        wait_until(self.is_ready, what="the service is ready")


def order(pays: str = "pm_ok", quantity: int = 1) -> dict[str, Any]:
    """An order as it is posted."""
    items = [{"sku": "CD-X1", "quantity": quantity, "unit_price": "11.77"}]
    return {"customer_id": "ada", "currency": "USD", "payment_method": pays, "items": items}


METHODS = ("pm_ok", "pm_declined", "pm_ok", "pm_error_once", "pm_ok")


@dataclass
class Customers:
    """Order without a pause; send each order again under its key until it is acknowledged."""

    service: Service
    count: int = 6
    acknowledged: dict[str, str] = field(default_factory=dict)
    faults: list[BaseException] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._threads = [threading.Thread(target=self._order, args=(n,)) for n in range(self.count)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS)
        if self.faults:
            raise self.faults[0]

    def wait_for_more(self, orders: int) -> None:
        """Wait until so many more orders are acknowledged."""
        enough = len(self.acknowledged) + orders
        wait_until(lambda: len(self.acknowledged) >= enough or self.faults, what="orders are accepted")

    def _order(self, customer: int) -> None:
        try:
            number = 0
            while not self._stop.is_set():
                key = f"{customer}-{number}"
                self.acknowledged[key] = self._insist(key, METHODS[number % len(METHODS)])
                number += 1
        except BaseException as fault:
            self.faults.append(fault)

    def _insist(self, key: str, pays: str) -> str:
        deadline = time.monotonic() + 60
        while True:
            try:
                answer = self.service.ask("POST", "/api/v1/orders", order(pays), key)
            except OSError:
                answer = None
            if answer is not None and answer.status == 201:
                return str(answer.body["order_id"])
            if answer is not None and answer.status not in (502, 503):
                raise AssertionError(f"order {key} was answered with {answer.status}: {answer.body}")
            if time.monotonic() > deadline:
                raise AssertionError(f"order {key} was never accepted")
            self._stop.wait(0.05)
