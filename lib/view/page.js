/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keeps the page alive: numbers by /status.json each second, the rest by / when it has changed. */
"use strict";
(() => {
  const $ = id => document.getElementById(id);
  const root = document.documentElement;
  const LEVELS = {ok: ["OK", "\u2713"], warning: ["WARNING", "\u25b2"], critical: ["CRITICAL", "\u25c6"], full: ["FULL", "\u25a0"]};
  const LATE = 3000, OFTEN = 3000, SELDOM = 10000;
  let answered = Date.now(), renewed = Date.now(), known, busy;

  /* --- words --- */
  const two = n => String(n).padStart(2, "0");
  const day = d => d.getFullYear() + "-" + two(d.getMonth() + 1) + "-" + two(d.getDate());
  const minute = d => two(d.getHours()) + ":" + two(d.getMinutes());
  const clock = d => day(d) == day(new Date()) ? minute(d) + ":" + two(d.getSeconds()) : day(d) + " " + minute(d);
  const put = (e, text) => { if (e && e.textContent != text) e.textContent = text; };
  const set = (e, name, value) => { if (e.getAttribute(name) != value) e.setAttribute(name, value); };

  function duration(s) {
    for (const [sec, name] of [[86400, "days"], [3600, "h"], [60, "min"], [1, "s"]])
      if (s >= 2 * sec || (s == 1 && sec == 1)) return Math.floor(s / sec) + " " + name;
    return "less than 1 s";
  }

  /* Times come in UTC; those in sentences are of the day of @now, unless they have a date. */
  function localize(e, now) {
    for (const t of e.querySelectorAll("time")) put(t, clock(new Date(t.dateTime)));
    for (const t of e.querySelectorAll("text[data-t]"))
      if (t.textContent.includes(":")) {
        const d = new Date(t.dataset.t * 1000);
        put(t, minute(d) + (t.textContent.length > 5 ? ":" + two(d.getSeconds()) : ""));
      }
    for (const t of e.querySelectorAll("dd, figcaption"))
      put(t, t.textContent.replace(/\b(\d{4}-\d\d-\d\d) (\d\d:\d\d)\b|\b\d\d:\d\d:\d\d\b/g, (all, date, time) =>
        clock(new Date((date || now.slice(0, 10)) + "T" + (time || all) + "Z"))));
  }

  /* --- the rest of the page, part by part --- */
  const came = new Map();
  const parts = of => of.querySelectorAll("[data-part]");
  for (const e of parts(document)) came.set(e.id, e.innerHTML);

  function isSelected(e) {
    const s = getSelection();
    return s && !s.isCollapsed && e.contains(s.anchorNode);
  }

  const stops = e => [...e.querySelectorAll("a, pre, button")];

  function dress(e) {
    for (const pre of e.querySelectorAll("pre")) {
      const b = document.createElement("button");
      b.textContent = "Copy";
      b.addEventListener("click", async () => {
        try {
          await navigator.clipboard.writeText(pre.textContent);
        } catch {
          getSelection().selectAllChildren(pre); /* what is not from localhost has no clipboard */
          document.execCommand("copy");
        }
        put(b, "Copied");
        setTimeout(() => put(b, "Copy"), 2000);
      });
      pre.after(b);
    }
  }

  async function renew() {
    renewed = Date.now();
    const r = await fetch("/", {cache: "no-store", signal: AbortSignal.timeout(5000)});
    const page = new DOMParser().parseFromString(await r.text(), "text/html");
    const now = page.querySelector("#clock time").dateTime;
    if (!page.scripts[0] || page.scripts[0].text != document.scripts[0].text) return location.reload();
    for (const e of parts(page)) {
      const old = $(e.id), html = e.innerHTML;
      if (!old) return location.reload();
      if (came.get(e.id) == html || isSelected(old)) continue;
      came.set(e.id, html);
      localize(e, now);
      const focus = stops(old).indexOf(document.activeElement);
      old.replaceChildren(...e.childNodes);
      old.hidden = e.hidden;
      dress(old);
      if (focus >= 0 && stops(old)[focus]) stops(old)[focus].focus({preventScroll: true});
    }
    for (const f of charts) f();
  }

  /* --- a moment of a chart --- */
  const charts = [...document.querySelectorAll("figure")].map(figure => {
    const range = document.createElement("input"), output = document.createElement("output");
    let tag, bins, at; /* at: seconds since 1970; undefined: none is chosen */
    Object.assign(range, {type: "range", min: 0, max: 239, value: 239});
    range.setAttribute("aria-label", "A moment of the " + figure.dataset.name);
    put(output, "Choose a moment on the chart or below it.");
    figure.append(range, output);

    function show() {
      const plot = figure.querySelector(".plot");
      let line = plot && plot.querySelector(".cursor");
      if (at === undefined || !bins || !plot) return;
      const i = Math.floor((at - bins.begin_unix_seconds) / bins.bin_seconds), n = bins.mean.length;
      if (i < 0 || i >= n) return;
      const from = new Date((bins.begin_unix_seconds + i * bins.bin_seconds) * 1000);
      let text = clock(from) + ", " + duration(bins.bin_seconds) + ": ";
      if (bins.mean[i] === null) text += "no poll";
      else {
        const max = bins.max[i], high = bins.high[i];
        const lost = ["dropped", "evicted", "clashes", "chain_too_long"].filter(k => bins[k][i] > 0);
        text += "lowest " + bins.low[i] + ", mean " + bins.mean[i] + ", highest " + high;
        if (max > 0) text += " of " + max + " (" + (Math.floor(high * 1000 / max) / 10).toFixed(1) + " %)";
        text += "; " + (lost.map(k => bins[k][i] + " " + k.replaceAll("_", " ")).join(", ") || "nothing lost");
      }
      put(output, text);
      set(range, "aria-valuetext", text);
      range.max = n - 1;
      range.value = i;
      if (!line) {
        line = document.createElementNS(plot.namespaceURI, "line");
        line.setAttribute("class", "cursor");
        set(line, "y1", "4%");
        set(line, "y2", "91.5%");
        plot.append(line);
      }
      for (const k of ["x1", "x2"]) set(line, k, (i + .5) * 100 / n + "%");
    }

    async function load() {
      if (at === undefined) return;
      const r = await fetch("/history.json?span=" + figure.dataset.span + "s&points=240",
        {cache: "no-store", headers: tag ? {"If-None-Match": tag} : {}});
      if (r.ok) {
        tag = r.headers.get("ETag");
        bins = await r.json();
      }
      show();
    }

    /* @share: of the width, from the left */
    function choose(share) {
      const span = bins ? bins.mean.length * bins.bin_seconds : +figure.dataset.span;
      const begin = bins ? bins.begin_unix_seconds : Date.now() / 1000 - span;
      at = begin + Math.min(Math.max(share, 0), .9999) * span;
      bins ? show() : load().catch(() => {});
    }

    range.addEventListener("input", () => choose((+range.value + .5) / (+range.max + 1)));
    const point = e => {
      const plot = e.target.closest(".plot");
      if (!plot || (e.type == "pointermove" && e.buttons != 1)) return;
      const box = plot.getBoundingClientRect();
      choose((e.clientX - box.left) / box.width);
    };
    figure.addEventListener("pointerdown", point);
    figure.addEventListener("pointermove", point);
    return () => load().catch(() => {});
  });

  /* --- numbers --- */
  function level(s) {
    const [word, sign] = LEVELS[s.level] || ["UNKNOWN", "?"], t = s.table;
    const usage = t && t.current && t.max ? t.usage_percent.toFixed(1) : "";
    $("now").className = s.level || "unknown";
    put($("level"), word);
    put($("sign"), sign);
    if (!usage != !$("bar")) return location.reload();
    put($("usage"), usage);
    if (usage) set($("bar"), "width", Math.min(+usage, 100) + "%");
    document.title = word + (usage && " " + usage) + " - conntrack table";
    if ($("ago") && s.level_since_unix_seconds) {
      const since = new Date(s.level_since_unix_seconds * 1000);
      const time = $("since").querySelector("time");
      time.dateTime = since.toISOString();
      put(time, clock(since));
      if (s.level_since_unix_seconds != s.daemon.started_unix_seconds) time.previousSibling.data = "since ";
      put($("ago"), duration(s.now_unix_seconds - s.level_since_unix_seconds));
    }
  }

  function facts(s) {
    const fact = name => document.querySelector("[data-fact=" + name + "]"), t = s.table, r = s.trend;
    if (t && t.current && t.max && fact("entries"))
      put(fact("entries"), fact("entries").textContent.replace(/^\d+ of \d+/, t.count + " of " + t.max));
    if (r && fact("trend")) {
      const n = r.entries_per_second, full = r.seconds_to_full;
      put(fact("trend"), n == 0 ? "steady" : n < 0 ? "emptying at " + -n + " entries/s"
        : "filling at " + n + " entries/s" + (full === null ? "" : ", full in " + duration(full)));
    }
  }

  function show(s) {
    if (!$("now")) return location.reload();
    const now = new Date(s.now_unix_seconds * 1000);
    const news = JSON.stringify([s.daemon, s.sources, s.growth, s.cause, s.lost, s.level, s.last_alerts,
      s.who && s.who.asked_unix_seconds, s.table && s.table.max].map((v, i) => i ? v : [v.liveness, v.pid]));
    answered = Date.now();
    root.classList.toggle("stale", s.daemon.liveness != "looking");
    level(s);
    facts(s);
    const time = document.querySelector("#clock time");
    time.dateTime = now.toISOString();
    put(time, clock(now));
    const age = answered - renewed, dead = s.daemon.liveness != "looking";
    if (known === undefined) known = news;
    if (age > SELDOM || (known != news && (age > OFTEN || dead))) {
      known = news;
      return renew();
    }
  }

  function stale(e) {
    if (Date.now() - answered < LATE && !e.told) return;
    root.classList.add("stale");
    came.delete("origin");
    known = null;
    $("origin").hidden = false;
    put($("origin"), (e.told || "ctwatch serve does not answer") + ". Shown is what it was at " + clock(new Date(answered)) + ".");
    document.title = "STALE - conntrack table";
  }

  async function poll() {
    if (busy || document.visibilityState != "visible") return;
    busy = true;
    try {
      const r = await fetch("/status.json", {cache: "no-store", signal: AbortSignal.timeout(5000)});
      if (!r.ok) throw Object.assign(new Error(), {told: (await r.text()).trim()});
      await show(await r.json());
    } catch (e) {
      stale(e);
    }
    busy = false;
  }

  localize(document, document.querySelector("#clock time").dateTime);
  put($("zone"), Intl.DateTimeFormat().resolvedOptions().timeZone || "local time");
  put($("host"), location.host);
  dress(document);
  setInterval(poll, 1000);
  document.addEventListener("visibilitychange", poll);
})();
