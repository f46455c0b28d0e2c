"""Whatever stands in stored or sent data, nothing of it steers a terminal or forges a line of a log."""

import json
import os
import pty
import re
import subprocess
import sys
from typing import Literal
from uuid import UUID, uuid4

import pytest
import structlog
from click.testing import CliRunner
from eventsourcing.persistence import StoredEvent

from system.bootstrap import build
from system.observability.logs import configure_logs
from system.observability.visible import visible, visible_json
from system.settings.environment import Settings
from tests.cli.console import ROOT, Console
from tests.support.waiting import PATIENCE_SECONDS
from web.cli import main

EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202eevil\u2066\x7f\u2028\r\n\ud800"
HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029\ud800-\udfff]")
STREAM = uuid4()


@pytest.fixture
def evil_store(console: Console) -> UUID:
    """A store with an event of a kind whose name steers terminals, and an order with such a payload."""
    console("stock", "receive", "TEA", 10)
    console("demo", "--orders", 1)
    orderwright = build(Settings.from_environment(console.environment))
    topic = EVIL.encode(errors="replace").decode()
    state = json.dumps({"correlation_id": EVIL, "user": EVIL, "event_id": EVIL}, ensure_ascii=False)
    stored = StoredEvent(STREAM, 1, topic, state.encode(errors="replace"))
    orderwright.orders.recorder.insert_events([stored])
    orderwright.close()
    return STREAM


COMMANDS = [
    ("events", "find", "--application", "Orders"),
    ("events", "stream", str(STREAM)),
    ("orders", "show", str(STREAM)),
    ("orders", "events", str(STREAM)),
    ("orders", "explain", str(STREAM)),
    ("orders", "tree", str(STREAM)),
    ("history", "show", str(STREAM)),
    ("history", "show", "stock:\x1b[2J"),
    ("deploy-check",),
    ("orders", "cancel", str(STREAM), "--reason", "x"),
    ("audit",),
    ("doctor",),
    ("dead-letters", "show", "a\x1b[2Jb"),
    ("orders", "list", "--status", "\x1b[2J"),
    ("events", "find", "--type", "\x9b31m\u202e"),
    ("no\x1b[2Jsuch", "command"),
]


@pytest.mark.parametrize("as_json", [False, True])
def test_no_command_shows_it_raw(console: Console, evil_store: UUID, as_json: bool) -> None:
    for command in COMMANDS:
        words = [*command, *(["--json"] if as_json else [])]
        result = CliRunner().invoke(main, words, env=console.environment, prog_name="orderwright")
        assert result.exit_code in (0, 1, 2), (command, result.output)
        assert not HIDDEN.search(result.output.replace("\n", "")), ascii((command, result.output))
        if as_json:
            told = [text for text in (result.stdout, *result.stderr.splitlines()) if text]
            assert all(json.loads(text) is not None for text in told)


def test_nor_on_a_terminal(console: Console, evil_store: UUID) -> None:
    """Rich writes sequences of its own there, for colours, and no others."""
    ours, theirs = pty.openpty()
    words = ["events", "find", "--application", "Orders"]
    process = subprocess.Popen(
        [sys.executable, "-c", "from web.cli import main; main()", *words],
        cwd=console.folder,
        env={**os.environ, **console.environment, "PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "400"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # it has ended
            break
        shown += part
    os.close(ours)
    assert process.wait(timeout=PATIENCE_SECONDS) == 0
    text = re.sub(r"\x1b\[[0-9;]*m|\r\n", "", shown.decode())
    assert not HIDDEN.search(text), ascii(text)
    assert "\\x1b]0;owned\\x07" in text


@pytest.mark.parametrize("style", ["json", "console"])
def test_a_log_line_spells_it_out(
    capsys: pytest.CaptureFixture[str], style: Literal["json", "console"]
) -> None:
    before = structlog.get_config()
    configure_logs(style, "INFO")
    log = structlog.get_logger()
    try:
        with structlog.contextvars.bound_contextvars(path=f"/orders/{EVIL}"):
            log.warning("event parked", topic=EVIL, where={"reason": [EVIL]}, error=ValueError(EVIL))
            try:
                raise ValueError(EVIL)
            except ValueError:
                log.exception(f"it failed {EVIL}")
    finally:
        structlog.configure(**before)
    logged = capsys.readouterr().err
    assert not HIDDEN.search(logged.replace("\n", ""))
    assert "x1b]0;owned" in logged
    if style == "json":  # there also a stack trace is one line
        assert len([json.loads(line) for line in logged.splitlines()]) == 2


def test_what_people_write_stays_as_it_is() -> None:
    assert visible("Zo\xeb bought \u8336 for 5 \u20ac") == "Zo\xeb bought \u8336 for 5 \u20ac"
    assert visible("a\tb\nc\x1b\u202e\ud800") == "a\\tb\\nc\\x1b\\u202e\\ud800"
    assert json.loads(visible_json(json.dumps(EVIL, ensure_ascii=False))) == EVIL
