#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""browser.py MODE URL FOLDER: drives chromium over a pipe (DevTools protocol), and leaves screenshots.

looks   with and without JavaScript, at three widths, light and dark: nothing overflows, everything has a
        label, the contrast is AA, the policy is not violated
flood   prints "open" when the page is shown, waits until it shows a full table without loading it anew,
        and uses the slider"""

import base64, json, os, subprocess, sys, tempfile, time

MODE, URL, FOLDER = sys.argv[1:4]
LONG = 60 # seconds; a browser that does not answer then hangs

class Browser:
    def __init__(self):
        to_read, to_write = os.pipe(), os.pipe()
        self.home = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        def wire():
            os.dup2(to_read[0], 13), os.dup2(to_write[1], 14)
            os.dup2(13, 3), os.dup2(14, 4)
        self.process = subprocess.Popen(
            ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
             "--disable-dev-shm-usage", "--disable-extensions", "--remote-debugging-pipe",
             "--user-data-dir=" + self.home.name, "about:blank"],
            preexec_fn=wire, close_fds=False, stderr=subprocess.DEVNULL)
        self.out, self.into, self.buffer, self.n = to_read[1], to_write[0], b"", 0
        os.close(to_read[0]), os.close(to_write[1])
        self.wrong, self.session = [], None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in "Page", "Runtime", "Log", "Network":
            self.call(domain + ".enable")

    def read(self):
        while b"\0" not in self.buffer:
            self.buffer += os.read(self.into, 1 << 20)
        text, self.buffer = self.buffer.split(b"\0", 1)
        message = json.loads(text)
        method, params = message.get("method"), message.get("params", {})
        if method == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.wrong.append(params["entry"]["text"])
        elif method == "Runtime.exceptionThrown":
            self.wrong.append(json.dumps(params["exceptionDetails"])[:400])
        return message

    def call(self, method, **params):
        self.n += 1
        message = {"id": self.n, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        until = time.monotonic() + LONG
        while time.monotonic() < until:
            got = self.read()
            if got.get("id") == self.n:
                assert "error" not in got, got
                return got["result"]
        raise TimeoutError(method)

    def evaluate(self, text):
        got = self.call("Runtime.evaluate", expression=text, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in got, got
        return got["result"].get("value")

    def wait(self, text, seconds=LONG):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self.evaluate(text):
                return
            time.sleep(0.05)
        raise TimeoutError(text)

    def open(self, width, dark, script):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 500)
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {"name": "prefers-reduced-motion", "value": "reduce"}])
        self.call("Emulation.setScriptExecutionDisabled", value=not script)
        self.call("Page.navigate", url=URL)
        self.wait("document.readyState == 'complete' && !!document.querySelector('footer')")

    def picture(self, name):
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)["data"]
        with open(os.path.join(FOLDER, name + ".png"), "wb") as f:
            f.write(base64.b64decode(data))

# What is wrong with the page: without a label, below AA, wider than the screen.
FAULTS = r"""(() => {
  const wrong = [], root = document.documentElement;
  if (root.scrollWidth > innerWidth) wrong.push("wider than the screen: " + root.scrollWidth + " > " + innerWidth);
  if (root.lang != "en" || !document.title || !document.querySelector("main") || !document.querySelector("h1"))
    wrong.push("no language, title or landmark");
  if (document.querySelector("img, b i, iframe, main script, [onerror]")) wrong.push("markup from outside");
  const ids = [...document.querySelectorAll("[id]")].map(e => e.id);
  if (new Set(ids).size != ids.length) wrong.push("an id twice");
  for (const e of document.querySelectorAll("[aria-labelledby]"))
    for (const id of e.getAttribute("aria-labelledby").split(" "))
      if (!document.getElementById(id)) wrong.push("no " + id + " to label by");
  for (const e of document.querySelectorAll("section, nav, input, [role=img], button, a"))
    if (!(e.getAttribute("aria-label") || e.getAttribute("aria-labelledby") || e.textContent.trim()))
      wrong.push("no label: " + e.outerHTML.slice(0, 80));
  const rgb = c => (c.match(/[\d.]+/g) || []).map(Number);
  const light = c => { const [r, g, b] = c.map(v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b; };
  const behind = e => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c.length == 3 || c[3] > 0) return c; } return [255, 255, 255]; };
  for (const e of document.querySelectorAll("body *")) {
    if (![...e.childNodes].some(n => n.nodeType == 3 && n.data.trim()) || !e.getClientRects().length) continue;
    if (e.closest("script, style, noscript")) continue;
    const style = getComputedStyle(e), a = light(rgb(e.closest("svg") ? style.fill : style.color)), b = light(behind(e));
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5) wrong.push("contrast " + ratio.toFixed(1) + ": " + e.textContent.slice(0, 40));
  }
  return wrong;
})()"""

def main():
    b, wrong = Browser(), []
    if MODE == "looks":
        for script in True, False:
            for dark in False, True:
                for width in 320, 1280, 3840:
                    name = f"{width}-{'dark' if dark else 'light'}-{'script' if script else 'plain'}"
                    b.open(width, dark, script)
                    if script:
                        b.wait("document.querySelectorAll('input[type=range]').length == 2")
                    wrong += [name + ": " + fault for fault in b.evaluate(FAULTS)]
                    b.picture(name)
    else:
        b.open(390, True, True)
        b.evaluate("window.same = true; document.getElementById('level').textContent")
        print("open", flush=True)
        b.wait("document.getElementById('level').textContent == 'FULL'", 120)
        b.wait("!document.querySelector('[data-fact=lost]').textContent.startsWith('nothing')", 30)
        if not b.evaluate("window.same"):
            wrong.append("the page was loaded anew")
        b.evaluate("const r = document.querySelector('input'); r.value = r.max; r.dispatchEvent(new Event('input')); 0")
        b.wait("document.querySelector('output').textContent.includes('highest')", 10)
        b.picture("flood-390-dark")
        b.open(1280, False, True)
        b.picture("flood-1280-light")
        print("full", flush=True)
        b.wait("document.getElementById('origin').textContent.includes('stopped')", 60)
        if not b.evaluate("document.documentElement.classList.contains('stale')"):
            wrong.append("a dead daemon's page does not look stale")
        b.picture("dead-1280-light")
    wrong += b.wrong
    b.process.kill()
    b.process.wait()
    for line in wrong:
        print(line)
    sys.exit(1 if wrong else 0)

main()
