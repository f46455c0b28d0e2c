"""Serves the API in worker processes of gunicorn, and runs the followers there if asked to.

The master process binds the address and watches the workers. Everything else, every connection
included, is made inside each worker, after the fork: a pool does not survive one.
"""

import contextlib
import os
import socket
import sys
import threading
import time
from ipaddress import ip_address

import structlog
from eventsourcing.persistence import OperationalError, PersistenceError
from flask import Flask
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]
from gunicorn.arbiter import Arbiter  # type: ignore[import-untyped]
from gunicorn.glogging import Logger  # type: ignore[import-untyped]
from gunicorn.workers.base import Worker  # type: ignore[import-untyped]

from system.bootstrap import Orderwright, build
from system.observability.logs import configure_logs
from system.operations.writable import warn_of_unwritable
from system.runner.service import RunnerService, log_change
from system.settings.environment import ON_POSTGRES, InvalidSettings, Settings
from web.api.app import create_app
from web.door.worker import DoorWorker

STOP_WITHIN_SECONDS = 4
"""How long requests in hand may take after SIGTERM; the whole process is gone a moment later."""

START_WITHIN_SECONDS = 120
"""A worker that is not up, or shows no sign of life, for so long is replaced."""

KEEP_ALIVE_SECONDS = 15
"""How long a client's connection is kept between two requests; a stop cuts it short."""

BACKLOG = 1024
LOOK_AGAIN_SECONDS = 1.0

_REPEATED = frozenset({"Shutting down: %s", "Reason: %s"})

log = structlog.get_logger()


def serve(settings: Settings, host: str, port: int, *, with_runner: bool = True, workers: int = 1) -> int:
    """Serve until told to stop. Returns the exit code: 0, or 1 when it could not start."""
    try:
        listener = socket.create_server((host, port), family=_family(host), backlog=BACKLOG)
    except (OSError, OverflowError) as error:
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else error
        print(f"orderwright cannot listen at {host}, port {port}: {reason}", file=sys.stderr)  # noqa: T201
        return 1
    configure_logs(settings.log_style, settings.log_level)
    if not ip_address(listener.getsockname()[0]).is_loopback:
        log.warning(
            "there is no authentication yet: whoever reaches this address can read and change everything; "
            "let only those reach it who may",
            host=host,
        )
    master = os.getpid()
    try:
        _Server(settings, host, listener, with_runner, workers).run()
    except SystemExit as end:
        if os.getpid() != master:
            raise  # the worker's end, with a code that the master understands
        return 1 if end.code else 0
    return 0


class _Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """What gunicorn runs: workers, and nothing before the fork."""

    def __init__(
        self, settings: Settings, host: str, listener: socket.socket, with_runner: bool, workers: int
    ) -> None:
        self._settings = settings
        self._host = host
        self.most_body_bytes = settings.max_body_bytes
        self._address = _address(host, listener.getsockname()[1])
        self._descriptor = listener.detach()
        self._with_runner = with_runner
        self._workers = workers
        self._orderwright: Orderwright | None = None
        self._runner_service: RunnerService | None = None
        self._is_replacement = False
        super().__init__()

    def load_config(self) -> None:
        """See `BaseApplication`."""
        wanted = {
            "bind": f"fd://{self._descriptor}",
            "workers": self._workers,
            "preload_app": False,
            "worker_class": DoorWorker,
            "threads": self._settings.api_threads,
            "timeout": START_WITHIN_SECONDS,
            "graceful_timeout": STOP_WITHIN_SECONDS,
            "keepalive": KEEP_ALIVE_SECONDS,
            # No client and no proxy sets anything by the name of a header alone.
            "forwarded_allow_ips": "",
            "forwarder_headers": "",
            "secure_scheme_headers": {},
            "logger_class": _Log,
            "proc_name": "orderwright",
            "pre_fork": self._note_replacement,
            "post_worker_init": self._tell_ready,
            "worker_exit": lambda _arbiter, _worker: self._close(),
            "control_socket_disable": True,
        }
        for name, value in wanted.items():
            if name in self.cfg.settings:  # older releases have no control socket
                self.cfg.set(name, value)

    def load(self) -> Flask:
        """Build the system, in the worker. What goes wrong is told once, and ends the server."""
        try:
            self._orderwright = self._build()
            warn_of_unwritable(self._orderwright)
            self._orderwright.snapshots.start()
            if self._with_runner:
                # Where other processes may follow as well, it is worth a line who does what.
                tell = log_change if self._settings.persistence_module in ON_POSTGRES else lambda _: None
                self._runner_service = RunnerService(self._orderwright, on_change=tell)
                self._runner_service.start()
            return create_app(self._orderwright, self._runner_service, self._host)
        except InvalidSettings as error:
            print(f"orderwright cannot start: {error}", file=sys.stderr, flush=True)  # noqa: T201
        except (PersistenceError, OSError) as error:
            print(f"orderwright cannot open its store: {error}", file=sys.stderr, flush=True)  # noqa: T201
        except Exception:
            log.exception("orderwright cannot start")
        sys.exit(Arbiter.APP_LOAD_ERROR)

    def _build(self) -> Orderwright:
        """The system. A worker that replaces another one waits for a store that is away: did it give
        up, the server would end with it; nor does it mind that a newer release records events by now. The
        first ones say at once what is wrong."""
        while True:
            try:
                return build(self._settings, must_write=True, may_be_older=self._is_replacement)
            except OperationalError as error:
                if not self._is_replacement:
                    raise
                log.warning("the store is away; this worker waits for it", error=str(error))
                time.sleep(LOOK_AGAIN_SECONDS)

    def _note_replacement(self, _: Arbiter, worker: Worker) -> None:
        """In the master, before each fork."""
        self._is_replacement = worker.age > self.cfg.workers

    def begin_stop(self) -> None:
        """Stop following while the requests in hand are answered."""
        if self._runner_service is not None:
            threading.Thread(target=self._runner_service.stop, name="stop-runner").start()

    def _tell_ready(self, worker: Worker) -> None:
        if self._workers > 1 and worker.age > 1:
            return  # the first of them has said it
        stock, orders = f"{self._address}/api/v1/stock/tea-1/receipts", f"{self._address}/api/v1/orders"
        order = (
            '{"customer_id": "ada", "currency": "USD", "payment_method": "pm_ok", '
            '"items": [{"sku": "tea-1", "quantity": 2, "unit_price": "4.50"}]}'
        )
        as_json = "-H 'Content-Type: application/json'"
        with contextlib.suppress(OSError):  # nobody reads standard output any more
            print(  # noqa: T201
                f"Orderwright is ready at {self._address}\n"
                "Try:\n"
                f"  curl -s {stock} {as_json} -d '{{\"quantity\": 10}}'\n"
                f"  curl -s {orders} {as_json} -d '{order}'\n"
                f"  curl -s {orders}",
                flush=True,
            )

    def _close(self) -> None:
        if self._runner_service is not None:
            self._runner_service.stop()
        if self._orderwright is not None:
            self._orderwright.close()


class _Log(Logger):  # type: ignore[misc]  # gunicorn has no types
    """Gunicorn's warnings and errors in the style of our log; the rest of what it says is left out."""

    def info(self, msg: str, *args: object, **kwargs: object) -> None:
        """Leave it out."""

    debug = info

    def warning(self, msg: str, *args: object, **kwargs: object) -> None:
        """Log it as ours."""
        log.warning(msg % args if args else msg, server="gunicorn", **kwargs)

    def error(self, msg: str, *args: object, **kwargs: object) -> None:
        """Log it as ours, unless it repeats that the worker could not start: it has said why."""
        if msg in _REPEATED or args[-1:] == (Arbiter.APP_LOAD_ERROR,):
            return
        log.error(msg % args if args else msg, server="gunicorn", **kwargs)

    critical = error

    def exception(self, msg: str, *args: object, **kwargs: object) -> None:
        """Log it as ours, with the stack."""
        log.error(msg % args if args else msg, server="gunicorn", exc_info=True, **kwargs)  # noqa: LOG014 - called by handlers


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _address(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
