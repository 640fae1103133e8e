"""HTTP as it goes over the wire, without a library that mends, follows or retries anything."""

import base64
import http.client
import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer; the headers' names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        """The body as JSON; AssertionError unless it is labelled as such."""
        assert self.headers.get("content-type") == "application/json", (self.status, self.headers, self.body)
        return json.loads(self.body)

    def granted(self) -> Any:
        """Give the document of an answer 200."""
        assert self.status == 200, (self.status, self.body)
        return self.document

    def refusal(self) -> tuple[int, str, str]:
        """Give status, error code and message, after checking that it is the one form of refusals."""
        document = self.document
        (error,) = document["errors"]
        assert set(document) == {"errors", "error", "error_description"}
        assert error["detail"] is None
        assert error["message"] == document["error_description"]
        return self.status, error["code"], error["message"]


def call(
    url: str,
    *,
    method: str = "GET",
    query: Sequence[tuple[str, str]] = (),
    credentials: tuple[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    body: bytes | Iterable[bytes] | None = None,
) -> Answer:
    """Make one request on a connection of its own. A body of several parts goes out chunked, without a length."""
    parts = urlsplit(url)
    target = f"{parts.path}?{urlencode(query, quote_via=quote)}" if query else parts.path + (f"?{parts.query}" if parts.query else "")
    sent = dict(headers or {})
    if credentials is not None:
        sent["Authorization"] = basic(*credentials)
    with closing(http.client.HTTPConnection(parts.netloc, timeout=30)) as connection:
        # A server that refuses a large request early closes before all of it is sent; its answer is there all the same.
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.request(method, target, body=body, headers=sent)
        response = connection.getresponse()
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())


def post_form(url: str, fields: Sequence[tuple[str, str]], *, chunk: int | None = None) -> Answer:
    """POST a form, in chunks of `chunk` bytes where that is given."""
    encoded = urlencode(fields).encode()
    pieces = None if chunk is None else (encoded[start : start + chunk] for start in range(0, len(encoded), chunk))
    return call(url, method="POST", headers={"Content-Type": FORM}, body=encoded if pieces is None else pieces)


def basic(username: str, secret: str) -> str:
    """Give the header Authorization for Basic (RFC 7617, UTF-8)."""
    return f"Basic {base64.b64encode(f'{username}:{secret}'.encode()).decode()}"


def header(token: str) -> Any:
    """Give the header of a JWT, unverified."""
    return _part(token, 0)


def claims(token: str) -> Any:
    """Give the claims of a JWT, unverified."""
    return _part(token, 1)


def _part(token: str, index: int) -> Any:
    text = token.split(".")[index]
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
