"""What a module adds can be reached: its follower follows, its tables are kept, routes and commands found.

Each is named in one more place than its own module, so that whoever reads that place sees all there are.
Nothing fails where that was forgotten, there only is nothing; so it is looked for here.
"""

import pkgutil
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from types import ModuleType

import click
from flask import Blueprint

from system.bootstrap import build
from system.definition import orderwright
from system.followers.follower import Follower
from system.persistence.tables import Table
from system.settings.environment import Settings
from web.api.app import create_app
from web.cli import main


def modules(package: str) -> Iterator[ModuleType]:
    """The modules of a package and of its folders."""
    for module in pkgutil.walk_packages(import_module(package).__path__, f"{package}."):
        yield import_module(module.name)


def made_in(found: Iterable[ModuleType], kind: type) -> dict[str, object]:
    """Everything of a kind that stands in modules, and where."""
    return {
        f"{module.__name__}.{name}": value
        for module in found
        for name, value in vars(module).items()
        if isinstance(value, kind)
    }


def left_out(made: Mapping[str, object], known: Iterable[object]) -> list[str]:
    """Where what stands that is not among what is known; by identity, as two may look the same."""
    there = {id(each) for each in known}
    return sorted(where for where, each in made.items() if id(each) not in there)


def commands(group: click.Group) -> Iterator[click.Command]:
    """Everything that can be typed."""
    yield group
    for command in group.commands.values():
        if isinstance(command, click.Group):
            yield from commands(command)
        else:
            yield command


def test_every_follower_stands_in_the_definition() -> None:
    made = {
        where: kind
        for folder in ("system.processes", "system.projections")
        for where, kind in made_in(modules(folder), type).items()
        if isinstance(kind, type) and issubclass(kind, Follower) and where.startswith(kind.__module__)
        if not kind.__subclasses__()  # else it is the part of one that only asks
    }

    forgotten = left_out(made, (orderwright.get_app_cls(name) for name in orderwright.nodes))
    assert forgotten == [], "system/definition.py does not say whom these follow"
    assert len(made) == len(orderwright.nodes)


def test_every_table_is_kept_by_its_read_model() -> None:
    kept = [
        table for name in orderwright.nodes for table in getattr(orderwright.get_app_cls(name), "tables", ())
    ]

    forgotten = left_out(made_in(modules("system.projections"), Table), kept)
    assert forgotten == [], "the read models of these do not name them in their `tables`"
    assert len(kept) > 4


def test_every_route_is_served() -> None:
    shop = build(Settings.from_environment({"PERSISTENCE_MODULE": "eventsourcing.popo"}))
    served = create_app(shop).blueprints
    shop.close()

    forgotten = left_out(made_in(modules("web.api"), Blueprint), served.values())
    assert forgotten == [], "web/api/app.py does not register these"
    assert len(served) > 10


def test_every_command_is_found() -> None:
    forgotten = left_out(made_in(modules("web.cli"), click.Command), commands(main))
    assert forgotten == [], "neither web/cli/root.py nor a group of commands adds these"
