"""Which addresses a client may name, for a browser to return to or for us to tell. Plain Python."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import SplitResult, unquote, urlsplit


def is_within(url: str, allowed: Iterable[str]) -> bool:
    """Whether `url` lies under one of the origins or prefixes `allowed`.

    Same scheme, host and port, and a path at or below the prefix's: comparing text alone would let
    `https://shop.example.evil` and `https://shop.example/hooks-evil` pass.
    """
    try:
        given = urlsplit(url)
        return _is_plain(url, given) and any(_is_below(given, urlsplit(prefix)) for prefix in allowed)
    except ValueError:
        return False


def _is_below(given: SplitResult, allowed: SplitResult) -> bool:
    path = allowed.path.rstrip("/")
    same_origin = _origin(given) == _origin(allowed)
    return same_origin and (given.path == path or given.path.startswith(f"{path}/"))


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _is_plain(url: str, parts: SplitResult) -> bool:
    """Nothing that another reader of the address might understand differently."""
    path = unquote(parts.path)
    climbs = bool({".", ".."} & set(path.split("/")))
    odd = "@" in parts.netloc or "\\" in unquote(url) or not url.isprintable() or " " in url
    return parts.scheme in ("http", "https") and not climbs and not odd
