"""A Flask application that polls. It needs REDIS_URL and NUDGE_AUTH_SECRET."""

import os
import sqlite3

from flask import Flask, abort, jsonify, request

import nudge
from nudge.wsgi import PollMiddleware

client = nudge.Client(os.environ["REDIS_URL"], secret=os.environ["NUDGE_AUTH_SECRET"])
app = Flask(__name__)
app.wsgi_app = PollMiddleware(app.wsgi_app, client, identity=["signed:session", "header:authorization"])


def database():
    return sqlite3.connect(os.environ.get("DATABASE", "example.db"))


@app.get("/projects/<int:id>/changes")
def changes(id):
    db = database()
    (version,) = db.execute("SELECT version FROM projects WHERE id = ?", [id]).fetchone()  # the version first, then the rows
    stories = [title for (title,) in db.execute("SELECT title FROM stories WHERE project = ?", [id])]
    return nudge.answered(jsonify(version=version, stories=stories), {id: version})


@app.post("/projects/<int:id>/stories")
def add(id):
    with database() as db:  # commits at its end, or rolls back
        db.execute("INSERT INTO stories VALUES (?, ?)", [id, request.form["title"]])
        db.execute("UPDATE projects SET version = version + 1 WHERE id = ?", [id])
        (version,) = db.execute("SELECT version FROM projects WHERE id = ?", [id]).fetchone()
        if request.form["title"] == "rolled back":
            abort(422)
    client.publish(id, version)  # after the commit
    return "", 201


@app.get("/nudge-token")
def token():
    return client.token_for("ann", [1])


if __name__ == "__main__":
    with database() as db:
        db.execute("CREATE TABLE projects AS SELECT 1 AS id, 0 AS version")
        db.execute("CREATE TABLE stories (project integer, title text)")
    app.run("127.0.0.1", int(os.environ.get("PORT", "8000")))
