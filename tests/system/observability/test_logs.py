"""Log lines hold nothing that moves a terminal's cursor or looks like a line of its own."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
import structlog

from system.observability.logs import configure_logs

HOSTILE = "\x1b]0;title\x07\x1b[31mred\r\n2026-01-01 [info] all is well\x9b2J\u202egnp\u2028\0"


@pytest.fixture(autouse=True)
def _defaults() -> Iterator[None]:
    yield
    structlog.reset_defaults()


@pytest.mark.parametrize("style", ["console", "json"])
def test_a_hostile_text_is_one_printable_line(
    style: Literal["console", "json"], capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs(style, "INFO")
    log = structlog.get_logger()
    log.warning(
        f"refused {HOSTILE}", path=HOSTILE, seen=[HOSTILE], names={HOSTILE: HOSTILE}, why=ValueError(HOSTILE)
    )
    (line,) = capsys.readouterr().err.splitlines()
    assert line.isprintable()
    assert "red" in line


@pytest.mark.parametrize("style", ["console", "json"])
def test_a_traceback_keeps_its_lines_and_nothing_else(
    style: Literal["console", "json"], capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs(style, "INFO")
    try:
        raise ValueError(HOSTILE)
    except ValueError:
        structlog.get_logger().exception("it failed")
    told = capsys.readouterr().err
    assert all(line.isprintable() for line in told.split("\n"))
    assert "Traceback" in told


@pytest.mark.parametrize("style", ["console", "json"])
def test_a_log_that_finds_no_room_stops_nobody(
    style: Literal["console", "json"], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr(sys, "stderr", full)
        configure_logs(style, "INFO")
        for _ in range(3):
            structlog.get_logger().warning("the disk is full")
        os.dup2(os.open(os.devnull, os.O_WRONLY), full.fileno())  # so that it can be closed
