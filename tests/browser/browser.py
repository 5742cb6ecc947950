#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Drives a headless Chromium by its DevTools protocol and judges a page as people meet it.

    browser.py URL ACTION PICTURES

ACTION look:   at three widths, in two themes, with and without JavaScript; pictures go to PICTURES
       alive:  leaves the page open and answers lines of standard input, see alive()
       hostile: no markup of the state may have become part of the page

Ends with 1 and a line for each fault.
"""

import base64
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request

import websocket

DEADLINE = 30  # seconds that anything may take before the test is given up
PORT = 9222    # of the browser, in a network namespace of its own
WIDTHS = {"phone": (320, 640), "tablet": (820, 1100), "4k": (3840, 2160)}

# Text and its background, as WCAG 2 measures contrast: 4.5, or 3 for large text.
CONTRAST = r"""
(() => {
  const rgba = text => (text.match(/[\d.]+/g) || []).map(Number);
  const over = (top, under) => { const a = top[3] === undefined ? 1 : top[3];
    return [0, 1, 2].map(i => top[i] * a + under[i] * (1 - a)); };
  const background = e => { const layers = [];
    for (; e; e = e.parentElement) layers.push(rgba(getComputedStyle(e).backgroundColor));
    const canvas = matchMedia("(prefers-color-scheme: dark)").matches ? [18, 18, 18] : [255, 255, 255];
    return layers.reverse().reduce((under, top) => over(top, under), canvas); };
  const light = c => { const [r, g, b] = c.slice(0, 3).map(v => (v /= 255) <= .04045 ? v / 12.92
    : ((v + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b; };
  const faults = [];
  for (const e of document.querySelectorAll("body *")) {
    const own = [...e.childNodes].filter(n => n.nodeType == 3 && n.data.trim());
    if (!own.length || !e.getClientRects().length || e.closest("[aria-hidden=true]")) continue;
    const style = getComputedStyle(e), size = parseFloat(style.fontSize);
    const colour = rgba(e instanceof SVGElement ? style.fill : style.color), ground = background(e);
    const a = light(over(colour, ground)), b = light(ground);
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    const large = size >= 24 || (size >= 18.66 && +style.fontWeight >= 700);
    if (ratio < (large ? 3 : 4.5))
      faults.push(e.tagName + " '" + own[0].data.trim().slice(0, 30) + "' has a contrast of " + ratio.toFixed(2));
  }
  return faults;
})()
"""

STRUCTURE = r"""
(() => {
  const faults = [], need = (what, is) => { if (!is) faults.push(what); };
  need("no lang", document.documentElement.lang);
  need("no title", document.title.trim());
  need("no viewport", document.querySelector("meta[name=viewport]"));
  for (const role of ["header", "main", "footer"]) need("no <" + role + ">", document.querySelector(role));
  need("one <h1>", document.querySelectorAll("h1").length == 1);
  need("no overflow: " + document.documentElement.scrollWidth + " of " + innerWidth,
       document.documentElement.scrollWidth <= innerWidth);
  const ids = [...document.querySelectorAll("[id]")].map(e => e.id);
  need("ids are unique", new Set(ids).size == ids.length);
  for (const e of document.querySelectorAll("*"))
    for (const a of e.attributes) need(e.tagName + " has " + a.name, !/^(on|style$)/.test(a.name));
  for (const e of document.querySelectorAll("th")) need("a <th> without scope", e.scope);
  return faults;
})()
"""

# Roles that a screen reader announces by their name.
NAMED = {"button", "slider", "link", "image", "region", "img", "navigation", "heading", "columnheader"}


class Browser:
    def __init__(self, scratch):
        self.faults = []
        self.requests = []
        self.next_id = self.width = 0
        self.address = None
        self.program = subprocess.Popen(
            ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
             f"--remote-debugging-port={PORT}", "--remote-allow-origins=*", "--user-data-dir=" + scratch,
             "--disable-background-networking", "--disable-component-update", "about:blank"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.wait(self.find_page, "it starts")
        self.socket = websocket.create_connection(self.address, timeout=DEADLINE)
        for domain in "Page", "Runtime", "Log", "Network", "Audits", "DOM", "Accessibility":
            self.call(domain + ".enable")

    def find_page(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/json/list", timeout=DEADLINE) as reply:
                pages = [p for p in json.load(reply) if p["type"] == "page"]
        except OSError:
            return False
        self.address = pages[0]["webSocketDebuggerUrl"] if pages else None
        return self.address is not None

    def wait(self, condition, what):
        until = time.monotonic() + DEADLINE
        while not condition():
            if time.monotonic() > until or self.program.poll() is not None:
                raise SystemExit(f"FAILED: not within {DEADLINE} s: {what}")
            time.sleep(0.02)

    def note(self, message):
        method, params = message.get("method"), message.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.faults.append("exception: " + json.dumps(params["exceptionDetails"])[:300])
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            # that a server which has ended cannot be reached is no fault of the page
            if params["entry"]["source"] != "network":
                self.faults.append("log: " + params["entry"]["text"])
        elif method == "Audits.issueAdded" and "ContentSecurityPolicy" in params["issue"]["code"]:
            self.faults.append("policy: " + json.dumps(params["issue"])[:300])
        elif method == "Page.javascriptDialogOpening":
            self.faults.append("a dialog: " + params["message"])
            self.call("Page.handleJavaScriptDialog", accept=True)
        elif method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])

    def call(self, method, **params):
        self.next_id += 1
        mine = self.next_id
        self.socket.send(json.dumps({"id": mine, "method": method, "params": params}))
        while True:
            message = json.loads(self.socket.recv())
            if message.get("id") == mine:
                if "error" in message:
                    raise SystemExit(f"FAILED: {method}: {message['error']}")
                return message["result"]
            self.note(message)

    def evaluate(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise SystemExit(f"FAILED: {expression[:60]}: {result['exceptionDetails']['text']}")
        return result["result"].get("value")

    def open(self, url, script=True, width=1280, height=900, theme="light"):
        self.width = width
        self.call("Emulation.setScriptExecutionDisabled", value=not script)
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia",
                  features=[{"name": "prefers-color-scheme", "value": theme}])
        self.call("Page.navigate", url=url)
        self.wait(lambda: self.evaluate("document.readyState") == "complete"
                  and self.evaluate("location.href").startswith(url), "the page loads")

    def picture(self, path):
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        image = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True,
                          clip={"x": 0, "y": 0, "width": self.width,
                                "height": min(size["height"], 6000), "scale": 1})
        with open(path, "wb") as f:
            f.write(base64.b64decode(image["data"]))

    def judge(self, where):
        faults = self.evaluate(STRUCTURE) + self.evaluate(CONTRAST)
        for node in self.call("Accessibility.getFullAXTree")["nodes"]:
            role = node.get("role", {}).get("value")
            if role in NAMED and not node.get("ignored") and not node.get("name", {}).get("value"):
                faults.append(f"a {role} without a name")
        self.faults += [f"{where}: {f}" for f in faults]

    def end(self):
        self.program.terminate()
        self.program.wait(DEADLINE)
        for fault in self.faults:
            print("FAULT:", fault)
        return 1 if self.faults else 0


def look(b, url, pictures):
    for name, (width, height) in WIDTHS.items():
        for theme in "light", "dark":
            for script in True, False:
                b.open(url, script, width, height, theme)
                what = f"{name}-{theme}-{'script' if script else 'plain'}"
                b.judge(what)
                b.picture(os.path.join(pictures, what + ".png"))
    b.open(url)
    # by keyboard alone: Tab comes to the slider, an arrow chooses a moment
    for _ in range(60):
        if b.evaluate("document.activeElement.type") == "range":
            break
        for kind in "keyDown", "keyUp":
            b.call("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
    else:
        b.faults.append("Tab never comes to the slider")
    before = b.evaluate("document.querySelector('output').textContent")
    for kind in "rawKeyDown", "keyUp":
        b.call("Input.dispatchKeyEvent", type=kind, key="ArrowLeft", code="ArrowLeft", windowsVirtualKeyCode=37)
    b.wait(lambda: b.evaluate("document.querySelector('output').textContent") != before, "an arrow chooses a moment")
    b.call("Emulation.setEmulatedMedia", media="print")
    printed = base64.b64decode(b.call("Page.printToPDF")["data"])
    if not printed.startswith(b"%PDF"):
        b.faults.append("it is not printed")


def alive(b, url, pictures):
    """Lines of standard input, each answered by a line:

    until WORD       the level shown is WORD; "polls N": how often the page asked meanwhile
    stale WORDS      the page says in these words that what it shows is old
    picture NAME
    end
    """
    b.open(url)
    b.evaluate("window.same = true")
    print("open", flush=True)
    for line in sys.stdin:
        command, _, argument = line.strip().partition(" ")
        if command == "until":
            b.evaluate("0")  # takes in what has happened until now
            b.requests.clear()
            b.wait(lambda: b.evaluate("document.getElementById('level').textContent") == argument, line)
            print("polls", sum(r.endswith("/status.json") for r in b.requests), flush=True)
        elif command == "stale":
            b.wait(lambda: b.evaluate("document.documentElement.classList.contains('stale') && "
                                      f"document.getElementById('origin').textContent.includes('{argument}')"), line)
            print(b.evaluate("document.getElementById('origin').textContent"), flush=True)
        elif command == "picture":
            b.picture(os.path.join(pictures, argument + ".png"))
            print("done", flush=True)
        elif command == "end":
            if not b.evaluate("window.same"):
                b.faults.append("the page was loaded anew")
            print("ended", flush=True)
            return


def hostile(b, url, pictures):
    for script in False, True:
        b.open(url, script)
        if b.evaluate("document.querySelectorAll('#hostile, img').length + document.scripts.length") != 1:
            b.faults.append("markup of the state became part of the page")
        if b.evaluate("document.body.textContent.split('alert(1)').length") < 20:
            b.faults.append("the strings of the state are not shown")
    b.wait(lambda: b.evaluate("true") and any(r.endswith("/status.json") for r in b.requests), "the script asks")
    b.picture(os.path.join(pictures, "hostile.png"))


def main():
    url, action, pictures = sys.argv[1:]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        b = Browser(scratch)
        try:
            {"look": look, "alive": alive, "hostile": hostile}[action](b, url, pictures)
        finally:
            code = b.end()
    return code


if __name__ == "__main__":
    sys.exit(main())
