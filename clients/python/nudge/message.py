"""The message that publish.lua announces: the bare version, or JSON if there is more to say."""

import json
import time
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from . import checks

TIMED = 10  # one version in so many carries the time, by which gateways measure how long news takes


class News(NamedTuple):
    """One checked advance of a project."""

    project: str
    version: int
    message: bytes
    reset: bool = False


def news(
    project: checks.Project,
    version: int,
    prev: Optional[int] = None,
    writer: Optional[str] = None,
    data: Any = None,
    reset: bool = False,
    traceparent: Optional[str] = None,
) -> Tuple[News, List[str]]:
    """Checks an advance. The texts say which extras break a rule; they are left out, since the version alone is news.

    Raises ValueError if project or version break one.
    """
    project, version = checks.project_id(project), checks.version_number(version)
    said: Dict[str, Any] = {"version": version}
    dropped: List[str] = []
    if prev is not None:
        try:
            said["prev"] = checks.version_number(prev, "prev")
        except ValueError as error:
            dropped.append(str(error))
    if writer is not None and writer != "":
        if isinstance(writer, str) and len(writer.encode("utf-8", "replace")) <= checks.LONGEST_WRITER and _encodes(writer):
            said["writer"] = writer
        else:
            dropped.append(f"writer: is no text of at most {checks.LONGEST_WRITER} bytes; pass a short tag of the tab")
    if data is not None:
        problem = _data_problem(data, "prev" in said)
        if problem:
            dropped.append(problem)
        else:
            said["data"] = data
    if reset:
        said["reset"] = True
    if isinstance(traceparent, str) and traceparent.isascii() and traceparent:
        said["traceparent"] = traceparent
    if version % TIMED == 0:
        said["sent_ms"] = int(time.time() * 1000)
    message = str(version).encode() if len(said) == 1 else _compact(said)
    return News(project, version, message, bool(reset)), dropped


def _compact(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _data_problem(data: Any, prev: bool) -> str:
    if not prev:
        return "data: needs prev; pass the version that the change was made upon"
    try:
        size = len(_compact(data))
    except (TypeError, ValueError, RecursionError):
        return "data: is not JSON in UTF-8; pass dicts, lists, text, numbers, True, False"
    if size > checks.LONGEST_DATA:
        return f"data: has {size} bytes and may have {checks.LONGEST_DATA}; publish without it, pages then poll"
    return ""
