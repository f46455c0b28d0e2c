"""An order's conversation as a tree: what caused what, and how long that took."""

from datetime import datetime

from rich.tree import Tree

from system.queries.causal_tree import CausalTree, CausedEvent, Root, RootKind

from .output import plain, write_line, write_tree

_SHORT_ID = 8

_ROOTS = {
    RootKind.COMMAND: "command {id}",
    RootKind.MISSING: "because of {id}, which is not in this conversation",
    RootKind.UNTOLD: "because of something that cannot be read",
    RootKind.CIRCLE: "damage: these name each other as their cause",
}


def write_causal_tree(tree: CausalTree) -> None:
    """Each root with its branch. The time behind an event is how long after its cause it was recorded."""
    for root in tree.roots:
        write_tree(_drawn(root))
    if tree.left_out:
        write_line(f"And {tree.left_out:,} more: `orderwright orders events {tree.order_id}` has all.")


def _drawn(root: Root) -> Tree:
    drawn = Tree(plain(_named(root)), highlight=False)
    branches = [drawn]
    for event in root.events:
        del branches[event.depth :]
        branches.append(branches[-1].add(plain(_told(event))))
    return drawn


def _named(root: Root) -> str:
    by = f" by {root.user}" if root.user is not None else ""
    return f"{_ROOTS[root.kind].format(id=root.causation_id)}{by}{_at(root.at)}"


def _told(event: CausedEvent) -> str:
    after = "" if event.seconds is None else f"  {_after(event.seconds)}"
    lines = [
        f"{event.type}{after}",
        f"{event.application} {event.position:,}, version {event.stream_version} of {_short(event)}",
    ]
    if event.error is not None:
        lines.append(f"cannot be read: {event.error}")
    for waiting in event.waits:
        why = f" ({waiting.error})" if waiting.error is not None else ""
        lines.append(f"waits at {waiting.follower}, see `orderwright dead-letters list`{why}")
    return "\n".join(lines)


def _short(event: CausedEvent) -> str:
    """Enough of a stream's id to tell it from the others of an order."""
    return event.stream_id[:_SHORT_ID]


def _after(seconds: float) -> str:
    return f"+{seconds:,.3f} s" if seconds >= 0 else f"{seconds:,.3f} s"


def _at(time: datetime | None) -> str:
    return "" if time is None else f" at {time:%Y-%m-%d %H:%M:%S}"
