"""Which recorder is the store of an application."""

from typing import Any, cast

from eventsourcing.persistence import InfrastructureFactory
from eventsourcing.popo import POPOFactory
from eventsourcing.postgres import PostgresFactory
from eventsourcing.sqlite import SQLiteFactory
from eventsourcing.utils import get_topic

from .memory import InMemoryRecorder
from .postgres.library_recorder import PostgresRecorder
from .sqlite.files import Datastore
from .sqlite.recorder import SqliteRecorder
from .store import Store


def recorder_for(factory: InfrastructureFactory[Any]) -> Store:
    """Our process recorder for the persistence that a factory stands for.

    A recorder named in the environment (``PROCESS_RECORDER_TOPIC``) goes first. In memory the
    library ignores that setting, so the recorder is made here.
    """
    if isinstance(factory, POPOFactory):
        return InMemoryRecorder()
    ours = {SQLiteFactory: SqliteRecorder, PostgresFactory: PostgresRecorder}
    if isinstance(factory, SQLiteFactory):
        factory.datastore = Datastore(factory.datastore)
    for kind, recorder_class in ours.items():
        if isinstance(factory, kind):
            factory.env.setdefault(factory.PROCESS_RECORDER_TOPIC, get_topic(recorder_class))
    # Who names one of the library's own has what the library can do with it, and no runner of ours.
    return cast(Store, factory.process_recorder())
