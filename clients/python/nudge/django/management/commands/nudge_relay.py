import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DEFAULT_DB_ALIAS, connections, transaction

from nudge import outbox
from nudge.client import Client
from nudge.django import client
from nudge.relay import Relay, line


class DjangoRelay(Relay):
    """The relay, on a connection that Django makes and keeps."""

    def __init__(self, using: str, to: Client) -> None:
        super().__init__(lambda: None, to)
        self._using = using

    def run_once(self) -> int:
        connection = connections[self._using]
        connection.close_if_unusable_or_obsolete()
        with transaction.atomic(using=self._using), connection.cursor() as cursor:
            lock = connection.features.has_select_for_update_skip_locked
            return outbox.take(cursor, self._client, lock, self._client.logger)


class Command(BaseCommand):
    help = "Publishes what is in the table nudge_outbox, until it gets SIGTERM."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--once", action="store_true", help="publish what there is, print how many rows, and end")
        parser.add_argument("--using", default=DEFAULT_DB_ALIAS, help="the database with the outbox")

    def handle(self, *_: Any, **options: Any) -> None:
        relay = DjangoRelay(options["using"], client())
        if options["once"]:
            try:
                self.stdout.write(f"rows: {relay.drain()}")
            except Exception as error:
                raise CommandError(f"relay: {line(error)}") from error
            return
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        relay.run(stop)
