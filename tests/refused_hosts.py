"""Hosts that lead inside, in every form in which a URL can write them, and a listener that counts who got through."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

THIS_MACHINE = (
    "127.0.0.1", "127.0.0.2", "127.255.255.254", "127.0.0.1.", "localhost", "LOCALHOST", "localhost.", "a.localhost",
    "localhost.localdomain", "[::1]", "[0:0:0:0:0:0:0:1]", "[::]", "0.0.0.0", "0.1.2.3",
)  # fmt: skip
OLD_IPV4 = (
    "127.1", "127.0.1", "127.1.", "2130706433", "0x7f000001", "0x7F.1", "0x7f.0x0.0x0.0x1", "0177.0.0.1", "0177.1",
    "017700000001", "0", "00", "0x0", "167772161", "3232235777", "0xc0a80101", "0300.0250.1.1", "2852039166",
    "0xa9fea9fe", "0251.0376.0251.0376", "169.16689662",
)  # fmt: skip
INSIDE_IPV4 = (
    "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1", "192.168.255.255", "169.254.0.1",
    "169.254.169.254", "100.64.0.1", "100.100.100.200", "100.127.255.255", "192.0.0.1", "192.0.0.8", "192.0.0.170",
    "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1",
    "239.255.255.255", "240.0.0.1", "255.255.255.255",
)  # fmt: skip
IPV4_IN_IPV6 = (
    "[::127.0.0.1]", "[::7f00:1]", "[::10.0.0.1]", "[::169.254.169.254]", "[::8.8.8.8]", "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]", "[::ffff:10.0.0.1]", "[::ffff:169.254.169.254]", "[::ffff:0:127.0.0.1]", "[::ffff:0:7f00:1]",
    "[::ffff:0:8.8.8.8]", "[64:ff9b::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b::a9fe:a9fe]", "[64:ff9b::8.8.8.8]",
    "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]", "[2002:a9fe:a9fe::1]", "[2002:c0a8:101::1]", "[2002:808:808::1]",
    "[2001::1]", "[2001:0:7f00:1::]", "[2001:0:4136:e378:8000:63bf:80ff:fffe]",
)  # fmt: skip
INSIDE_IPV6 = (
    "[fc00::1]", "[fd00:ec2::254]", "[fd20:ce::254]", "[fdff::1]", "[fe80::1]", "[febf::1]", "[fe80::1%25eth0]",
    "[fe80::1%eth0]", "[::1%25lo]", "[fec0::1]", "[feff::1]", "[ff02::1]", "[ff0e::1]", "[2001:db8::1]", "[2001:10::1]",
    "[2001:20::1]", "[3fff::1]", "[5f00::1]", "[100::1]", "[400::1]",
)  # fmt: skip
DISGUISED = (
    "\uff11\uff12\uff17.0.0.1", "127\u30020\u30020\u30021", "127\uff0e0\uff0e0\uff0e1", "127\uff610\uff610\uff611",
    "\u2460\u2461\u2466.0.0.1", "\uff4cocalhost", "loc\u2090lhost", "%31%32%37.0.0.1", "127.0.0.1%2f.example.com",
    "example.com@127.0.0.1", "user:pw@[::1]", "user:pw@example.com",
)  # fmt: skip
REFUSED_HOSTS = (*THIS_MACHINE, *OLD_IPV4, *INSIDE_IPV4, *IPV4_IN_IPV6, *INSIDE_IPV6, *DISGUISED)
REASONS = (
    r"not a public address|not the name of a host|user name or password|not a usable address|IDNA|Invalid IPv4 address"
    r"|full http://"
)
"""One of them is told, whichever the host."""


class Names:
    """Look-ups as a name server of an attacker may answer them: each name's answers in turn, the last for ever."""

    def __init__(self, **answers: list[list[str]]) -> None:
        self._answers = {name.replace("_", "."): list(given) for name, given in answers.items()}
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> list[str]:
        await asyncio.sleep(0)
        self.asked.append(host)
        answers = self._answers[host]
        return answers.pop(0) if len(answers) > 1 else answers[0]


class Listener:
    """Listens on one port of 127.0.0.1 and, where there is IPv6, of ::1; counts connections and answers none."""

    def __init__(self) -> None:
        self.connections = 0
        first = socket.create_server(("127.0.0.1", 0))
        self.port = int(first.getsockname()[1])
        self._sockets = [first]
        with suppress(OSError):
            self._sockets.append(socket.create_server(("::1", self.port), family=socket.AF_INET6))
        for one in self._sockets:
            threading.Thread(target=self._accept, args=[one], daemon=True).start()

    def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            self.connections += 1
            connection.close()

    def close(self) -> None:
        for one in self._sockets:
            one.close()


@contextmanager
def listening() -> Iterator[Listener]:
    listener = Listener()
    try:
        yield listener
    finally:
        listener.close()
