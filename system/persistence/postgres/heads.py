"""An append on PostgreSQL never gets a position at or below the head of its log.

Positions come from a sequence, and a sequence can fall behind its table: a logical copy or a cut-over
to another server leaves it where it was. What is appended then would get positions that followers
have passed already. So the statement that appends looks for itself, while it holds the log's lock.
"""

ABOVE_THE_HEAD = (
    "log AS MATERIALIZED (SELECT max(notification_id) AS head, "
    "pg_get_serial_sequence({name}, 'notification_id')::regclass AS sequence FROM {log}), "
    "put_forward AS MATERIALIZED (SELECT setval(log.sequence, log.head) FROM log "
    "WHERE log.head > coalesce(pg_sequence_last_value(log.sequence), 0))"
)
"""Two parts of a WITH clause, a template: where the sequence is behind its log it is put forward, before
the first row is made of a query that asks for `IS_ABOVE_THE_HEAD`. `log` is the table and `name` the same
as a text. What the sequence is called the database knows: not always what one would expect."""

IS_ABOVE_THE_HEAD = "(SELECT count(*) FROM put_forward) >= 0"
"""Always so; and so that the database finds out, it first does what `ABOVE_THE_HEAD` says."""
