"""What projects, versions and options must be. Each error names the thing and the fix."""

import base64
import binascii
import json
import operator
import re
from typing import Any, Optional, Union
from uuid import UUID

Project = Union[str, int, UUID]

LARGEST = 2**53 - 1
LONGEST_DATA = 8 << 10
LONGEST_WRITER = 128
_PROJECT = re.compile(r"[A-Za-z0-9._~:-]{1,128}\Z")
_PREFIX = re.compile(r"[A-Za-z0-9._~:-]{0,63}[A-Za-z0-9._~-]\Z")


def shown(value: object) -> str:
    """The value for one line of a log."""
    text = json.dumps(value) if isinstance(value, str) else repr(value)
    return text if len(text) <= 100 else text[:100] + "…"


def project_id(value: Project) -> str:
    """The id of a project, which may be text, an integer or a UUID."""
    if isinstance(value, bool) or not isinstance(value, (str, int, UUID)):
        raise ValueError(f"project: {shown(value)} is neither text nor an integer; pass the project's id")
    text = str(value)
    if not _PROJECT.match(text):
        raise ValueError(
            f"project: {shown(text)} is not 1 to 128 of A-Z a-z 0-9 . _ ~ : -; write an id of other characters as hex or base64url"
        )
    return text


def version_number(value: Any, name: str = "version") -> int:
    """A version: an integer from 0 to 2^53-1."""
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise ValueError(f"{name}: {shown(value)} is no integer; pass an int") from None
    if not 0 <= number <= LARGEST:
        raise ValueError(f"{name}: {shown(number)} is not from 0 to 2^53-1; use a counter that grows by one with each change")
    return number


def pattern(value: Project) -> str:
    """An entry of a token: a project, a prefix such as team-*, or * for all."""
    if value == "*":
        return "*"
    if isinstance(value, str) and value.endswith("*"):
        return project_id(value[:-1]) + "*"
    return project_id(value)


def subject(value: Project) -> str:
    """The user of a token as text."""
    if isinstance(value, bool) or not isinstance(value, (str, int, UUID)) or not str(value):
        raise ValueError(f"user: {shown(value)} is neither text nor an integer; pass the user's id")
    return str(value)


def key_prefix(value: str) -> str:
    if not isinstance(value, str) or not _PREFIX.match(value):
        raise ValueError(
            f"prefix: {shown(value)} is no prefix; write redis.prefix of the gateways: 1 to 64 of A-Z a-z 0-9 . _ ~ : - that do not end with a colon"
        )
    return value


def seconds(name: str, value: Any, whole: bool, above: float) -> Any:
    """An option in seconds. above: it must be greater than this."""
    kinds = (int,) if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not above < value < 10**10:
        raise ValueError(f"{name}: {shown(value)} is no number of seconds above {above:g}; write {'a whole number' if whole else 'one'}, such as 60")
    return value


def secret_bytes(value: Union[str, bytes, None]) -> Optional[bytes]:
    """The bytes of a secret. Text that begins with base64: is decoded, as the gateway does. No error shows the secret."""
    if value is None:
        return None
    if isinstance(value, str):
        if value.strip() != value:
            raise ValueError("secret: has white space or a line break around it; remove it, as the gateway wants none")
        key = _decoded(value[len("base64:") :]) if value.startswith("base64:") else value.encode()
    elif isinstance(value, bytes):
        key = value
    else:
        raise ValueError("secret: is neither text nor bytes; pass auth.secret of the gateways")
    if len(key) < 32:
        raise ValueError(f"secret: has {len(key)} bytes and needs 32 at least; make one with openssl rand -hex 32")
    return key


def _decoded(text: str) -> bytes:
    text = text.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(
            "secret: is not base64 after base64:; write what openssl rand -base64 32 prints, or remove base64: if the gateway has the text"
        ) from None
