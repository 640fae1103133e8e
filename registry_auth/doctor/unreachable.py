"""Why a server cannot be asked: what failed on the way to it, in a sentence."""

import ssl
from collections.abc import Callable
from urllib.parse import urlsplit

from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError, ProtocolError, ReadTimeoutError, SSLError

from registry_auth.errors import RegistryAuthError

CONNECT_TIMEOUT, READ_TIMEOUT = 5, 10  # seconds

# X509_V_ERR_… of OpenSSL.
_NOT_YET_VALID, _EXPIRED = 9, 10
_OTHER_NAME = frozenset({62, 64})

_NOT_TLS = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "UNEXPECTED_MESSAGE", "PACKET_LENGTH_TOO_LONG"})
_TLS_WANTED = (b"HTTPS", b"SSL-enabled")  # in what web servers answer to plain HTTP at a port for TLS
_TLS_ALERT = "\\x15\\x03"  # what others send
_BAD_REQUEST = 400


class UnreachableError(RegistryAuthError):
    """Nothing that could be read was answered; `str()` says why, `remedy` what to do."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


def unreachable(url: str, error: Exception) -> UnreachableError:
    """Give what an exception of urllib3 means for who asks this URL."""
    place = _place(url)
    sentence = next((sentence for kind, sentence in _SENTENCES if isinstance(error, kind)), _ended_early)
    return sentence(place, error)


def check_scheme(url: str, status: int, body: bytes) -> None:
    """Raise UnreachableError for the answer of a web server that wants TLS at this port and was asked in plain HTTP."""
    if url.startswith("http://") and status == _BAD_REQUEST and any(word in body for word in _TLS_WANTED):
        raise _tls_wanted(_place(url))


def _name_not_found(place: str, _error: Exception) -> UnreachableError:
    return UnreachableError(f"The name of {place} is not found.", "Mend the address, or the name's entry in the DNS.")


def _not_connected(place: str, error: Exception) -> UnreachableError:
    reason = getattr(error.__cause__, "strerror", None) or "no connection"
    return UnreachableError(f"{place} cannot be connected to ({reason}).", "Start what should listen there, or mend host and port.")


def _connect_timeout(place: str, _error: Exception) -> UnreachableError:
    return UnreachableError(
        f"{place} takes no connection within {CONNECT_TIMEOUT} seconds.",
        "See that it runs, and that no firewall keeps this machine from it.",
    )


def _read_timeout(place: str, _error: Exception) -> UnreachableError:
    return UnreachableError(
        f"{place} does not answer within {READ_TIMEOUT} seconds.", "See in its log, and in that of a proxy before it, what it waits for."
    )


def _no_tls(place: str, error: Exception) -> UnreachableError:
    reason = error.args[0] if error.args else None
    if isinstance(reason, ssl.SSLCertVerificationError):
        return _wrong_certificate(place, reason)
    word = getattr(reason, "reason", None)
    if word in _NOT_TLS:
        return UnreachableError(
            f"{place} answers https with plain HTTP.",
            f"Give it TLS; or use http://{place}, which clients refuse unless they are told otherwise (`insecure-registries`).",
        )
    return UnreachableError(
        f"{place} agrees on no TLS connection ({word or 'no reason given'}).", "See to its TLS versions and certificate."
    )


def _wrong_certificate(place: str, reason: ssl.SSLCertVerificationError) -> UnreachableError:
    if reason.verify_code in _OTHER_NAME:
        return UnreachableError(f"The TLS certificate of {place} is for another name.", "Use the name in it, or get one for this name.")
    if reason.verify_code == _EXPIRED:
        return UnreachableError(f"The TLS certificate of {place} has expired.", "Renew it, and have the server load it.")
    if reason.verify_code == _NOT_YET_VALID:
        return UnreachableError(f"The TLS certificate of {place} is not valid yet.", "Compare its dates with the clock of this machine.")
    return UnreachableError(
        f"The TLS certificate of {place} is not trusted ({reason.verify_message}).",
        "Have it serve the whole chain of a CA that clients know, or give its CA to this machine and to every client.",
    )


def _broken_off(place: str, error: Exception) -> UnreachableError:
    return _tls_wanted(place) if _TLS_ALERT in repr(error) else _ended_early(place, error)


def _tls_wanted(place: str) -> UnreachableError:
    return UnreachableError(f"{place} wants TLS, and was asked in plain HTTP.", f"Use https://{place}.")


def _ended_early(place: str, _error: Exception) -> UnreachableError:
    return UnreachableError(f"{place} ends the connection without an answer.", "See in its log, and in that of a proxy before it, why.")


def _place(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]


# The first that fits counts: some of urllib3's exceptions are kinds of others.
_SENTENCES: tuple[tuple[type[Exception], Callable[[str, Exception], UnreachableError]], ...] = (
    (NameResolutionError, _name_not_found),
    (NewConnectionError, _not_connected),
    (ConnectTimeoutError, _connect_timeout),
    (ReadTimeoutError, _read_timeout),
    (SSLError, _no_tls),
    (ProtocolError, _broken_off),
)
