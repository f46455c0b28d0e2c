"""(c) From sending an order over HTTP to seeing it in the dashboard, under load."""

import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from statistics import quantiles

from .measurements import OURS, STOCK, Round
from .setting import Setting, as_environment

CLIENTS = 16
UNITS = {
    "http_saturation_rate": ("orders/s", True),
    "http_saturation_p50": ("ms", False),
    "http_saturation_p99": ("ms", False),
    "http_20_percent_p50": ("ms", False),
    "http_20_percent_p99": ("ms", False),
}
PART_OF_SATURATION = 0.2
START_SECONDS = 30.0
SERVE = "import sys; sys.argv = {argv}; from web.cli import main; main()"
_ORDER = {
    "customer_id": "ada",
    "currency": "USD",
    "payment_method": "pm_ok",
    "items": [{"sku": "sku-1", "quantity": 1, "unit_price": "11.77"}],
}


def measure(setting: Setting) -> Round:
    """Both are our service under our runner; what differs is the recorder. The clients run beside it."""
    found: dict[str, dict[str, float]] = {name: {} for name in UNITS}
    for contender in (OURS, STOCK):
        with serving(_environment(setting, contender)) as port:
            _load(port, CLIENTS, 1.0, None)  # warm
            saturated = _load(port, CLIENTS, setting.seconds, None)
            rate = len(saturated) / setting.seconds
            calm = _load(port, CLIENTS, setting.seconds, PART_OF_SATURATION * rate)
        found["http_saturation_rate"][contender] = rate
        for load, latencies in (("saturation", saturated), ("20_percent", calm)):
            cuts = quantiles(latencies, n=100)
            found[f"http_{load}_p50"][contender] = 1000 * cuts[49]
            found[f"http_{load}_p99"][contender] = 1000 * cuts[98]
    return found


def _environment(setting: Setting, contender: str) -> dict[str, str]:
    # Small pages: the library's recorder hangs on an append of a megabyte.
    pages = {} if contender == OURS else {"ORDERWRIGHT_PAGE_SIZE": "100"}
    return setting.store(contender, **pages)


@contextmanager
def serving(environment: dict[str, str]) -> Iterator[int]:
    """A service of a store, in a process of its own: the port at which it answers."""
    environment = environment | {"ORDERWRIGHT_API_THREADS": "14"}
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-c", SERVE.format(argv=["orderwright", "serve", "--port", str(port)])],
        env=as_environment(environment, os.environ),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _is_ready(port):
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the service did not start")
            time.sleep(0.05)
        yield port
    finally:
        server.terminate()
        server.wait(30)


def _is_ready(port: int) -> bool:
    try:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=2)) as connection:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
    except OSError:
        return False


def _load(port: int, clients: int, seconds: float, rate: float | None) -> list[float]:
    """Seconds from each post to the answer that shows it, at a rate in all or as fast as it goes."""
    latencies: list[float] = []
    errors: list[Exception] = []
    began = time.monotonic()

    def order(client: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        due = began + (client / rate if rate else 0.0)
        try:
            while time.monotonic() < began + seconds:
                if rate:
                    time.sleep(max(0.0, due - time.monotonic()))
                sent = due if rate else time.monotonic()  # who is late has waited since it was due
                _post_and_see(connection)
                latencies.append(time.monotonic() - sent)
                if rate:
                    due += clients / rate
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=order, args=(client,)) for client in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return latencies


def _post_and_see(connection: http.client.HTTPConnection) -> None:
    headers = {"Content-Type": "application/json"}
    connection.request("POST", "/api/v1/orders", json.dumps(_ORDER), headers)
    placed = connection.getresponse()
    order = json.loads(placed.read())
    if placed.status != 201:
        raise RuntimeError(f"an order was answered with {placed.status}: {order}")
    token = placed.headers["Consistency-Token"]
    connection.request("GET", "/api/v1/orders?limit=1", headers={"Consistency-Token": token})
    seen = connection.getresponse()
    seen.read()
    if seen.status != 200:
        raise RuntimeError(f"an order could not be seen: {seen.status}")
