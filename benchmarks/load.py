"""Clients by the dozen or the thousand in one thread: little of the machine is theirs, so that the server is what limits.

Every client opens a connection for each request, as docker does, unless connections are kept.
"""

import re
import select
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

import click

_HOST = "127.0.0.1"
_LONGEST_SILENCE = 60  # seconds without any answer after which the rest counts as unanswered
_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)
_RECEIVED = 65_536


class LoadError(click.ClickException):
    """Requests were not answered as they should be."""


@dataclass(frozen=True, slots=True)
class Request:
    """The bytes of a request, the status that is due, and the address of this machine that it comes from, if not the usual one."""

    payload: bytes
    status: int = 200
    source: str = ""


@dataclass(slots=True)
class Outcome:
    """How long each request took from its due time to its whole answer, in the order of the requests, and how long all took together.

    A request without the answer that was due took None.
    """

    seconds: list[float | None]
    statuses: dict[int, int] = field(default_factory=dict)
    duration: float = 0

    def checked(self) -> list[float]:
        """Give the times. Raises LoadError unless each request was answered as it should be."""
        times = [seconds for seconds in self.seconds if seconds is not None]
        if len(times) < len(self.seconds):
            raise LoadError(f"{len(self.seconds) - len(times)} of {len(self.seconds)} requests were not answered as due: {self.statuses}")
        return times


def closed_loop(port: int, requests: Sequence[Request], clients: int, *, kept: bool = False) -> Outcome:
    """Let so many clients make the requests, each its next one when its last is answered."""
    return _Run(port, requests, kept=kept).closed(clients)


def open_loop(port: int, requests: Sequence[Request], rate: float) -> Outcome:
    """Make so many requests a second at even distances, whether or not the earlier ones are answered.

    Times count from the instant at which a request was due, so a server that stalls makes those behind it late.
    """
    return _Run(port, requests).open(rate)


@dataclass(slots=True)
class _Exchange:
    connection: socket.socket
    index: int
    began: float
    sent: bool = False
    received: bytes = b""


class _Run:
    def __init__(self, port: int, requests: Sequence[Request], *, kept: bool = False) -> None:
        self._port = port
        self._requests = requests
        self._kept = kept
        self._exchanges: dict[int, _Exchange] = {}
        self._outcome = Outcome([None] * len(requests))
        self._poll = select.epoll()

    def closed(self, clients: int) -> Outcome:
        began = time.perf_counter()
        waiting = iter(range(len(self._requests)))
        for index in islice(waiting, clients):
            self._begin(index, time.perf_counter())
        while self._exchanges:
            for exchange in self._answered(_LONGEST_SILENCE):
                index = next(waiting, -1)
                if index >= 0 and self._kept:
                    self._again(exchange, index)
                    continue
                self._end(exchange)
                if index >= 0:
                    self._begin(index, time.perf_counter())
        return self._ended(began)

    def open(self, rate: float) -> Outcome:
        began = time.perf_counter()
        due = [(index, began + index / rate) for index in range(len(self._requests))]
        due.reverse()
        while due or self._exchanges:
            while due and due[-1][1] <= time.perf_counter():
                self._begin(*due.pop())
            pause = max(0.0, due[-1][1] - time.perf_counter()) if due else _LONGEST_SILENCE
            for exchange in self._answered(pause):
                self._end(exchange)
        return self._ended(began)

    def _ended(self, began: float) -> Outcome:
        self._poll.close()
        self._outcome.duration = time.perf_counter() - began
        return self._outcome

    def _begin(self, index: int, began: float) -> None:
        connection = socket.socket()
        connection.setblocking(False)
        if self._requests[index].source:
            connection.setsockopt(socket.SOL_IP, socket.IP_BIND_ADDRESS_NO_PORT, 1)
            connection.bind((self._requests[index].source, 0))
        connection.connect_ex((_HOST, self._port))
        self._exchanges[connection.fileno()] = _Exchange(connection, index, began)
        self._poll.register(connection, select.EPOLLIN | select.EPOLLOUT | select.EPOLLET)

    def _again(self, exchange: _Exchange, index: int) -> None:
        exchange.index, exchange.began, exchange.received = index, time.perf_counter(), b""
        exchange.connection.send(self._requests[index].payload)

    def _end(self, exchange: _Exchange) -> None:
        del self._exchanges[exchange.connection.fileno()]
        exchange.connection.close()

    def _answered(self, pause: float) -> Iterator[_Exchange]:
        """Wait, then give the exchanges that are over."""
        events = self._poll.poll(pause)
        if not events and pause == _LONGEST_SILENCE:
            yield from list(self._exchanges.values())
        for number, event in events:
            exchange = self._exchanges[number]
            try:
                if self._is_over(exchange, event):
                    yield exchange
            except OSError as error:
                self._count(error.errno or 0)
                yield exchange

    def _is_over(self, exchange: _Exchange, event: int) -> bool:
        request = self._requests[exchange.index]
        if event & select.EPOLLOUT and not exchange.sent:
            exchange.sent = True
            exchange.connection.send(request.payload)
        if not event & (select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR):
            return False
        part = exchange.connection.recv(_RECEIVED)
        exchange.received += part
        if not part:
            self._count(0)
        elif _is_whole(exchange.received):
            status = int(exchange.received[9:12])
            self._count(status)
            if status == request.status:
                self._outcome.seconds[exchange.index] = time.perf_counter() - exchange.began
        else:
            return False
        return True

    def _count(self, status: int) -> None:
        self._outcome.statuses[status] = self._outcome.statuses.get(status, 0) + 1


def _is_whole(received: bytes) -> bool:
    head = received.find(b"\r\n\r\n")
    length = _LENGTH.search(received, 0, head + 1)
    return head >= 0 and length is not None and len(received) >= head + 4 + int(length[1])
