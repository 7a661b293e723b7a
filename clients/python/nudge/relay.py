"""The relay of the outbox. python -m nudge.relay --help"""

import argparse
import logging
import os
import signal
import sys
import threading
from typing import Any, Callable, List, Optional
from urllib.parse import unquote, urlsplit

from . import outbox
from .client import Client


class Relay:
    """Publishes what is in the outbox of a database, at least once. Any number of relays may run.

    connect: makes a connection of DB-API, which is used until it fails. PostgreSQL, SQLite, MySQL 8 and MariaDB 10.6, where several
    relays need READ COMMITTED; nudge.relay.connector does that.
    """

    def __init__(self, connect: Callable[[], Any], client: Client, interval: float = 1.0) -> None:
        self._connect, self._client, self._interval = connect, client, interval
        self._connection: Any = None
        self._wait = 0.0  # since the last call failed; 0: it did not

    def run_once(self) -> int:
        """Publishes up to 100 rows, and returns how many. On an error nothing is deleted, and it is raised."""
        if self._connection is None:
            self._connection = self._connect()
        connection = self._connection
        try:
            cursor = connection.cursor()
            # SQLite has no locks on rows, and one on the database would make writers wait for Redis.
            count = outbox.take(cursor, self._client, "sqlite" not in type(connection).__module__, self._client.logger)
            cursor.close()
            connection.commit()
            return count
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Closes the connection, which rolls back. The relay connects again if it is used."""
        connection, self._connection = self._connection, None
        try:
            if connection is not None:
                connection.close()
        except Exception:  # it was broken
            pass

    def drain(self) -> int:
        """Publishes all that there is, and returns how many rows."""
        total = count = self.run_once()
        while count == outbox.MOST:
            count = self.run_once()
            total += count
        return total

    def run(self, stop: threading.Event) -> None:
        """Publishes until stop is set. After a failure it waits, 1 s at first, 30 s at last."""
        while not stop.is_set():
            stop.wait(self.step())

    def step(self) -> float:
        """One pass of run. Returns the seconds to wait before the next."""
        logger = self._client.logger
        try:
            count = self.run_once()
        except Exception as error:
            if not self._wait:
                logger.error("relay: %s; rows stay in nudge_outbox, and the relay tries again", self._client.store.hide(line(error)))
            self._wait = min(max(1.0, self._wait * 2), 30.0)
            return self._wait
        if self._wait:
            logger.warning("relay: works again")
        self._wait = 0.0
        return 0.0 if count == outbox.MOST else self._interval


def line(error: Exception) -> str:
    """The error in one line, with the fix if the table is missing."""
    text = " ".join(str(error).split()) or type(error).__name__
    missing = "nudge_outbox" in text and ("exist" in text or "no such table" in text)
    return text + ("; make the table: nudge.outbox.schema, or manage.py migrate" if missing else "")


def connector(url: str) -> Callable[[], Any]:
    """What connects to the database of a URL: postgresql://, mysql:// or sqlite:///path. No error shows the URL."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("database: the URL cannot be read; write %XX for special characters in the password") from None
    name = unquote(parts.path[1:])
    if parts.scheme == "sqlite" and name:
        import sqlite3

        return lambda: sqlite3.connect(name, timeout=5)
    if parts.scheme in ("postgresql", "postgres"):
        try:
            import psycopg as driver
        except ImportError:
            import psycopg2 as driver

        return lambda: driver.connect(
            host=parts.hostname, port=port, user=unquote(parts.username or "") or None, password=unquote(parts.password or "") or None, dbname=name
        )
    if parts.scheme == "mysql":
        import MySQLdb

        return lambda: MySQLdb.connect(
            host=parts.hostname or "127.0.0.1", port=port or 3306, user=unquote(parts.username or ""), passwd=unquote(parts.password or ""), db=name,
            init_command="SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",  # else it locks gaps, and several relays deadlock
        )
    raise ValueError("database: is none of postgresql://user:password@host/name, mysql://…, sqlite:///path; write one of them")


def main(arguments: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m nudge.relay", description="Publishes what is in the table nudge_outbox.")
    parser.add_argument("--database", default=os.environ.get("DATABASE_URL"), help="URL of the database; default: DATABASE_URL")
    parser.add_argument("--redis", default=os.environ.get("REDIS_URL"), help="URL of Redis; default: REDIS_URL")
    parser.add_argument("--prefix", default="nudge", help="redis.prefix of the gateways; default: nudge")
    parser.add_argument("--once", action="store_true", help="publish what there is, print how many rows, and end")
    options = parser.parse_args(arguments)
    if not options.database:
        parser.error("--database is not given; pass a URL, or set DATABASE_URL")
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s")
    try:
        relay = Relay(connector(options.database), Client(options.redis, prefix=options.prefix, timeout=5))
    except (ValueError, ImportError) as error:
        parser.error(str(error))
    if options.once:
        try:
            print(f"rows: {relay.drain()}")
        except Exception as error:
            print(f"relay: {line(error)}", file=sys.stderr)
            return 1
        finally:
            relay.close()
        return 0
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    relay.run(stop)
    relay.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
