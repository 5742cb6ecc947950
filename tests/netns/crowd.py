#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Hostile clients of an HTTP server, one kind per loopback address, so that each kind meets the
limit of its own address; the scrapers are at 127.0.0.1.

crowd.py PORT crowd SECONDS SILENT: SILENT connections that send nothing and are replaced when they
    end; slow requests; large replies that are not read; pipelining; garbage. Beside them two
    scrapers, one with a connection that it keeps, one with a new connection for each request. Each
    request of the latter, and each new connection of the former, must be answered within 12 s.
crowd.py PORT same SILENT: SILENT connections that send nothing, at the address of a scraper.
crowd.py PORT deadlines: how long the server bears each kind of client that gets nowhere.
crowd.py PORT unread N: N clients, each at an address of its own, read nothing of their replies, and
    half of them ask for the end of the connection; they stay until they are killed.

Exits with 0 when the scrapers got every reply; prints what happened as JSON."""

import http.client
import json
import os
import random
import resource
import select
import selectors
import signal
import socket
import sys
import threading
import time

PORT, MODE = int(sys.argv[1]), sys.argv[2]
NUMBERS = [float(n) for n in sys.argv[3:]]
SCRAPER = "127.0.0.1"
PROMISE = 12  # seconds in which a new client gets its answer
SLOW, UNREADING = 8, 200
PIPELINED = 100
SILENT_AT_ONCE = 50  # new ones in each hundredth of a second

GARBAGE = [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64),  # TLS
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET  /  HTTP/1.1\r\n\r\n",
    b"\r\n" * 5000,
    b"\x00" * 5000,
    b"GET /metrics\x00 HTTP/1.1\r\nHost: a\x00b\r\n\r\n",
    b"A" * 100000,
    b"GET /" + b"%" * 5000 + b" HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 5000 + b"\r\n",
    b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    b"GET / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
    b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
    b"POST / HTTP/1.1\r\nContent-Length: 1000000000\r\n\r\n" + b"x" * 65536,
    b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n",
    b"GET /history.csv HTTP/1.1\r\nHost: localhost\r\nRange: bytes=0-1\r\n\r\n",
]

seen = dict.fromkeys(("silent_opened", "silent_ended", "slow_bytes", "slow_ended",
                      "unreading_opened", "unreading_ended", "pipelined", "garbage", "scrapes",
                      "kept_scrapes", "kept_reconnects"), 0)
seen["slowest_scrape_s"] = 0.0
wrong = []
until = time.monotonic() + (NUMBERS[0] if MODE == "crowd" else 90)


def goes_on():
    return time.monotonic() < until and not wrong


def connect(address, timeout=5.0, receive=None):
    s = socket.socket()
    if receive:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
    s.settimeout(timeout)
    s.bind((address, 0))
    try:
        s.connect(("127.0.0.1", PORT))
    except (BrokenPipeError, ConnectionResetError):
        pass  # refused already
    return s


def send(s, what):
    try:
        s.sendall(what)
    except OSError:
        pass  # the server has ended the connection


def request(path, headers=""):
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n".encode()


def ended(s):
    """Whether the server has ended the connection. What it has sent stays unread."""
    poll = select.poll()
    poll.register(s, select.POLLRDHUP)
    return bool(poll.poll(0))


def silent(address="127.0.0.2"):
    selector, number = selectors.DefaultSelector(), 0
    while goes_on():
        for _ in range(min(SILENT_AT_ONCE, int(NUMBERS[1]) - number)):
            selector.register(connect(address), selectors.EVENT_READ)
            seen["silent_opened"] += 1
            number += 1
        time.sleep(0.01)
        for key, _ in selector.select(0):
            selector.unregister(key.fileobj)
            key.fileobj.close()
            seen["silent_ended"] += 1
            number -= 1


def slow():
    """A request without an end, a byte a second."""
    while goes_on():
        s = connect("127.0.0.3")
        send(s, b"GET /metrics HTTP/1.1\r\nX: ")
        try:
            while goes_on() and not ended(s):
                s.sendall(b"a")
                seen["slow_bytes"] += 1
                time.sleep(1)
        except OSError:
            pass
        seen["slow_ended"] += 1
        s.close()


def unreading():
    """Many requests for the largest page. Nothing of it is read."""
    clients = []
    while goes_on():
        for s in [s for s in clients if ended(s)]:
            clients.remove(s)
            s.close()
            seen["unreading_ended"] += 1
        while len(clients) < UNREADING:
            clients.append(connect("127.0.0.4", receive=4096))
            send(clients[-1], request("/history.csv"))
            seen["unreading_opened"] += 1
        time.sleep(0.1)


def pipeline():
    """A hundred requests at once: each is answered, in order, or the connection has ended."""
    while goes_on():
        s, got = connect("127.0.0.5"), b""
        try:
            s.sendall((request("/healthz") + request("/nothing")) * (PIPELINED // 2))
            while got.count(b"HTTP/1.1 ") < PIPELINED:
                more = s.recv(65536)
                if not more:
                    break
                got += more
        except OSError:
            pass
        answers = [part[:3] for part in got.split(b"HTTP/1.1 ")[1:]]
        if answers != [b"200", b"404"] * (len(answers) // 2) + [b"200"] * (len(answers) % 2):
            wrong.append(f"pipelined answers: {answers}")
        seen["pipelined"] += len(answers)
        s.close()
        time.sleep(0.1)


def garbage():
    """The reply is a refusal, or there is none."""
    dice = random.Random(9817)
    while goes_on():
        for what in [*GARBAGE, dice.randbytes(3000)]:
            got = b""
            try:
                s = connect("127.0.0.5", timeout=0.5)
                s.sendall(what)
                got = s.recv(64)
                s.close()
            except OSError:
                pass
            if got and not got.startswith((b"HTTP/1.1 ", b"HTTP/1.0 ")):
                wrong.append(f"{what[:40]}: {got}")
            seen["garbage"] += 1
        time.sleep(0.1)


def scraper():
    return http.client.HTTPConnection("127.0.0.1", PORT, PROMISE, source_address=(SCRAPER, 0))


def scrape_once(connection, page="/metrics", part=b"\nctwatch_up 1\n"):
    connection.request("GET", page)
    response = connection.getresponse()
    body = response.read()
    if response.status != 200 or part not in body:
        wrong.append(f"{page}: {response.status}, {body[:200]}")


def scrape():
    """A new connection for each request."""
    while goes_on():
        for page, part in ("/metrics", b"\nctwatch_up 1\n"), ("/healthz", b"ok\n"):
            connection, began = scraper(), time.monotonic()
            scrape_once(connection, page, part)
            connection.close()
            seen["scrapes"] += 1
            took = round(time.monotonic() - began, 3)
            seen["slowest_scrape_s"] = max(seen["slowest_scrape_s"], took)
        time.sleep(0.2)


def scrape_kept():
    """Always the same connection, as Prometheus does it."""
    connection = scraper()
    while goes_on():
        try:
            scrape_once(connection)
        except (OSError, http.client.HTTPException):
            seen["kept_reconnects"] += 1
            connection.close()
        seen["kept_scrapes"] += 1
        time.sleep(0.1)


def same():
    """Silent connections at the scraper's own address: the connection that it had goes on, and a
    new one is answered when the silent ones have met their deadline."""
    kept = scraper()
    scrape_once(kept)
    opened = [connect(SCRAPER) for _ in range(int(NUMBERS[0]))]
    began, refused = time.monotonic(), 0
    while goes_on():
        scrape_once(kept)
        connection = scraper()
        try:
            scrape_once(connection, "/healthz", b"ok\n")
            break
        except (OSError, http.client.HTTPException):
            refused += 1
        finally:
            connection.close()
        time.sleep(0.5)
    else:
        wrong.append("a new client at the same address gets no answer")
    print(json.dumps({"silent": len(opened), "refused": refused,
                      "answered_after_s": round(time.monotonic() - began)}))


def deadlines():
    """Clients that send nothing, send or read a byte a second, or do not read."""
    began, lasted = time.monotonic(), {}
    left = {name: connect("127.0.0.6", receive=4096)
            for name in ("silent", "sends slowly", "reads slowly", "does not read")}
    send(left["sends slowly"], b"GET /metrics HTTP/1.1\r\nX: ")
    for name in "reads slowly", "does not read":
        send(left[name], request("/history.csv"))
    while left and goes_on():
        for name in [name for name, s in left.items() if ended(s)]:
            lasted[name] = round(time.monotonic() - began)
            left.pop(name).close()
        for name, s in left.items():
            if name != "silent":
                send(s, b"a")  # a connection that the server's kernel has given up is reset
        try:
            if "reads slowly" in left:
                left["reads slowly"].recv(1)
        except OSError:
            pass
        time.sleep(1)
    if left:
        wrong.append(f"not ended: {sorted(left)}")
    print(json.dumps(lasted))


def unread():
    """The replies fit into the memory of the server's kernel."""
    closing = ["", "Connection: close\r\n"]
    clients = []
    for i in range(int(NUMBERS[0])):
        clients.append(connect(f"127.0.2.{i + 1}", receive=2048))
        send(clients[-1], request("/metrics") * 2 + request("/metrics", closing[i % 2]))
    print(len(clients), flush=True)
    signal.pause()


def crowd():
    threads = [guarded(what) for what in
               [scrape_kept, scrape, silent, unreading, pipeline, garbage] + [slow] * SLOW]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps(seen))


def guarded(what):
    def run():
        try:
            what()
        except Exception as e:  # pylint: disable=broad-except
            wrong.append(f"{what.__name__}: {e!r}")
    return threading.Thread(target=run)


def main():
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(limit, 2000), limit))
    {"crowd": crowd, "same": same, "deadlines": deadlines, "unread": unread}[MODE]()
    for line in wrong:
        print(f"crowd.py: {line}", file=sys.stderr)
    sys.stdout.flush()
    os._exit(1 if wrong else 0)


main()
