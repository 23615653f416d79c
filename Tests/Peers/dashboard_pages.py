"""Walks through the dashboard as its readers do, in a headless Chromium; prints what is wrong with it and exits 1.

usage: dashboard_pages.py PLAN.json, with {"base", "token", "pages": {name: path}, "cancel": path of a running task's
page, "screenshots": directory}. Prints one JSON object with what was seen.
"""

import json
import os
import sys
import time

from browser import Browser

# Runs in every page before its own scripts.
WATCH = """
window.shifts = [];
window.walked = new Set();
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifts.push(entry.value);
}).observe({type: "layout-shift", buffered: true});
"""

CONTRAST = r"""
(() => {
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const rgb = (text) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = text; canvas.fillRect(0, 0, 1, 1);
    return canvas.getImageData(0, 0, 1, 1).data;
  };
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const known = new Map();
  const ratio = (ink, paper) => {
    const key = ink + paper;
    if (!known.has(key)) {
      const [a, b] = [light(rgb(ink)), light(rgb(paper))].sort((a, b) => b - a);
      known.set(key, (a + 0.05) / (b + 0.05));
    }
    return known.get(key);
  };
  const paperOf = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const style = getComputedStyle(at);
      if (at.namespaceURI.endsWith("svg")) {
        const box = at.parentElement?.querySelector?.(":scope > rect.box");
        if (box) return getComputedStyle(box).fill;
      } else if (rgb(style.backgroundColor)[3] > 0) return style.backgroundColor;
    }
    return "#fff";
  };
  const faint = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.nodeValue.trim();
    const element = walker.currentNode.parentElement;
    if (!text || ["SCRIPT", "STYLE", "TITLE", "title"].includes(element.nodeName) || element.closest(".heard, .skip")) continue;
    if (!element.checkVisibility({visibilityProperty: true})) continue;
    const style = getComputedStyle(element);
    const ink = element.namespaceURI.endsWith("svg") ? style.fill : style.color;
    const found = ratio(ink, paperOf(element));
    if (found < 4.5) faint.add(`${text.slice(0, 30)}: ${found.toFixed(2)}`);
  }
  return [...faint];
})()
"""

CONTROLS = """
[...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, summary, [tabindex='0']")]
  .filter((element) => element.checkVisibility({visibilityProperty: true}))
"""

FOCUSED = """
(() => {
  const at = document.activeElement;
  if (!at || at === document.body) return null;
  const shown = getComputedStyle(at.namespaceURI.endsWith("svg") && at.nodeName === "a" ? at.querySelector(".box") : at);
  const ring = (shown.outlineStyle !== "none" && parseFloat(shown.outlineWidth) >= 2) || parseFloat(shown.strokeWidth) >= 2;
  window.walked.add(at);
  return [ring, at.outerHTML.slice(0, 90)];
})()
"""


class Walk:
    def __init__(self, plan):
        self.plan = plan
        self.wrong = []
        self.seen = {"pages": 0, "controls": 0, "screenshots": 0}
        self.browser = Browser()
        self.tab = self.browser.page()
        self.tab.call("Page.addScriptToEvaluateOnNewDocument", source=WATCH)
        os.makedirs(plan["screenshots"], exist_ok=True)

    def say(self, page, text):
        self.wrong.append(f"{page}: {text}")

    def open(self, path):
        self.tab.open(self.plan["base"] + path)

    def shoot(self, name):
        self.tab.screenshot(os.path.join(self.plan["screenshots"], name + ".png"))
        self.seen["screenshots"] += 1

    def problems(self, page):
        for problem in self.tab.problems:
            self.say(page, problem)
        self.tab.problems.clear()

    def looks(self, name):
        """Desktop light and dark, then a phone; nothing may be wider than the screen, faint or moving."""
        tab = self.tab
        for mode, width, dark, phone in [("light", 1280, 0, 0), ("dark", 1280, 1, 0), ("phone", 360, 0, 1)]:
            tab.look(width, dark=bool(dark), phone=bool(phone))
            wide = tab.evaluate("document.documentElement.scrollWidth")
            if wide > width:
                self.say(name, f"{wide} pixels wide on a screen of {width}")
            for text in [] if phone else tab.evaluate(CONTRAST):
                self.say(name, f"too little contrast ({mode}): {text}")
            self.shoot(f"{name}-{mode}")
        tab.look(1280)

    def page(self, name, path):
        tab = self.tab
        self.open(path)
        self.seen["pages"] += 1
        if tab.evaluate("document.querySelectorAll('h1').length") != 1:
            self.say(name, "has not one heading")
        # Once by the page's own script, as an event would have it.
        tab.until("document.getElementById('live').dataset.state === 'live'", f"{name} is not live")
        shift = tab.evaluate("window.shifts.reduce((a, b) => a + b, 0)")
        if shift > 0.01:
            self.say(name, f"moves while it loads, by {shift:.3f}")
        self.looks(name)
        self.problems(name)

    def names(self, name):
        """Whatever can be focused has a name for those who hear the page."""
        for node in self.tab.call("Accessibility.getFullAXTree")["nodes"]:
            if node.get("ignored") or node["role"]["value"] in ("RootWebArea", "main"):
                continue
            focusable = any(p["name"] == "focusable" and p["value"]["value"] for p in node.get("properties", []))
            if (focusable or node["role"]["value"] == "image") and not node.get("name", {}).get("value"):
                self.say(name, f"a {node['role']['value']} has no name")

    def keyboard(self, name, path):
        """Tab reaches every control, and shows where it is."""
        self.open(path)
        tab = self.tab
        tab.until("document.getElementById('live').dataset.state === 'live'", f"{name} is not live")
        count = tab.evaluate(CONTROLS + ".length")
        for _ in range(count + 5):
            tab.press("Tab")
            at = tab.evaluate(FOCUSED)
            if at is None:
                break
            if not at[0]:
                self.say(name, f"focus does not show on {at[1]}")
        missed = tab.evaluate(CONTROLS + ".filter((e) => !window.walked.has(e)).map((e) => e.outerHTML.slice(0, 90))")
        for control in missed:
            self.say(name, f"Tab does not reach {control}")
        self.seen["controls"] += count
        self.names(name)
        self.problems(name)

    def without_script(self, name, path):
        tab = self.tab
        tab.scripts(False)
        self.open(path)
        rows = tab.evaluate("document.querySelectorAll('main tbody tr').length")
        if not rows:
            self.say(name, "shows no rows without JavaScript")
        tab.scripts(True)
        self.problems(name + " without JavaScript")

    def sign_in(self):
        tab = self.tab
        self.open("/sign-in?back=%2Ftasks")
        tab.evaluate("document.querySelector('[name=token]').value = 'not the token'")
        tab.acts("document.querySelector('.sign-in button').click()")
        if "token" not in tab.evaluate("document.querySelector('main').innerText") or tab.evaluate("document.cookie"):
            self.say("sign-in", "a wrong token is not refused in words, or a script can read the cookie")
        tab.problems.clear()  # Chromium logs the refusal itself.
        self.open("/sign-in?back=%2Ftasks")
        tab.evaluate("document.querySelector('[name=token]').focus()")
        tab.call("Input.insertText", text=self.plan["token"])
        tab.acts("document.querySelector('.sign-in').requestSubmit()")
        if tab.evaluate("location.pathname") != "/tasks":
            self.say("sign-in", "does not go back to the page it came from")
        self.problems("sign-in")

    def buttons_on_a_phone(self):
        self.tab.look(360, phone=True)
        for name in ["queues", "task", "schedules", "dead-letters"]:
            self.open(self.plan["pages"][name])
            wide = self.tab.evaluate("document.documentElement.scrollWidth")
            if wide > 360:
                self.say(name, f"{wide} pixels wide on a phone with its buttons")
            self.shoot(name + "-phone-signed-in")
        self.tab.look(1280)
        self.problems("buttons on a phone")

    def cancel(self):
        """With the keyboard alone."""
        tab = self.tab
        self.open(self.plan["cancel"])
        tab.evaluate("document.querySelector('.title summary').focus()")
        tab.press("Enter", text="\r")
        tab.until("document.querySelector('.title details').open", "the question does not open")
        tab.press("Tab")
        before = tab.evaluate("document.activeElement.innerText")
        loads = len([1 for _, name in tab.fired if name == "load"])
        tab.press("Enter", text="\r")
        tab.pump(lambda: len([1 for _, name in tab.fired if name == "load"]) > loads, f"pressing {before} does nothing")
        tab.until("document.querySelector('.notice') !== null", "nothing is said about the cancelled task")
        tab.until("/cancelled/.test(document.querySelector('.title .mark').innerText)", "the page never shows it cancelled")
        self.seen["cancelled"] = True
        self.problems("cancel")

    def change(self):
        """Pausing a queue and replaying a dead letter show on the page that the button leads back to."""
        tab = self.tab
        self.open(self.plan["pages"]["queues"])
        tab.acts("document.querySelector('#queue-survey button').click()")
        tab.until("/paused/.test(document.getElementById('queue-survey').innerText)", "a paused queue does not say so")
        self.open(self.plan["pages"]["dead-letters"])
        first = tab.evaluate("document.querySelector('main tbody tr').id")
        tab.acts("document.querySelector('main tbody button').click()")
        tab.until(f"document.getElementById('{first}') === null", "a replayed dead letter stays on the list")
        self.problems("change")

    def live(self):
        """A task that is spawned while the list is looked at appears on it, and what was typed stays."""
        tab = self.tab
        self.open("/tasks?queue_name=q")
        tab.until("document.getElementById('live').dataset.state === 'live'", "the list is not live")
        tab.evaluate("document.querySelector('[name=task_name]').value = 'half typ'")
        answer = tab.evaluate(
            "fetch('/absurd/tasks', {method: 'POST', headers: {'Content-Type': 'application/json'}, body: "
            "JSON.stringify({queue_name: 'q', task_name: 'echo', params: {text: 'hello'}})}).then((r) => r.json())")
        tab.until(f"document.getElementById('task-{answer['task_id']}') !== null", "a new task does not appear")
        tab.until(
            f"/completed/.test(document.getElementById('task-{answer['task_id']}').innerText)", "it is not seen to end")
        if tab.evaluate("document.querySelector('[name=task_name]').value") != "half typ":
            self.say("live", "a half-typed filter is lost when the page is patched")
        self.problems("live")

    def run(self):
        started = time.monotonic()
        for name, path in self.plan["pages"].items():
            self.page(name, path)
        self.took("looking", started)
        for name in ["tasks", "queues"]:
            self.without_script(name, self.plan["pages"][name])
        self.sign_in()
        begun = time.monotonic()
        for name, path in self.plan["pages"].items():
            self.keyboard(name, path)
        self.took("keyboard", begun)
        begun = time.monotonic()
        self.buttons_on_a_phone()
        self.cancel()
        self.change()
        self.live()
        self.took("acting", begun)
        self.browser.close()
        self.took("all", started)

    def took(self, what, since):
        self.seen[what + "_seconds"] = round(time.monotonic() - since, 1)


walk = Walk(json.load(open(sys.argv[1])))
try:
    walk.run()
except Exception as error:
    walk.say("walk", f"{type(error).__name__}: {error}")
    walk.problems("walk")
    walk.browser.close()
print(json.dumps(walk.seen))
if walk.wrong:
    print("\n".join(walk.wrong))
    sys.exit(1)
