// Keeps <main> as the server renders it. An event says only that something changed; the page is then fetched again, at most
// once a second, and patched in place, so that focus, opened parts, typed text and the scroll position stay.

const pauseMilliseconds = 1000;
// The server's answers may be a second old: after an event one more look shows all of it.
const settleMilliseconds = 1500;
// Leases and windows move without an event.
const idleMilliseconds = 15000;

export function follow(main, live) {
  forgetDone();
  let lastAt = Date.now();
  let timer = null;
  let isFetching = false;
  let changedAt = 0;
  let isConnected = false;

  const spoken = document.getElementById("spoken");
  const say = (state, text) => {
    // Those who hear the page are told of a loss and its end, not of every second.
    if (state === "lost" && live.dataset.state !== "lost") spoken.textContent = "The dashboard does not answer.";
    if (state === "live" && live.dataset.state === "lost") spoken.textContent = "The dashboard answers again.";
    live.dataset.state = state;
    const label = live.firstChild;
    if (label.nodeValue !== text) label.nodeValue = text;
  };

  const schedule = (milliseconds) => {
    if (timer !== null) clearTimeout(timer);
    timer = setTimeout(refresh, milliseconds);
  };

  async function refresh() {
    timer = null;
    if (document.hidden) return;
    if (isFetching) return;
    if (isSelecting(main)) { schedule(pauseMilliseconds); return; }
    isFetching = true;
    const began = Date.now();
    try {
      const response = await fetch(location.href, { headers: { Accept: "text/html" }, redirect: "error" });
      const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
      const next = fresh.getElementById("main");
      if (next) {
        keepDone(main, next);
        patchChildren(main, next);
        const time = fresh.querySelector("#live time");
        if (time) patch(live.querySelector("time"), time);
        document.dispatchEvent(new Event("rendered"));
      }
      if (isConnected) say("live", "live, ");
    } catch {
      say("lost", "no answer since ");
    }
    isFetching = false;
    lastAt = Date.now();
    if (changedAt > began) schedule(pauseMilliseconds);
    else schedule(began - changedAt < settleMilliseconds ? settleMilliseconds : idleMilliseconds);
  }

  const changed = () => {
    changedAt = Date.now();
    if (!isFetching) schedule(Math.max(0, lastAt + pauseMilliseconds - Date.now()));
  };

  const events = new EventSource("/events");
  events.onopen = () => { isConnected = true; say("live", "live, "); changed(); };
  events.onerror = () => { isConnected = false; say("lost", "no answer since "); };
  events.onmessage = changed;
  for (const name of ["task_update", "queue_stats_update"]) events.addEventListener(name, changed);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) changed(); });
  addEventListener("pagehide", () => events.close());
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
}

function isSelecting(main) {
  const selection = getSelection();
  return !selection.isCollapsed && main.contains(selection.anchorNode);
}

// What was just done stays said until the page is left, and is not said again when it is loaded anew.
function keepDone(main, next) {
  const done = main.querySelector("#done");
  if (done && !next.querySelector("#done")) next.prepend(done.cloneNode(true));
}

function forgetDone() {
  const here = new URL(location.href);
  if (!here.searchParams.has("done")) return;
  here.searchParams.delete("done");
  history.replaceState(null, "", here);
}

const keyOf = (node) => (node.nodeType === Node.ELEMENT_NODE ? node.id || null : null);

function isSame(old, fresh) {
  return old.nodeType === fresh.nodeType && old.nodeName === fresh.nodeName && keyOf(old) === keyOf(fresh);
}

function patch(old, fresh) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
    return;
  }
  if (old.isEqualNode(fresh)) return;
  patchAttributes(old, fresh);
  if (old.nodeName !== "SELECT") patchChildren(old, fresh);
}

function patchAttributes(old, fresh) {
  // An opened question and a half-typed field are the reader's.
  const own = old.nodeName === "DETAILS" ? ["open"] : old.nodeName === "INPUT" && old.type !== "hidden" ? ["value"] : [];
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !own.includes(name) && !(name === "tabindex" && old.dataset.texts !== undefined)) {
      old.removeAttribute(name);
    }
  }
  for (const { name, value } of fresh.attributes) {
    if (!own.includes(name) && old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
}

function patchChildren(old, fresh) {
  const keyed = new Map();
  for (const child of old.children) if (child.id) keyed.set(child.id, child);
  let at = old.firstChild;
  for (const next of [...fresh.childNodes]) {
    const key = keyOf(next);
    const match = key ? keyed.get(key) : null;
    if (match && match.nodeName === next.nodeName) {
      if (match === at) at = at.nextSibling;
      else old.insertBefore(match, at);
      patch(match, next);
    } else if (at && !keyOf(at) && isSame(at, next)) {
      patch(at, next);
      at = at.nextSibling;
    } else {
      old.insertBefore(document.importNode(next, true), at);
    }
  }
  while (at) {
    const gone = at;
    at = at.nextSibling;
    gone.remove();
  }
}
