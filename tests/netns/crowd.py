#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""crowd.py PORT SECONDS IDLE: everybody whom an HTTP server has to stand, at once.
crowd.py PORT patience: how long it stands each that gets nowhere, when nobody else comes.
crowd.py PORT farewell N: so many ask for more than they read, the half of them to be left then;
they stay until they are ended.

IDLE connections that say nothing and come again when they are ended; some that send a byte a
second; some that ask for a large page and never read it; pipelining; garbage; and two scrapers,
one with a connection that it keeps and one with a new one each time. Ends with 0 when the scrapers
got all they asked for, and prints what there was, as JSON."""

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

PORT = int(sys.argv[1])
MODE = sys.argv[2] if sys.argv[2] in ("patience", "farewell") else None
SECONDS, IDLE = (90, 0) if MODE else (float(sys.argv[2]), int(sys.argv[3]))
DRIPPING, DEAF = 8, 40
TRIES = 5
PIPELINED = 100
COMING_AT_ONCE = 50  # of the idle ones, in each hundredth of a second

GARBAGE = [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64),  # TLS
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET  /  HTTP/1.1\r\n\r\n",
    b"\r\n" * 5000,
    b"\x00" * 5000,
    b"A" * 100000,
    b"GET /" + b"%" * 5000 + b" HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 5000 + b"\r\n",
    b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    b"GET / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
    b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
    b"POST / HTTP/1.1\r\nContent-Length: 1000000000\r\n\r\n" + b"x" * 65536,
    b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n",
    b"GET /history.csv HTTP/1.1\r\nRange: bytes=0-1\r\n\r\n",
]

seen = dict.fromkeys(("idle_came", "idle_ended", "drips", "drip_ended", "deaf_came", "deaf_ended",
                      "pipelined", "garbage", "scrapes", "tries_most", "kept_scrapes",
                      "kept_reconnects"), 0)
wrong = []
until = time.monotonic() + SECONDS


def goes_on():
    return time.monotonic() < until and not wrong


def come(timeout=5.0, receive=None):
    s = socket.socket()
    if receive:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
    s.settimeout(timeout)
    try:
        s.connect(("127.0.0.1", PORT))
    except (BrokenPipeError, ConnectionResetError):
        pass  # it has had to make room for another already
    return s


def ask(s, what):
    """Who has had to make room for another by now is reset."""
    try:
        s.sendall(what)
    except OSError:
        pass


def ended(s):
    """Whether the other side has ended it; what it has sent stays unread."""
    poll = select.poll()
    poll.register(s, select.POLLRDHUP)
    return bool(poll.poll(0))


def idle():
    """A thousand that say nothing: whoever is ended is replaced."""
    selector, here = selectors.DefaultSelector(), 0
    while goes_on():
        for _ in range(min(COMING_AT_ONCE, IDLE - here)):
            selector.register(come(), selectors.EVENT_READ)
            seen["idle_came"] += 1
            here += 1
        time.sleep(0.01)
        for key, _ in selector.select(0):
            selector.unregister(key.fileobj)
            key.fileobj.close()
            seen["idle_ended"] += 1
            here -= 1


def drip():
    """Slow-loris: a request that goes on for ever, a byte a second."""
    while goes_on():
        s = come()
        ask(s, b"GET /metrics HTTP/1.1\r\nX: ")
        try:
            while goes_on() and not ended(s):
                s.sendall(b"a")
                seen["drips"] += 1
                time.sleep(1)
        except OSError:
            pass
        seen["drip_ended"] += 1
        s.close()


def deaf():
    """Many who ask for the largest page, and read nothing of it."""
    here = []
    while goes_on():
        for s in [s for s in here if ended(s)]:
            here.remove(s)
            s.close()
            seen["deaf_ended"] += 1
        while len(here) < DEAF:
            here.append(come(receive=4096))
            ask(here[-1], b"GET /history.csv HTTP/1.1\r\n\r\n")
            seen["deaf_came"] += 1
        time.sleep(0.1)


def pipeline():
    """A hundred requests in one go: each is answered, in order, or the connection has ended."""
    request = b"GET /healthz HTTP/1.1\r\n\r\nGET /nothing HTTP/1.1\r\n\r\n"
    while goes_on():
        s, got = come(), b""
        try:
            s.sendall(request * (PIPELINED // 2))
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
    """What is none gets an answer that refuses it, or none."""
    dice = random.Random(9817)
    while goes_on():
        for what in [*GARBAGE, dice.randbytes(3000)]:
            got = b""
            try:
                s = come(timeout=0.5)
                s.sendall(what)
                got = s.recv(64)
                s.close()
            except OSError:
                pass
            if got and not got.startswith((b"HTTP/1.1 ", b"HTTP/1.0 ")):
                wrong.append(f"{what[:40]}: {got}")
            seen["garbage"] += 1
        time.sleep(0.1)


def scrape_once(connection):
    connection.request("GET", "/metrics")
    response = connection.getresponse()
    body = response.read()
    if response.status != 200 or b"\nctwatch_up 1\n" not in body:
        wrong.append(f"/metrics: {response.status}, {body[:200]}")


def scrape():
    """A new connection each time, which may be taken away under it, but not for ever."""
    while goes_on():
        for attempt in range(1, TRIES + 1):
            connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=5)
            try:
                scrape_once(connection)
                break
            except (OSError, http.client.HTTPException) as e:
                if attempt == TRIES:
                    wrong.append(f"no answer in {TRIES} tries: {e!r}")
            finally:
                connection.close()
        seen["scrapes"] += 1
        seen["tries_most"] = max(seen["tries_most"], attempt)
        time.sleep(0.2)


def scrape_kept():
    """Always the same connection, as Prometheus has it."""
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=5)
    while goes_on():
        try:
            scrape_once(connection)
        except (OSError, http.client.HTTPException):
            seen["kept_reconnects"] += 1
            connection.close()
        seen["kept_scrapes"] += 1
        time.sleep(0.1)  # the deaf, who are answered, too, have all come anew after some 0.4 s


def patience():
    """One that says nothing, one that sends or reads a byte a second, one that does not read."""
    began, lasted = time.monotonic(), {}
    left = {name: come(receive=4096) for name in ("silent", "sends slowly", "reads slowly", "deaf")}
    left["sends slowly"].sendall(b"GET /metrics HTTP/1.1\r\nX: ")
    for name in "reads slowly", "deaf":
        left[name].sendall(b"GET /history.csv HTTP/1.1\r\n\r\n")
    while left and goes_on():
        for name in [name for name, s in left.items() if ended(s)]:
            lasted[name] = round(time.monotonic() - began)
            left.pop(name).close()
        for name, s in left.items():
            if name != "silent":
                ask(s, b"a")  # a kernel that has given somebody up does not say so unasked
        try:
            if "reads slowly" in left:
                left["reads slowly"].recv(1)
        except OSError:
            pass
        time.sleep(1)
    print(json.dumps(lasted))
    sys.exit(1 if left else 0)


def farewell():
    """What they are sent fits into the kernel's memory, where it would stay for those who never
    read it, if the server did not care any more."""
    request = b"GET /metrics HTTP/1.1\r\n"
    last = [request + b"\r\n", request + b"Connection: close\r\n\r\n"]
    here = []
    for i in range(int(sys.argv[3])):
        here.append(come(receive=2048))
        ask(here[-1], (request + b"\r\n") * 5 + last[i % 2])
    print(len(here), flush=True)
    signal.pause()


def guarded(what):
    def run():
        try:
            what()
        except Exception as e:  # pylint: disable=broad-except
            wrong.append(f"{what.__name__}: {e!r}")
    return threading.Thread(target=run)


def main():
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(limit, IDLE + 500), limit))
    if MODE:
        patience() if MODE == "patience" else farewell()
    who = [scrape_kept, scrape, idle, deaf, pipeline, garbage] + [drip] * DRIPPING
    threads = [guarded(what) for what in who]
    for thread in threads:
        thread.start()
        time.sleep(0.05 if thread in threads[:2] else 0)
    for thread in threads:
        thread.join()
    print(json.dumps(seen))
    for line in wrong:
        print(f"crowd.py: {line}", file=sys.stderr)
    sys.stdout.flush()
    os._exit(1 if wrong else 0)


main()
