"""The driver of the conformance suite: one JSON object a line in, one a line out. See clients/conformance."""

import json
import logging
import os
import sqlite3
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from socketserver import ThreadingMixIn
from urllib.parse import parse_qs
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

sys.path.insert(0, str(Path(__file__).parent.parent))
import nudge
from nudge import outbox, relay, validator, wsgi

lines, versions, calls = [], {}, 0


class Kept(logging.Handler):
    def emit(self, record):
        lines.append(record.getMessage())


logger = logging.Logger("driver")
logger.addHandler(Kept())
client = nudge.Client(os.environ["REDIS_URL"], secret=os.environ["NUDGE_SECRET"], logger=logger)


def publish(project, version, **extras):
    return {"announced": client.publish(project, version, **extras)}


def publish_many(news):
    return {"announced": client.publish_many((project, version) for project, version in news)}


def publish_or_raise(project, version, **extras):
    return {"announced": client.publish_or_raise(project, version, **extras)}


def token(user, projects, **more):
    return {"token": client.token_for(user, projects, **more)}


def fork_publish(project, version):
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.write(writer, b"1" if client.publish(project, version) else b"0")
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as told:
        announced = told.read() == b"1"
    os.waitpid(child, 0)
    return {"announced": announced}


def threads(project, to, threads, **rest):
    with ThreadPoolExecutor(threads) as pool:
        return {"announced": sum(pool.map(lambda version: client.publish(project, version), range(rest["from"], to + 1)))}


def make_validator(time, versions, path, identity, **_):
    who = validator.identity_hash([(name, value.encode()) for name, value in identity.items()])
    text = {project: str(version) for project, version in versions.items()}
    return {"etag": validator.etag(client.secret, time, text, path, who)}


def database():
    db = sqlite3.connect(os.environ["OUTBOX_DB"])
    if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'nudge_outbox'").fetchall():
        db.execute(outbox.schema("sqlite"))
    return db


def outbox_add(rows, rollback=False):
    db = database()
    for project, version in rows:
        outbox.add(db, project, version)
    db.rollback() if rollback else db.commit()
    db.close()
    return {}


def relay_once():
    return {"rows": relay.Relay(database, client).run_once()}


def app(environ, start_response):
    global calls
    calls += 1
    project = environ["PATH_INFO"].split("/")[2]
    version = versions.get(project, 0)
    headers = [("Content-Type", "application/json"), ("X-Nudge-Version", f"{project}={version}")]
    login = parse_qs(environ["QUERY_STRING"]).get("login")
    if login:
        headers.append(("Set-Cookie", f"sid={login[0]}; Path=/"))
    start_response("200 OK", headers)
    return [json.dumps({"version": version, "calls": calls}).encode()]


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class Handler(WSGIRequestHandler):
    def get_environ(self):
        return {**super().get_environ(), "RAW_URI": self.path}

    def log_message(self, *_):
        pass


def serve():
    polls = wsgi.PollMiddleware(app, client, identity=["cookie:sid"])
    server = make_server("127.0.0.1", 0, polls, Server, Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return {"url": f"http://127.0.0.1:{server.server_port}"}


def set_version(project, version):
    versions[str(project)] = version
    return {}


def logged():
    return {"lines": lines}


DO = {f.__name__: f for f in (publish, publish_many, publish_or_raise, token, fork_publish, threads, outbox_add, relay_once, serve, set_version, logged)}
DO["validator"] = make_validator

for line in sys.stdin:
    request = json.loads(line)
    call = DO.get(request.pop("do"))
    try:
        answer = call(**request) if call else {"unsupported": True}
    except Exception as error:
        answer = {"error": str(error)}
    print(json.dumps(answer), flush=True)
