"""Nudge for Python applications: publish after a commit, sign tokens, answer polls that find nothing new.

    client = nudge.Client("redis://127.0.0.1:6379/0", secret=os.environ["NUDGE_AUTH_SECRET"])
    client.publish(42, 124)                       # after the commit; never raises
    token = client.token_for(user.id, [42, "team-*"])
"""

from .client import Client, PublishError
from .polls import answered

__all__ = ["Client", "PublishError", "answered"]
__version__ = "0.1.0"
