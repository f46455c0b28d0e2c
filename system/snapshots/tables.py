"""The tables of the side store that snapshots are kept in, and what is asked of them."""

from system.persistence.tables import Table

SNAPSHOTS = Table(
    "orderwright_snapshots",
    {
        "application": "TEXT",
        "stream_id": "TEXT",
        "topic": "TEXT",
        "version": "BIGINT",
        "fingerprint": "TEXT",
        "mark": "TEXT",
        "taken_at": "TEXT",
        "size": "BIGINT",
        "state": "BYTEA",
        "digest": "TEXT",
    },
    key=("application", "stream_id"),
)
"""The latest snapshot of each stream. `digest` is over all the others but the size."""

FIGURES = Table(
    "orderwright_snapshot_figures",
    {"name": "TEXT", "topic": "TEXT", "value": "BIGINT"},
    key=("name", "topic"),
)
"""What all processes together have counted, by kind of aggregate."""

PROCESSES = Table(
    "orderwright_snapshot_processes",
    {"process": "TEXT", "seen_at": "TEXT", "queue_length": "BIGINT"},
    key=("process",),
)
"""The processes that take snapshots, and how many each has still to take."""

LONG_REPLAYS = Table(
    "orderwright_snapshot_long_replays",
    {
        "application": "TEXT",
        "stream_id": "TEXT",
        "topic": "TEXT",
        "version": "BIGINT",
        "events": "BIGINT",
        "milliseconds": "BIGINT",
        "seen_at": "TEXT",
    },
    key=("application", "stream_id"),
)
"""The aggregates whose latest long replay took longer than it should."""

TABLES = (SNAPSHOTS, FIGURES, PROCESSES, LONG_REPLAYS)

FIND = """
SELECT topic, version, fingerprint, mark, taken_at, state, digest FROM @orderwright_snapshots
WHERE application = :application AND stream_id = :stream_id
"""

PUT = """
INSERT INTO @orderwright_snapshots
(application, stream_id, topic, version, fingerprint, mark, taken_at, size, state, digest) VALUES
(:application, :stream_id, :topic, :version, :fingerprint, :mark, :taken_at, :size, :state, :digest)
ON CONFLICT (application, stream_id) DO UPDATE SET
topic = excluded.topic, version = excluded.version, fingerprint = excluded.fingerprint,
mark = excluded.mark, taken_at = excluded.taken_at, size = excluded.size, state = excluded.state,
digest = excluded.digest
WHERE excluded.version >= orderwright_snapshots.version
OR excluded.fingerprint <> orderwright_snapshots.fingerprint
"""

FORGET = """
DELETE FROM @orderwright_snapshots
WHERE application = :application AND stream_id = :stream_id AND digest = :digest
"""

COUNT_UP = """
INSERT INTO @orderwright_snapshot_figures (name, topic, value) VALUES (:name, :topic, :value)
ON CONFLICT (name, topic) DO UPDATE SET value = orderwright_snapshot_figures.value + excluded.value
"""

BE_SEEN = """
INSERT INTO @orderwright_snapshot_processes (process, seen_at, queue_length)
VALUES (:process, :seen_at, :queue_length)
ON CONFLICT (process) DO UPDATE SET seen_at = excluded.seen_at, queue_length = excluded.queue_length
"""

LEAVE = "DELETE FROM @orderwright_snapshot_processes WHERE process = :process OR seen_at < :long_ago"

NOTE_LONG_REPLAY = """
INSERT INTO @orderwright_snapshot_long_replays
(application, stream_id, topic, version, events, milliseconds, seen_at) VALUES
(:application, :stream_id, :topic, :version, :events, :milliseconds, :seen_at)
ON CONFLICT (application, stream_id) DO UPDATE SET topic = excluded.topic, version = excluded.version,
events = excluded.events, milliseconds = excluded.milliseconds, seen_at = excluded.seen_at
"""

TRIM_LONG_REPLAYS = """
DELETE FROM @orderwright_snapshot_long_replays WHERE milliseconds <
(SELECT milliseconds FROM @orderwright_snapshot_long_replays ORDER BY milliseconds DESC LIMIT 1 OFFSET :most)
"""

COUNT = """
SELECT application, topic, count(*) AS snapshots, sum(size) AS bytes,
min(taken_at) AS oldest, max(taken_at) AS newest
FROM @orderwright_snapshots GROUP BY application, topic ORDER BY application, topic
"""

ALL_FIGURES = "SELECT name, topic, value FROM @orderwright_snapshot_figures ORDER BY name, topic"

ALL_PROCESSES = """
SELECT process, seen_at, queue_length FROM @orderwright_snapshot_processes ORDER BY seen_at DESC, process
"""

ALL_LONG_REPLAYS = """
SELECT application, stream_id, topic, version, events, milliseconds, seen_at
FROM @orderwright_snapshot_long_replays ORDER BY milliseconds DESC, stream_id
"""

_SOME = """
WHERE (:application = '' OR application = :application) AND (:stream_id = '' OR stream_id = :stream_id)
"""
"""Of an application or a stream, where these are not empty."""

COUNT_SOME = f"SELECT count(*) AS snapshots FROM @orderwright_snapshots {_SOME}"

DROP = f"DELETE FROM @orderwright_snapshots {_SOME}"
