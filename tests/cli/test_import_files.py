"""What an import reads and where it reports: it never hangs, and it destroys nothing."""

import gzip
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from .console import Console
from .files import HEADER, SMALL, report_of, write_orders

PATIENCE = 60.0
"""Seconds that are only ever needed where something hangs, or many other things run."""


def fifo(path: Path) -> Path:
    os.mkfifo(path)
    return path


def compressed(path: Path) -> Path:
    path.write_bytes(gzip.compress(HEADER.encode()))
    return path


def sparse(path: Path) -> Path:
    with path.open("wb") as file:
        file.truncate(1 << 40)
    return path


INPUTS: dict[str, tuple[Callable[[Path], Path | str], str, str]] = {
    "a pipe": (lambda folder: fifo(folder / "pipe.csv"), "unusable_file", "is not a regular file"),
    "standard input": (lambda _: "-", "usage", "standard input has to be read several times, so save it as"),
    "a device without end": (lambda _: "/dev/zero", "unusable_file", "is not a regular file"),
    "a line without end": (
        lambda folder: sparse(folder / "line.csv"),
        "unusable_file",
        "first line is longer",
    ),
    "a folder": (lambda folder: folder, "usage", "is a directory"),
    "nothing": (lambda folder: folder / "nowhere.csv", "usage", "does not exist"),
    "a packed file": (lambda folder: compressed(folder / "o.csv.gz"), "unusable_file", "unpack it first"),
}


@pytest.mark.parametrize("name", INPUTS)
def test_what_cannot_be_read_several_times_is_refused_in_one_line_at_once(
    console: Console, tmp_path: Path, name: str
) -> None:
    make, code, told = INPUTS[name]
    error = console.error("import", make(tmp_path), code=2)
    assert error["code"] == code
    assert told in error["detail"]
    assert "\n" not in error["detail"]
    assert not (console.folder / "var").exists()


def test_a_pipe_to_standard_input_is_not_waited_for(console: Console) -> None:
    reading, writing = os.pipe()  # nobody writes into it, and nobody closes it
    try:
        ended = subprocess.run(
            [sys.executable, "-c", "from web.cli import main; main()", "import", "/dev/stdin"],
            cwd=console.folder,
            env={**os.environ, **console.environment, "PYTHONPATH": str(Path(__file__).parents[2])},
            stdin=reading,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    finally:
        os.close(reading)
        os.close(writing)
    assert ended.returncode == 2
    assert "/dev/stdin is not a regular file" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_a_row_over_several_lines_is_refused_the_same_way_by_every_run(
    console: Console, tmp_path: Path
) -> None:
    rows = (SMALL[2], 'r-5,"A\nB",1997-02-02,CD-X3,1,1.00,USD', ",,,,,,", SMALL[2].replace("r-2", "r-6"))
    file = write_orders(tmp_path / "orders.csv", *rows, ",,,,,,", "")
    for placed, already_placed in ((2, 0), (0, 2)):
        summary = console.json("import", file, "--receive-stock", code=1)
        assert (summary["placed"], summary["already_placed"], summary["refused_lines"]) == (
            placed,
            already_placed,
            1,
        )
        assert [row[:3] for row in report_of(Path(summary["report"]))[1:]] == [["3", "r-5", "invalid_text"]]
    assert {order["order_ref"] for order in console.json("orders", "list")["items"]} == {"r-2", "r-6"}


def linked(make: Callable[[Path, Path], object]) -> Callable[[Path, Path], Path]:
    def other_name(folder: Path, file: Path) -> Path:
        make(folder / "other.csv", file)
        return folder / "other.csv"

    return other_name


SAME: dict[str, Callable[[Path, Path], Path]] = {
    "its name": lambda _, file: file,
    "another spelling": lambda folder, file: folder / "." / ".." / folder.name / file.name,
    "a path from here": lambda _, file: Path(file.name),
    "a hard link": linked(lambda other, file: other.hardlink_to(file)),
    "a link": linked(lambda other, file: other.symlink_to(file)),
    "a folder that is a link": lambda folder, file: linked_folder(folder) / file.name,
}


def linked_folder(folder: Path) -> Path:
    (folder / "elsewhere").symlink_to(folder, target_is_directory=True)
    return folder / "elsewhere"


@pytest.mark.parametrize("name", SAME)
def test_a_report_never_takes_the_place_of_what_is_imported(console: Console, file: Path, name: str) -> None:
    before = file.read_bytes()
    error = console.error("import", file, "--report", SAME[name](console.folder, file), code=2)
    assert error["code"] == "unusable_file"
    assert "name another file" in error["detail"]
    assert file.read_bytes() == before
    assert not (console.folder / "var").exists()


def test_nor_does_a_draft_of_it(console: Console, tmp_path: Path) -> None:
    file = write_orders(tmp_path / ".report.csv.part", *SMALL)
    before = file.read_bytes()
    console("import", file, "--report", tmp_path / "report.csv", code=1)
    assert file.read_bytes() == before


@pytest.mark.parametrize("planted", ["report.csv", ".report.csv.part"])
def test_a_planted_link_is_not_followed(console: Console, file: Path, tmp_path: Path, planted: str) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / planted).symlink_to(victim)
    console("import", file, "--report", tmp_path / "report.csv", code=2 if planted == "report.csv" else 1)
    assert victim.read_text() == "precious"
    assert (tmp_path / planted).is_symlink()


def device(path: Path) -> None:
    try:
        os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("only root can make a device")


IN_THE_WAY: dict[str, Callable[[Path], object]] = {
    "a device is there": device,
    "a pipe is there": fifo,
    "a link is there": lambda path: path.symlink_to("nowhere"),
    "another file is there, which would be lost": lambda path: path.write_text("line,order_ref\n"),
}


@pytest.mark.parametrize("told", IN_THE_WAY)
def test_what_stands_where_the_report_should_go_is_left_alone(
    console: Console, file: Path, tmp_path: Path, told: str
) -> None:
    path = tmp_path / "report.csv"
    IN_THE_WAY[told](path)
    before = path.lstat()
    error = console.error("import", file, "--report", path, code=2)
    assert told in error["detail"]
    after = path.lstat()
    assert (after.st_mode, after.st_ino, after.st_size) == (before.st_mode, before.st_ino, before.st_size)


def test_a_file_that_comes_while_it_imports_is_left_alone_too(
    console: Console, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from system.imports import importing

    path, place = tmp_path / "report.csv", importing.Import.place_orders

    def meanwhile(*arguments: object) -> object:
        path.write_text("precious")
        return place(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(importing.Import, "place_orders", meanwhile)
    assert "another file is there" in console.error("import", file, "--report", path, code=2)["detail"]
    assert path.read_text() == "precious"
    assert not list(tmp_path.glob(".*.part"))


def test_an_earlier_report_gives_way_and_an_empty_file_does(
    console: Console, file: Path, tmp_path: Path
) -> None:
    path = tmp_path / "report.csv"
    path.touch()
    for _ in range(2):
        console("import", file, "--report", path, code=1)
        assert [row[0] for row in report_of(path)] == ["line", "5", "6"]


def test_standard_output_is_no_place_for_a_report(console: Console, file: Path) -> None:
    assert "name a file" in console.error("import", file, "--report", "-", code=2)["detail"]
    assert not (console.folder / "-").exists()


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\uff1d"])
def test_no_cell_of_a_report_is_a_formula(console: Console, tmp_path: Path, start: str) -> None:
    row = f"{start}cmd|' /C calc'!A0;{start}1,ada,,CD-X1,one,1.00,USD"
    summary = console.json("import", write_orders(tmp_path / "orders.csv", row), code=1)
    (_, cells) = report_of(Path(summary["report"]))
    assert cells[1] == f"'{start}cmd|' /C calc'!A0;'{start}1"
    assert not [cell for cell in cells for part in cell.split(";") if part[0] in "=+-@\t\r\n\uff1d"]
