"""A Starlette application (ASGI) that polls. It needs REDIS_URL and NUDGE_AUTH_SECRET."""

import asyncio
import os
import sqlite3
from urllib.parse import parse_qsl

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

import nudge
from nudge.asgi import PollMiddleware

client = nudge.Client(os.environ["REDIS_URL"], secret=os.environ["NUDGE_AUTH_SECRET"])


def database():
    return sqlite3.connect(os.environ.get("DATABASE", "example.db"))


def changes(request):
    id, db = request.path_params["id"], database()
    (version,) = db.execute("SELECT version FROM projects WHERE id = ?", [id]).fetchone()  # the version first, then the rows
    stories = [title for (title,) in db.execute("SELECT title FROM stories WHERE project = ?", [id])]
    return nudge.answered(JSONResponse({"version": version, "stories": stories}), {id: version})


async def add(request):
    id, title = request.path_params["id"], dict(parse_qsl((await request.body()).decode()))["title"]
    with database() as db:  # commits at its end, or rolls back
        db.execute("INSERT INTO stories VALUES (?, ?)", [id, title])
        db.execute("UPDATE projects SET version = version + 1 WHERE id = ?", [id])
        (version,) = db.execute("SELECT version FROM projects WHERE id = ?", [id]).fetchone()
        if title == "rolled back":
            raise HTTPException(422)
    await asyncio.to_thread(client.publish, id, version)  # after the commit; never in the event loop itself, where it would wait
    return PlainTextResponse(status_code=201)


app = Starlette(
    routes=[
        Route("/projects/{id:int}/changes", changes),
        Route("/projects/{id:int}/stories", add, methods=["POST"]),
        Route("/nudge-token", lambda request: PlainTextResponse(client.token_for("ann", [1]))),
    ],
    middleware=[Middleware(PollMiddleware, client=client, identity=["signed:session", "header:authorization"])],  # the first
)

if __name__ == "__main__":
    with database() as db:
        db.execute("CREATE TABLE projects AS SELECT 1 AS id, 0 AS version")
        db.execute("CREATE TABLE stories (project integer, title text)")
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8000")))
