"""A Starlette application (ASGI) that polls. It needs REDIS_URL and NUDGE_AUTH_SECRET."""

import asyncio
import os
import sqlite3

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

import nudge
from nudge.asgi import PollMiddleware

client = nudge.Client(os.environ["REDIS_URL"], secret=os.environ["NUDGE_AUTH_SECRET"])


def database():
    return sqlite3.connect(os.environ.get("DATABASE", "example.db"))


def changes(request):
    id = request.path_params["id"]
    version, title = database().execute("SELECT version, title FROM projects WHERE id = ?", [id]).fetchone()
    return nudge.answered(JSONResponse({"version": version, "title": title}), {id: version})


async def rename(request):
    id = request.path_params["id"]
    with database() as db:  # commits at its end
        db.execute("UPDATE projects SET title = ?, version = version + 1 WHERE id = ?", [request.path_params["title"], id])
        (version,) = db.execute("SELECT version FROM projects WHERE id = ?", [id]).fetchone()
    await asyncio.to_thread(client.publish, id, version)  # after the commit; never in the event loop itself, where it would wait
    return JSONResponse({"version": version})


def token(request):
    return PlainTextResponse(client.token_for("ann", [42]))


app = Starlette(
    routes=[
        Route("/projects/{id:int}/changes", changes),
        Route("/projects/{id:int}/rename/{title}", rename, methods=["POST"]),
        Route("/nudge-token", token),
    ],
    middleware=[Middleware(PollMiddleware, client=client, identity=["signed:session", "header:authorization"])],  # the first
)

if __name__ == "__main__":
    with database() as db:
        db.execute("CREATE TABLE projects (id integer PRIMARY KEY, title text, version bigint)")
        db.execute("INSERT INTO projects VALUES (42, 'first', 1)")
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8000")))
