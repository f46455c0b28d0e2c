"""Imports modules in a process where touching the outside world is an error: ``python FILE MODULE..``.

Run by `test_imports_do_nothing`, in a process of its own. It prints what went wrong.
"""

import importlib
import sys
import threading

FORBIDDEN = {
    *("sqlite3.connect", "socket.connect", "socket.bind", "socket.getaddrinfo", "subprocess.Popen"),
    *("os.mkdir", "os.remove", "os.rename", "os.fork", "os.system", "os.putenv"),
}
LIVE_THINGS = ("Flask", "ConnectionPool", "Application", "Runner", "Thread", "Connection")


def refuse(event: str, arguments: tuple[object, ...]) -> None:
    """The interpreter's audit hook: importing a module does nothing."""
    writes = event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")
    if event in FORBIDDEN or (writes and not str(arguments[0]).endswith(".pyc")):
        raise RuntimeError(f"{event} {arguments}")


def refuse_connection(*_: object, **__: object) -> None:
    """In place of what connects below the level that the audit hook sees."""
    raise RuntimeError("a connection to PostgreSQL")


def main(modules: list[str]) -> list[str]:
    """Import all of them and return what they did besides."""
    import eventsourcing.application  # noqa: F401 - what it does when imported is its own affair
    import psycopg
    import psycopg_pool  # noqa: F401

    psycopg.Connection.connect = refuse_connection  # type: ignore[method-assign, assignment]
    threads = threading.active_count()
    sys.addaudithook(refuse)
    problems = []
    for name in modules:
        try:
            module = importlib.import_module(name)
        except Exception as error:
            problems.append(f"{name}: {type(error).__name__}: {error}")
            continue
        for attribute, value in vars(module).items():
            kinds = {kind.__name__ for kind in type(value).__mro__}
            if kinds & set(LIVE_THINGS):
                problems.append(f"{name}.{attribute}: a {type(value).__name__} made at import")
        if threading.active_count() != threads:
            problems.append(f"{name}: a thread started at import")
            threads = threading.active_count()
    return problems


if __name__ == "__main__":
    sys.stdout.write("".join(f"{problem}\n" for problem in main(sys.argv[1:])))
