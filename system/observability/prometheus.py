"""The metrics in the text format of Prometheus."""

import threading
import time
from collections.abc import Callable, Iterable

import structlog
from eventsourcing.domain import EventSourcingError
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from .metrics import METRICS, STORE_UP, STORE_UP_HELP, Kind, Snapshot

CONTENT_TYPE = CONTENT_TYPE_LATEST
KEPT_SECONDS = 1.0
"""So long a text is given out again: whoever scrapes how often, the store is asked once a second."""

KEPT_FOR_LOOKS = 4
"""And at least so many times as long as it took to look, so that on a large store scraping leaves most of
the time to others."""

log = structlog.get_logger()


class Exposition:
    """Gives out the metrics. Safe to use from many threads: one of them looks, the others wait for it."""

    def __init__(self, look: Callable[[], Snapshot], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._look = look
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._text = b""
        self._until: float | None = None

    def text(self, patience_seconds: float = -1) -> bytes:
        """All metrics, a second old or little more; only that the store is down when it does not answer.

        When somebody else is looking and takes longer than one has patience (-1: any), what was told
        the time before, which is nothing at first.
        """
        if not self._lock.acquire(timeout=patience_seconds):
            return self._text
        try:
            if self._until is None or self._monotonic() >= self._until:
                began = self._monotonic()
                registry = CollectorRegistry(auto_describe=False)
                registry.register(_Families(self._snapshot()))
                self._text = generate_latest(registry)
                ended = self._monotonic()
                self._until = ended + max(KEPT_SECONDS, KEPT_FOR_LOOKS * (ended - began))
            return self._text
        finally:
            self._lock.release()

    def _snapshot(self) -> Snapshot | None:
        try:
            return self._look()
        except EventSourcingError as error:
            log.warning("the metrics could not be read", error=str(error))
            return None


class _Families(Collector):
    """A snapshot as Prometheus has it; None when the store is away."""

    def __init__(self, seen: Snapshot | None) -> None:
        self._seen = seen

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterable[Metric]:
        seen = self._seen
        yield GaugeMetricFamily(STORE_UP, STORE_UP_HELP, value=float(seen is not None))
        if seen is None:
            return
        for metric in METRICS:
            family_class = CounterMetricFamily if metric.kind is Kind.COUNTER else GaugeMetricFamily
            family = family_class(metric.name, metric.help, labels=metric.labels)
            for labels, value in metric.samples(seen):
                family.add_metric(labels, float(value))
            yield family
