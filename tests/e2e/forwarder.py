"""Stands between a client and a server of another port, and can fall silent without closing anything."""

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Event, Thread


class Forwarder:
    """Hands on what comes, in both directions, until it falls silent: as on a network that loses everything, nobody is told."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._flows = [Event()]
        self.go_on()

    def fall_silent(self) -> None:
        """Hand on nothing more. Connections stay open, and more are accepted."""
        self._flows[-1].clear()
        self._flows.append(Event())

    def go_on(self) -> None:
        """Hand on what comes on the connections that were made since the silence began; those before stay silent for good."""
        self._flows[-1].set()

    def end(self) -> None:
        """Let nobody wait any longer."""
        for flow in self._flows:
            flow.set()

    def connect(self, client: socket.socket, server: socket.socket) -> None:
        """Hand on what comes on both, until one of them is closed."""
        flow = self._flows[-1]
        back = Thread(target=_hand_on, args=(server, client, flow))
        back.start()
        _hand_on(client, server, flow)
        back.join()


def _hand_on(source: socket.socket, target: socket.socket, flow: Event) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            flow.wait()
            target.sendall(data)
    for each in (source, target):
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


@contextmanager
def forwarder_to(port: int) -> Iterator[Forwarder]:
    """Run a forwarder to a port of this machine; it ends with the `with` block."""

    class Handler(BaseRequestHandler):
        def handle(self) -> None:
            with closing(socket.create_connection(("127.0.0.1", port))) as server:
                forwarder.connect(self.request, server)

    with ThreadingTCPServer(("127.0.0.1", 0), Handler) as listener:
        listener.daemon_threads = True
        forwarder = Forwarder(listener.server_address[1])
        thread = Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield forwarder
        finally:
            forwarder.end()
            listener.shutdown()
            thread.join()
