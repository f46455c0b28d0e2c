"""Every command of every document is run as it stands there, in a shop where it is called for."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.fixtures import quick_folder, shared_database, tuned_postgres
from tests.support.waiting import PATIENCE_SECONDS

from .commands import DOCUMENTS, ROOT, Typed, commands_in, curls_in
from .seeded_shop import (
    SeededShop,
    build_the_dashboard_anew,
    has,
    hold_stock_for_nobody,
    restore_an_older_log,
    seed,
    serve_the_dashboard_anew,
)

__all__ = ["quick_folder", "shared_database", "tuned_postgres"]

BIN = Path(sys.executable).parent
NOT_RUN = {
    "orderwright bench": "takes minutes; tests/system/bench runs what it measures, with --quick",
    "orderwright bench growth": "takes an hour; the same",
    "orderwright bench years": "the same",
    "orderwright bench load": "takes half a minute; the same",
    "orderwright followers list --watch": "ends with Ctrl-C alone; tests/cli/test_followers.py stops it",
    "orderwright orders show": "names a command that needs an order: its id or --ref",
    "orderwright orders events": "the same",
    "orderwright orders explain": "the same",
    "orderwright orders tree": "the same",
    "orderwright projections switch OrderDashboard --accept new:channel --reason TEXT": (
        "nothing differs in this shop; tests/cli/test_projection_checks.py does it where something does"
    ),
    "orderwright dead-letters retry": "names a command that needs a case or --all",
    "orderwright snapshots take": "names a command that needs a stream or --all",
    "orderwright snapshots drop": "the same",
}
"""What cannot be run as it stands, and why."""

LASTING = ("serve", "api", "runner")
GIVEN = {
    ("stock", "release"): hold_stock_for_nobody,
    ("store", "realign"): restore_an_older_log,
    ("projections", "switch"): build_the_dashboard_anew,
    ("projections", "drop", "OrderDashboard", "--version", "1"): serve_the_dashboard_anew,
    ("projections", "drop", "OrderDashboard", "--version", "2"): build_the_dashboard_anew,
    ("projections", "compare"): build_the_dashboard_anew,
}
"""What has happened in the shop before somebody types this."""


def all_commands() -> dict[str, Typed]:
    """The commands of all documents, each once."""
    found = (typed for document in DOCUMENTS for typed in commands_in(document.read_text()))
    return {str(typed): typed for typed in found if typed.can_be_run}


COMMANDS = all_commands()
RUN = {text: typed for text, typed in COMMANDS.items() if text not in NOT_RUN}


def is_on_postgres(typed: Typed) -> bool:
    """Whether it is about PostgreSQL."""
    return "migrate" in typed.words or "--workers" in typed.words or "POSTGRES_HOST" in typed.environment


AT_ONCE = {
    text: each for text, each in RUN.items() if each.words[0] not in LASTING and not is_on_postgres(each)
}
ON_SERVICES = {text: each for text, each in RUN.items() if text not in AT_ONCE}


def expected_code(typed: Typed) -> int:
    """The exit code that the documents give it."""
    if has(typed, "doctor"):
        return 1  # refunds have failed for good, and that is a problem
    if has(typed, "store", "realign") and "--yes" not in typed.words:
        return 1  # something disagrees and was only shown
    return 0


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> SeededShop:
    """The shop that every command gets a copy of."""
    return seed(tmp_path_factory.mktemp("seeded"))


@pytest.fixture
def shop(seeded: SeededShop, quick_folder: Path, monkeypatch: pytest.MonkeyPatch) -> SeededShop:
    """A shop to do anything in."""
    monkeypatch.chdir(quick_folder)
    return seeded.copy(quick_folder)


@pytest.mark.parametrize("text", AT_ONCE, ids=str)
def test_a_command_does_what_its_document_says(text: str, shop: SeededShop) -> None:
    typed = AT_ONCE[text]
    for words, prepare in GIVEN.items():
        if has(typed, *words):
            prepare(shop)
    environment = {name: shop.filled(value) for name, value in typed.environment.items()}

    done = shop.run(*map(shop.filled, typed.words), environment=environment)

    assert done.exit_code == expected_code(typed), f"{done.output}\n{done.exception!r}"
    assert done.output


@pytest.mark.service
@pytest.mark.parametrize("text", ON_SERVICES, ids=str)
def test_a_command_that_lasts_or_needs_postgresql_does_what_its_document_says(
    text: str, shop: SeededShop, request: pytest.FixtureRequest
) -> None:
    typed = ON_SERVICES[text]
    with started(typed.words, typed.environment | store_of(typed, shop, request)) as process:
        if typed.words[0] in LASTING:
            wait_until_ready(process)
            process.terminate()
        output, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0, output


def store_of(typed: Typed, shop: SeededShop, request: pytest.FixtureRequest) -> dict[str, str]:
    """Where a command is run: `migrate` on an empty database, others on a migrated one or in the shop."""
    if "migrate" in typed.words:
        empty: dict[str, str] = request.getfixturevalue("postgres_environment")
        return empty | {"PERSISTENCE_MODULE": "system.persistence.postgres"}
    migrated: dict[str, str] = request.getfixturevalue("tuned_postgres") if is_on_postgres(typed) else {}
    return migrated or shop.environment


@contextmanager
def started(words: tuple[str, ...], environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A command in a process of its own, which is gone afterwards. A service takes any port."""
    port = ("--port", "0") if words[0] in ("serve", "api") else ()
    process = subprocess.Popen(
        [BIN / "orderwright", *words, *port],
        env={"PATH": os.environ["PATH"], **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def wait_until_ready(process: "subprocess.Popen[str]") -> str:
    """The line in which it says that it serves or follows."""
    told: list[str] = []
    for line in process.stdout or ():
        if "ready at http://" in line or "this process follows" in line:
            return line
        told.append(line)
    pytest.fail(f"it ended: {''.join(told)}")


@pytest.mark.service
def test_the_requests_of_the_documents_are_answered(shop: SeededShop) -> None:
    requests = [line for document in DOCUMENTS for line in curls_in(document.read_text())]
    with started(("serve",), shop.environment) as service:
        address = wait_until_ready(service).split()[-1]
        for request in requests:
            text = shop.filled(request).replace("http://127.0.0.1:8000", address)
            done = subprocess.run(["/bin/bash", "-c", text], capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"{text}\n{done.stderr}"
            assert '"code":' not in done.stdout, f"{text}\n{done.stdout}"
        service.terminate()
        service.communicate(timeout=PATIENCE_SECONDS)
    assert len(requests) >= 6


def test_what_is_not_run_still_stands_in_a_document() -> None:
    assert [text for text in NOT_RUN if text not in COMMANDS] == []


def test_every_placeholder_and_every_story_before_a_command_is_needed(seeded: SeededShop) -> None:
    words = [word for typed in RUN.values() for word in (*typed.words, *typed.environment.values())]
    for name, value in seeded.placeholders.items():
        alone = SeededShop(seeded.folder, {name: value})
        assert any(alone.filled(word) != word for word in words), f"{name} stands in no command"
    for given in GIVEN:
        assert any(has(typed, *given) for typed in RUN.values()), f"nobody types {given}"


def test_most_commands_are_run() -> None:
    assert len(RUN) > 60
    assert ROOT / "docs" / "procedures" / "fulfilments.md" in DOCUMENTS
