"""Tokens for the gateway: JWT with HS256, by the standard library."""

import base64
import hashlib
import hmac
import json
from typing import Any, Dict, Mapping, Optional, Sequence

from . import checks

_OWN = {"sub", "subscribe", "publish", "iat", "exp", "iss", "aud"}
_LONGEST = 366 * 24 * 3600


def base64url(data: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def claims_of(
    user: checks.Project,
    projects: Sequence[checks.Project],
    ttl: int,
    publish: Sequence[checks.Project],
    more: Mapping[str, Any],
    now: int,
    issuer: Optional[str],
    audience: Optional[str],
) -> Dict[str, Any]:
    """The claims of a token. Raises ValueError for a wrong argument."""
    checks.seconds("ttl", ttl, True, 0)
    if ttl > _LONGEST:
        raise ValueError(f"ttl: {ttl} s is more than a gateway accepts; write {_LONGEST} at most")
    body: Dict[str, Any] = {"sub": checks.subject(user), "subscribe": _patterns("projects", projects)}
    if publish:
        body["publish"] = _patterns("publish", publish)
    body.update(iat=now, exp=now + ttl)
    if issuer is not None:
        body["iss"] = issuer
    if audience is not None:
        body["aud"] = audience
    for name in more:
        if name in _OWN:
            raise ValueError(f"claims: {name} is a claim that token_for writes itself; remove it")
    body.update(more)
    return body


def _patterns(name: str, values: Any) -> Sequence[str]:
    if isinstance(values, (str, bytes)) or not hasattr(values, "__iter__"):
        raise ValueError(f"{name}: {checks.shown(values)} is no list; write [{checks.shown(values)}]")
    try:
        return [checks.pattern(value) for value in values]
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def sign(secret: bytes, body: Mapping[str, Any]) -> str:
    """The token with these claims."""
    try:
        claims = json.dumps(body, separators=(",", ":"), allow_nan=False).encode()
    except (TypeError, ValueError):
        raise ValueError("claims: are not JSON; pass text, numbers, lists and dicts") from None
    head = base64url(b'{"alg":"HS256","typ":"JWT"}') + "." + base64url(claims)
    return head + "." + base64url(hmac.new(secret, head.encode(), hashlib.sha256).digest())
