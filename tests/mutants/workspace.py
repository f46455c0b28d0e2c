"""The copy of the code that is changed, and what was found out about it so far."""

import hashlib
import json
import shutil
import tomllib
from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from .undecorated import undecorated

ROOT = Path(__file__).parents[2]
FOLDER = "mutants"
"""Git ignores it, `make clean` removes it. mutmut keeps files of its own in a folder of that name inside."""

_COPIED = ("domain", "application", "system", "web", "tests", "constraints.txt", "pyproject.toml")
_FINAL = (1, 3, 37)
"""How the tests of a mutant ended (`mutmut.stats`) when they noticed it, or mypy did."""


def settings(root: Path = ROOT) -> dict[str, Any]:
    """The tools' tables of pyproject.toml."""
    tools: dict[str, Any] = tomllib.loads((root / "pyproject.toml").read_text())["tool"]
    return tools


class Workspace:
    """A copy of a project, with mutmut's findings about it."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._mutmut = settings(root)["mutmut"]
        self.path = root / FOLDER
        self._changed = self.path / FOLDER

    def bring_up_to_date(self) -> None:
        """Copy what is new. mutmut tries a function again when it changed; when anything else did, such as
        a test, every mutant that was not noticed is tried again; with other settings it begins anew."""
        contents = {path.relative_to(self._root): path.read_bytes() for path in self._sources()}
        self._remove_all_but(contents)
        if _write(self.path / "tried-under", repr(self._mutmut).encode()):
            shutil.rmtree(self._changed, ignore_errors=True)
        others = hashlib.sha256()
        for name, content in sorted(contents.items()):
            if self._is_changed(name):
                _write(self.path / name, undecorated(content.decode()).encode())
            else:
                _write(self.path / name, content)
                others.update(b"" if name.name == "pyproject.toml" else content)
        if _write(self.path / "tried-with", others.hexdigest().encode()):
            self._forget_what_was_not_noticed()

    def _sources(self) -> Iterator[Path]:
        for name in _COPIED:
            path = self._root / name
            inside = path.rglob("*") if path.is_dir() else [path]
            yield from (one for one in inside if one.is_file() and one.suffix != ".pyc")

    def _is_changed(self, name: Path) -> bool:
        return any(fnmatch(str(name), pattern) for pattern in self._mutmut["only_mutate"])

    def _remove_all_but(self, contents: Mapping[Path, bytes]) -> None:
        shutil.rmtree(self._changed / "tests", ignore_errors=True)  # mutmut copies it as a whole
        for name in ("domain", "application", "system", "web", "tests"):
            for path in list((self.path / name).rglob("*.py")):
                if (inside := path.relative_to(self.path)) not in contents:
                    for copy in (path, self._changed / inside, self._changed / f"{inside}.meta"):
                        copy.unlink(missing_ok=True)

    def _forget_what_was_not_noticed(self) -> None:
        (self._changed / "mutmut-stats.json").unlink(missing_ok=True)
        for meta in self._changed.rglob("*.py.meta"):
            findings = json.loads(meta.read_text())
            codes = findings["exit_code_by_key"]
            codes.update({mutant: None for mutant, code in codes.items() if code not in _FINAL})
            meta.write_text(json.dumps(findings))


def _write(path: Path, content: bytes) -> bool:
    """Write what is not there yet; whether anything was written."""
    if path.exists() and path.read_bytes() == content:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return True
