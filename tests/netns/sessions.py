#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Sessions like those of ssh, to see whether they outlive what is done to their router.

sessions.py serve PORT...: sends back what each connection to one of these ports sends.
sessions.py keep ADDRESS PORT: connects, then asks the server every 0.1 s, and writes a line with the
    number of answers so far. Ends when an answer takes more than 10 s.
sessions.py open ADDRESS PORT: one connection and one answer; fails when there is none within 10 s."""

import selectors
import socket
import sys
import time


def serve(ports):
    ready = selectors.DefaultSelector()
    for port in ports:
        listener = socket.create_server(("", int(port)), backlog=100)
        ready.register(listener, selectors.EVENT_READ, True)
    print("listening", flush=True)
    while True:
        for key, _ in ready.select():
            if key.data:
                ready.register(key.fileobj.accept()[0], selectors.EVENT_READ, False)
                continue
            try:
                data = key.fileobj.recv(100)
                key.fileobj.send(data)
            except OSError:
                data = b""
            if not data:
                ready.unregister(key.fileobj)
                key.fileobj.close()


def connect(address, port):
    return socket.create_connection((address, int(port)), timeout=10)


def ask(session):
    session.send(b"?")
    return session.recv(1) == b"?"


def keep(session):
    answers = 0
    while ask(session):
        answers += 1
        print(answers, flush=True)
        time.sleep(0.1)


if sys.argv[1] == "serve":
    serve(sys.argv[2:])
elif sys.argv[1] == "keep":
    keep(connect(*sys.argv[2:]))
else:
    sys.exit(0 if ask(connect(*sys.argv[2:])) else 1)
