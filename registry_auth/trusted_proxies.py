"""Which address a request came from, when it passed proxies on its way."""

from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING

from flask import request
from werkzeug.middleware.proxy_fix import ProxyFix

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


def behind_proxies(app: "WSGIApplication", count: int) -> "WSGIApplication":
    """Let REMOTE_ADDR be the address from which the first of `count` proxies was asked, as X-Forwarded-For tells.

    Each proxy adds the address it was asked from at the end of that header; what stands before the last `count` is the client's own
    invention. When there are fewer, or it is no IP address, REMOTE_ADDR stays the address of the last proxy.
    """

    def checked(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if not _is_address(environ.get("REMOTE_ADDR", "")):
            environ["REMOTE_ADDR"] = environ["werkzeug.proxy_fix.orig"]["REMOTE_ADDR"]
        return app(environ, start_response)

    return ProxyFix(checked, x_for=count, x_proto=0, x_host=0, x_port=0, x_prefix=0)


def _is_address(text: str) -> bool:
    try:
        address = ip_address(text)
    except ValueError:
        return False
    # A zone, as in fe80::1%eth0, may be any text; in a log line that would be for the client to write.
    return not (isinstance(address, IPv6Address) and address.scope_id)


def client_address() -> str:
    """Give the address that the request at hand came from, as far as it is to be believed."""
    return request.remote_addr or ""
