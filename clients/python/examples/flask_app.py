"""A Flask application that polls. It needs REDIS_URL and NUDGE_AUTH_SECRET."""

import os
import sqlite3

from flask import Flask, jsonify

import nudge
from nudge.wsgi import PollMiddleware

client = nudge.Client(os.environ["REDIS_URL"], secret=os.environ["NUDGE_AUTH_SECRET"])
app = Flask(__name__)
app.wsgi_app = PollMiddleware(app.wsgi_app, client, identity=["signed:session", "header:authorization"])


def database():
    return sqlite3.connect(os.environ.get("DATABASE", "example.db"))


@app.get("/projects/<int:id>/changes")
def changes(id):
    version, title = database().execute("SELECT version, title FROM projects WHERE id = ?", [id]).fetchone()
    return nudge.answered(jsonify(version=version, title=title), {id: version})


@app.route("/projects/<int:id>/rename/<title>", methods=["POST"])
def rename(id, title):
    with database() as db:  # commits at its end
        db.execute("UPDATE projects SET title = ?, version = version + 1 WHERE id = ?", [title, id])
        (version,) = db.execute("SELECT version FROM projects WHERE id = ?", [id]).fetchone()
    client.publish(id, version)  # after the commit
    return jsonify(version=version)


@app.get("/nudge-token")
def token():
    return client.token_for("ann", [42])


if __name__ == "__main__":
    with database() as db:
        db.execute("CREATE TABLE projects (id integer PRIMARY KEY, title text, version bigint)")
        db.execute("INSERT INTO projects VALUES (42, 'first', 1)")
    app.run("127.0.0.1", int(os.environ.get("PORT", "8000")))
