"""A headless Chromium driven by the DevTools protocol over a pair of pipes: no driver program, no package."""

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time


class Browser:
    def __init__(self):
        program = shutil.which("chromium")
        if program is None:
            sys.exit("chromium: it is not installed; run `make setup`")
        self.profile = tempfile.mkdtemp(prefix="absurd-browser-")
        down, commands = os.pipe()
        events, up = os.pipe()
        words = [
            program, "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--no-first-run",
            "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update",
            "--disable-extensions", "--disable-sync", "--hide-scrollbars", "--force-device-scale-factor=1",
            "--lang=en-GB", f"--user-data-dir={self.profile}", "about:blank",
        ]
        self.process = subprocess.Popen(
            ["/bin/bash", "-c", f'exec "$@" 3<&{down} 4>&{up}', "browser", *words], pass_fds=(down, up),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(down)
        os.close(up)
        self.commands, self.events = commands, events
        self.buffer = b""
        self.number = 0

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.commands)
        os.close(self.events)
        shutil.rmtree(self.profile, ignore_errors=True)

    def page(self):
        context = self.call("Target.createBrowserContext")["browserContextId"]
        target = self.call("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        return Tab(self, session)

    def call(self, method, session=None, on_event=None, **params):
        self.number += 1
        number = self.number
        message = {"id": number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self.commands, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.receive(120)
            if answer.get("id") == number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]
            if on_event and "method" in answer:
                on_event(answer)

    def receive(self, seconds):
        end = time.monotonic() + seconds
        while b"\0" not in self.buffer:
            ready, _, _ = select.select([self.events], [], [], max(0, end - time.monotonic()))
            if not ready:
                raise TimeoutError(f"the browser said nothing for {seconds} s")
            part = os.read(self.events, 1 << 20)
            if not part:
                raise EOFError("the browser ended")
            self.buffer += part
        line, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(line)


class Tab:
    """A page with everything that went wrong on it in `problems`."""

    def __init__(self, browser, session):
        self.browser, self.session = browser, session
        self.problems = []
        self.fired = set()
        self.requests = {}
        for domain in ["Page", "Runtime", "Log", "Network", "DOM", "Accessibility"]:
            self.call(domain + ".enable")
        self.call("Page.setLifecycleEventsEnabled", enabled=True)
        self.call("Emulation.setFocusEmulationEnabled", enabled=True)

    def call(self, method, **params):
        return self.browser.call(method, self.session, self.note, **params)

    def note(self, event):
        if event.get("sessionId") != self.session:
            return
        method, params = event["method"], event["params"]
        if method == "Page.lifecycleEvent":
            self.fired.add((params["loaderId"], params["name"]))
        elif method == "Network.requestWillBeSent":
            self.requests[params["requestId"]] = params["request"]["url"]
        elif method == "Network.responseReceived" and params["response"]["status"] >= 400:
            self.problems.append(f"{params['response']['status']} for {params['response']['url']}")
        elif method == "Network.loadingFailed" and not params.get("canceled"):
            url = self.requests.get(params["requestId"], "?")
            if params["errorText"] != "net::ERR_ABORTED":
                self.problems.append(f"{params['errorText']} for {url}")
        elif method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.problems.append("exception: " + details.get("exception", {}).get("description", details["text"]))
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.problems.append("console: " + " ".join(str(a.get("value")) for a in params["args"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.problems.append("log: " + params["entry"]["text"] + " " + params["entry"].get("url", ""))

    def pump(self, until, what, seconds=60):
        end = time.monotonic() + seconds
        while not until():
            if time.monotonic() > end:
                raise TimeoutError(what)
            event = self.browser.receive(max(0.1, end - time.monotonic()))
            if "method" in event:
                self.note(event)

    def open(self, url):
        answer = self.call("Page.navigate", url=url)
        if "errorText" in answer:
            raise RuntimeError(f"{url}: {answer['errorText']}")
        loader = answer["loaderId"]
        self.pump(lambda: (loader, "load") in self.fired, f"{url} does not load")

    def acts(self, script):
        """Runs a script that makes the page go elsewhere, and waits for the next one."""
        before = {loader for loader, name in self.fired if name == "load"}
        self.evaluate(script)
        self.pump(lambda: {loader for loader, name in self.fired if name == "load"} - before, f"nothing loads: {script}")

    def evaluate(self, script):
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(script + ": " + answer["exceptionDetails"].get("exception", {}).get("description", "?"))
        return answer["result"].get("value")

    def until(self, script, what, seconds=60):
        """Waits in the page, by its own mutations, for a condition."""
        self.evaluate(
            "new Promise((done, fail) => { const check = () => { if (%s) { watch.disconnect(); done(); } };"
            "const watch = new MutationObserver(check);"
            "watch.observe(document, {subtree: true, childList: true, attributes: true, characterData: true});"
            "setTimeout(() => fail(new Error(%s)), %d); check(); })" % (script, json.dumps(what), seconds * 1000))

    def press(self, key, code=None, modifiers=0, text=None):
        numbers = {"Tab": 9, "Enter": 13, "ArrowLeft": 37, " ": 32}
        common = dict(
            key=key, code=code or key, modifiers=modifiers, windowsVirtualKeyCode=numbers.get(key, 0),
            **({"text": text} if text else {}))
        self.call("Input.dispatchKeyEvent", type="keyDown", **common)
        if text:
            self.call("Input.dispatchKeyEvent", type="keyUp", **{k: v for k, v in common.items() if k != "text"})

    def look(self, width, dark=False, phone=False):
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=740 if phone else 900,
            deviceScaleFactor=1, mobile=phone)
        self.call("Emulation.setTouchEmulationEnabled", enabled=phone)
        self.call(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def scripts(self, enabled):
        self.call("Emulation.setScriptExecutionDisabled", value=not enabled)

    def screenshot(self, path):
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))
