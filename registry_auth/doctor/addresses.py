"""Addresses of registries and token servers, as far as they can be judged by their text."""

from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import SplitResult, urlsplit

from registry_auth.errors import InvalidValueError
from registry_auth.logs import redact

_LONGEST_SHOWN = 250  # characters of a text from outside
_LABELS = 2  # a registrable domain has at least two

_PORTS = {"http": 80, "https": 443}


def candidate_urls(address: str) -> tuple[str, ...]:
    """Give the URLs at which a client looks for the registry of this address, in its order, without a slash at the end.

    `address` is a URL or `host:port`; what follows the host does not count, for clients ask every registry at `/v2/`. Without a scheme
    they take https, and http only on their own machine. Raises InvalidValueError.
    """
    has_scheme = "://" in address
    parts = split_url(address if has_scheme else f"https://{address}")
    if parts is None or "@" in parts.netloc:
        raise InvalidValueError("The address of the registry is neither HOST, HOST:PORT nor a URL with http:// or https://.")
    if has_scheme:
        return (f"{parts.scheme}://{parts.netloc}",)
    schemes = ("https", "http") if is_loopback(host_of(parts)) else ("https",)
    return tuple(f"{scheme}://{parts.netloc}" for scheme in schemes)


def split_url(url: str) -> SplitResult | None:
    """Give the parts of an http or https URL; None for every other text."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in _PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    return parts if usable and url.isprintable() and " " not in url else None


def host_of(parts: SplitResult) -> str:
    """Give the host of a URL that split_url gave, in lower case and without a dot at its end."""
    return (parts.hostname or "").rstrip(".")


def origin_of(parts: SplitResult) -> tuple[str, str, int]:
    """Give scheme, host and port of a URL that split_url gave."""
    return parts.scheme, host_of(parts), parts.port or _PORTS[parts.scheme]


def ip_of(host: str) -> IPv4Address | IPv6Address | None:
    """Give the IP address that a host is written as; None for a name."""
    try:
        return ip_address(host.partition("%")[0])
    except ValueError:
        return None


def is_loopback(host: str) -> bool:
    """Say whether a host is always the machine that asks (RFC 6761 section 6.3 for the names)."""
    address = ip_of(host)
    return address.is_loopback if address is not None else host == "localhost" or host.endswith(".localhost")


def is_private(host: str) -> bool:
    """Say whether a host is an IP address that is not reached from everywhere."""
    address = ip_of(host)
    return address is not None and not address.is_global


def are_of_other_domains(one: str, other: str) -> bool:
    """Say whether two hosts certainly have no registrable domain in common.

    Which part of a name can be registered only the public suffix list knows, but it has two labels at least. IP addresses have none.
    """
    if one == other:
        return False
    return ip_of(one) is not None or ip_of(other) is not None or one.split(".")[-_LABELS:] != other.split(".")[-_LABELS:]


def shown(text: str) -> str:
    """Give a text from outside as it can be shown on a terminal: one line, not long, and nothing that looks like a secret."""
    printable = "".join(character if character.isprintable() else "?" for character in redact(text))
    return printable if len(printable) <= _LONGEST_SHOWN else f"{printable[:_LONGEST_SHOWN]}…"


def shown_url(url: str) -> str:
    """Give a URL from outside as it can be shown: without the user name and the password that may stand in it."""
    parts = split_url(url)
    return shown(url if parts is None else parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl())
