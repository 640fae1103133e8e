"""One request as a client makes it: nothing is followed or tried again, and time and size are bounded."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from time import monotonic
from types import MappingProxyType
from typing import Any

import orjson
import urllib3
from urllib3.exceptions import HTTPError

from registry_auth.doctor.unreachable import CONNECT_TIMEOUT, READ_TIMEOUT, check_scheme, unreachable

_TIMEOUT = urllib3.Timeout(connect=CONNECT_TIMEOUT, read=READ_TIMEOUT)
_MAX_BODY = 65_536  # bytes
_PIECE = 8_192

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Response:
    """An answer: the first 64 KiB of its body, and when its headers came (UTC)."""

    status: int
    headers: urllib3.HTTPHeaderDict
    body: bytes
    received_at: datetime

    @property
    def document(self) -> dict[str, Any] | None:
        """The JSON object in the body; None where there is none."""
        try:
            document = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return None
        return document if isinstance(document, dict) else None

    @property
    def clock_skew(self) -> timedelta | None:
        """How far the server's clock is ahead of ours, to a second; None where it does not tell its time (RFC 9110 section 6.6.1)."""
        try:
            return parsedate_to_datetime(self.headers["Date"]) - self.received_at
        except (KeyError, ValueError, TypeError):  # TypeError: a time without its zone
            return None


def fetch(url: str, clock: Callable[[], datetime], headers: Mapping[str, str] = _NO_HEADERS) -> Response:
    """GET an http or https URL. Certificates are checked as this machine trusts them. Raises UnreachableError."""
    try:
        with urllib3.PoolManager(num_pools=1, timeout=_TIMEOUT) as pool:
            response = _response(pool, url, clock, headers)
    except (HTTPError, ValueError, OSError) as error:
        raise unreachable(url, error) from error
    check_scheme(url, response.status, response.body)
    return response


def _response(pool: urllib3.PoolManager, url: str, clock: Callable[[], datetime], headers: Mapping[str, str]) -> Response:
    answer = pool.request("GET", url, headers={**headers}, redirect=False, retries=False, preload_content=False, decode_content=False)
    try:
        received_at = clock()
        return Response(answer.status, answer.headers, _body(answer), received_at)
    finally:
        answer.close()


def _body(answer: urllib3.BaseHTTPResponse) -> bytes:
    """Read as much as is allowed, in no more than the time that one answer may take."""
    body, deadline = b"", monotonic() + READ_TIMEOUT
    while len(body) < _MAX_BODY and monotonic() < deadline and (piece := answer.read1(_PIECE)):
        body += piece
    return body[:_MAX_BODY]
