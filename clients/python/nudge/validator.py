"""The validator of a poll's answer: W/"nudge1.TIME.VERSIONS.MAC". It says when the application really answered, which
versions the answer has, and for whom and which path it is. Only who has the secret can make one."""

import base64
import hashlib
import hmac
import re
from typing import Dict, Iterator, Mapping, NamedTuple, Optional, Sequence, Tuple

from . import checks
from .tokens import base64url

MOST_PROJECTS = 64
_FORM = re.compile(r"nudge1\.([0-9]{1,12})\.([A-Za-z0-9_-]{1,12000})\.([A-Za-z0-9_-]{22})")
_VERSION = re.compile(r"(?:0|[1-9][0-9]{0,15})\Z")


class Validator(NamedTuple):
    """A validator that was signed by us."""

    time: int
    versions: Dict[str, str]
    etag: str


def versions_text(versions: Mapping[checks.Project, int]) -> str:
    """42=124,43=9, sorted. Raises ValueError for what is no project or no version."""
    checked = {checks.project_id(p): checks.version_number(v) for p, v in versions.items()}
    return ",".join(f"{p}={v}" for p, v in sorted(checked.items()))


def parse_versions(text: str) -> Optional[Dict[str, str]]:
    """The versions by project, or None if the text has none, more than 64, one twice, or anything else."""
    found: Dict[str, str] = {}
    for part in text.split(","):
        project, _, version = part.strip().partition("=")
        try:
            checks.project_id(project)
        except ValueError:
            return None
        if not _VERSION.match(version) or int(version) > checks.LARGEST or project in found:
            return None
        found[project] = version
    return found if len(found) <= MOST_PROJECTS else None


def identity_hash(values: Sequence[Tuple[str, bytes]]) -> str:
    """Who asks: the names that the application identifies callers by, with what the request has for each."""
    return base64url(hashlib.sha256(b"".join(name.encode() + b"=" + value + b"\n" for name, value in values)).digest())


def etag(secret: bytes, time: int, versions: Mapping[str, str], path: str, identity: str) -> str:
    """The validator. path is as the client sent it, without the query."""
    text = ",".join(f"{p}={v}" for p, v in sorted(versions.items()))
    encoded = base64url(text.encode())
    return f'W/"nudge1.{time}.{encoded}.{_mac(secret, str(time), encoded, path, identity)}"'


def signed(secret: bytes, header: str, path: str, identity: str) -> Iterator[Validator]:
    """Those of our validators in If-None-Match that are for this path and identity. Proxies append to them (-gzip)."""
    for match in _FORM.finditer(header):
        time, encoded, mac = match.groups()
        if not hmac.compare_digest(mac, _mac(secret, time, encoded, path, identity)):
            continue
        versions = parse_versions(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode())
        if versions is not None:
            yield Validator(int(time), versions, f'W/"{match.group()}"')


def _mac(secret: bytes, time: str, versions: str, path: str, identity: str) -> str:
    text = f"nudge poll validator\n{time}\n{versions}\n{path}\n{identity}".encode("utf-8", "surrogateescape")
    return base64url(hmac.new(secret, text, hashlib.sha256).digest())[:22]
