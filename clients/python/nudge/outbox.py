"""The outbox: a hint that is committed together with the change, for who cannot lose one. nudge.relay publishes it."""

import logging
import sys
from typing import Any, Dict, List, Tuple

from . import checks
from .client import Client

MOST = 100  # rows that a relay takes at once

_TABLES = {
    "postgresql": "id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, project varchar(128) NOT NULL, version bigint NOT NULL, created_at timestamptz NOT NULL",
    "mysql": "id bigint AUTO_INCREMENT PRIMARY KEY, project varchar(128) NOT NULL, version bigint NOT NULL, created_at datetime(6) NOT NULL",
    "sqlite": "id integer PRIMARY KEY AUTOINCREMENT, project varchar(128) NOT NULL, version bigint NOT NULL, created_at datetime NOT NULL",
}


def schema(database: str) -> str:
    """The statement that makes the table, for postgresql, mysql or sqlite. Django has a migration."""
    if database not in _TABLES:
        raise ValueError(f"database: {checks.shown(database)} is none of {', '.join(_TABLES)}; write one of them")
    return f"CREATE TABLE nudge_outbox ({_TABLES[database]})"


def add(connection: Any, project: checks.Project, version: int) -> None:
    """Adds a hint in the transaction of the caller, who commits. connection: one of the database, or a cursor of one.

    Raises ValueError for what is no project or no version, and what the database raises.
    """
    row = (checks.project_id(project), checks.version_number(version))
    cursor = connection if hasattr(connection, "execute") and not hasattr(connection, "cursor") else connection.cursor()
    try:
        mark = _mark(cursor)
        cursor.execute(f"INSERT INTO nudge_outbox (project, version, created_at) VALUES ({mark}, {mark}, CURRENT_TIMESTAMP)", row)
    finally:
        if cursor is not connection:
            cursor.close()


def take(cursor: Any, client: Client, lock: bool, logger: logging.Logger) -> int:
    """Publishes the oldest rows, deletes them, and returns how many they were. The caller commits, or rolls back on an error.

    lock: rows are locked, so that each of several relays has its own. Without it they may publish twice, which does no harm.
    """
    cursor.execute(
        f"SELECT id, project, version FROM nudge_outbox ORDER BY id LIMIT {MOST}" + (" FOR UPDATE SKIP LOCKED" if lock else "")
    )
    rows: List[Tuple[int, str, int]] = list(cursor.fetchall())
    newest: Dict[str, int] = {}
    for _, project, version in rows:
        newest[project] = max(version, newest.get(project, -1))
    for project, version in newest.items():
        try:
            client.publish_or_raise(project, version)
        except ValueError as error:  # written by somebody else; it can never be published, and must not hold up the others
            logger.error("a row of nudge_outbox is dropped: %s", error)
    if rows:
        # One by one: for many ids MySQL may read the whole table, and then waits for the rows of other relays.
        cursor.executemany(f"DELETE FROM nudge_outbox WHERE id = {_mark(cursor)}", [(row[0],) for row in rows])
    return len(rows)


def _mark(cursor: Any) -> str:
    """How the cursor's library marks a parameter."""
    module = sys.modules.get(type(cursor).__module__.partition(".")[0])
    return "?" if getattr(module, "paramstyle", "") == "qmark" else "%s"
