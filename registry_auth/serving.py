"""Runs the application under the production web server."""

import ctypes
import errno
import gc
import logging
import os
import signal
import socket
import threading
import time
from functools import partial

from flask import Flask

from registry_auth.application import worker_app
from registry_auth.database import check_writable, migrate
from registry_auth.dependency_proxy.gate_secret import write_for_nginx
from registry_auth.errors import ConfigurationError
from registry_auth.services import Services, build_services, tokens_by_server_secret
from registry_auth.settings import PREFIX, Settings, load_settings

# The interpreter lets one thread of a worker run at a time; the others wait for the database meanwhile, which for PostgreSQL takes longer.
_THREADS_WITH_SQLITE = 2
_THREADS_WITH_POSTGRESQL = 4
_MOST_DEFAULT_WORKERS = 4

# Each worker takes this many connections, idle ones included, and lets as many wait. A cluster that starts brings 1,000 at once, and with
# Granian's 512 somebody could shut all others out by opening connections and saying nothing.
_MOST_CONNECTIONS = 4_096

_KILL_TIMEOUT = 10  # seconds that a worker gets to finish its requests
_PARENT_CHECK_INTERVAL = 1  # seconds

_M_MMAP_THRESHOLD = -3  # of mallopt(3)
_LARGE_BLOCK = 1024 * 1024  # bytes; a block of this size or more is returned when it is freed

logger = logging.getLogger(__name__)


def default_workers() -> int:
    """Give one worker for each processor that this process may use, up to four."""
    return min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1, _MOST_DEFAULT_WORKERS)


def set_default_external_url(port: int) -> None:
    """Let clients of this machine find the server on the port it was given, unless the setting names an address."""
    name = f"{PREFIX}EXTERNAL_URL"
    os.environ[name] = os.environ.get(name) or f"http://127.0.0.1:{port}"


def prepare_installation() -> None:
    """Migrate the database and make or renew the keys, once, before any worker starts. Raises ConfigurationError."""
    services = build_services(load_settings())
    with services.database as database:
        migrate(database)
        check_writable(database)
        write_for_nginx(services.keys.directory.path, services.keys.ring().server_secrets[0])
        _warn_of_unusable_secrets(services)


def _warn_of_unusable_secrets(services: Services) -> None:
    known = services.digester.key_ids
    counted = tokens_by_server_secret(services.database, services.clock())
    unusable = sum(count for key_id, count in counted.items() if key_id not in known)
    if unusable:
        logger.warning(
            "tokens were made with another server secret than those in %s, and %d of their secrets are refused: "
            "bring the lost private/server-secret-*.key back, or make them anew",
            services.keys.directory.path,
            unusable,
        )


def check_port_free(host: str, port: int, setting: str) -> None:
    """Raise ConfigurationError when nobody can listen there. `setting` is the one that changes the port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise ConfigurationError(f"The address {host}:{port} is in use: choose another port with {setting}.") from error
            raise ConfigurationError(f"Nobody can listen at {host}:{port} ({error.strerror}): choose another address or port.") from error


def run_server(host: str, port: int, workers: int, application: str = "registry_auth.serving:worker") -> None:
    """Serve until a signal ends it. A worker that dies is replaced. `application` names what gives each worker its WSGI application."""
    _let_starting_workers_be_ended()
    _let_memory_be_returned()
    # Not before: it reads the options of its memory when it is imported.
    from granian.constants import HTTPModes, Interfaces, RuntimeModes  # noqa: PLC0415
    from granian.log import LogLevels  # noqa: PLC0415
    from granian.server import Server  # noqa: PLC0415

    # What is here stays. Otherwise the first full collection in a worker would write to every page that it shares with its parent.
    gc.freeze()
    Server(
        application,
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=_threads_per_worker(load_settings()),
        backlog=_MOST_CONNECTIONS,
        backpressure=_MOST_CONNECTIONS,
        runtime_mode=RuntimeModes.st,
        http=HTTPModes.http1,
        websockets=False,
        factory=True,
        respawn_failed_workers=True,
        workers_kill_timeout=_KILL_TIMEOUT,
        log_level=LogLevels.warning,
        log_dictconfig={"loggers": {"_granian": {"handlers": [], "propagate": True}}},
    ).serve()


def _threads_per_worker(settings: Settings) -> int:
    return _THREADS_WITH_SQLITE if settings.uses_sqlite else _THREADS_WITH_POSTGRESQL


def _let_memory_be_returned() -> None:
    """Let workers return what they no longer use, which would otherwise stay with each of them.

    The C library (glibc) keeps the 19 MiB of a password check, and jemalloc, which is in Granian, the buffers of a rush of requests.
    A check takes a quarter longer for it.
    """
    os.environ.setdefault("_RJEM_MALLOC_CONF", "dirty_decay_ms:0,muzzy_decay_ms:0")
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGE_BLOCK)


def _let_starting_workers_be_ended() -> None:
    """Let SIGTERM end a worker from its first moment on.

    While it builds the application it would have the signal handler of its parent, which swallows the order to end (Granian 2.8); and what
    comes during the fork itself is lost unless it is held back.
    """
    if not hasattr(os, "register_at_fork"):
        return
    hold = partial(signal.pthread_sigmask, signal.SIG_BLOCK, {signal.SIGTERM})
    release = partial(signal.pthread_sigmask, signal.SIG_UNBLOCK, {signal.SIGTERM})

    def in_child() -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        release()

    os.register_at_fork(before=hold, after_in_parent=release, after_in_child=in_child)


def worker() -> Flask:
    """Give the application of a worker process. For the web server to call, once in each."""
    # Ctrl-C in a terminal reaches the workers too, and one that is interrupted before its parent ends it hangs (Granian 2.8).
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    threading.Thread(target=_end_without_parent, args=(os.getppid(),), daemon=True).start()
    return worker_app()


def _end_without_parent(parent: int) -> None:
    """End this process when the one that started it is gone: killed, it cannot stop its workers, and they would keep the port."""
    while os.getppid() == parent:
        time.sleep(_PARENT_CHECK_INTERVAL)
    os._exit(1)
