// What all desks share ([data-settles] holds the number of the order on the screen, or nothing): an order that has just
// appeared takes no key and no click until it has been there for a second and every key was let go; the strip after an act;
// and a place for the focus.
// Not deferred: a click may fall on a page whose scripts are still on their way.
(() => {
  const REST = 1000, FORGOTTEN = 1500; // milliseconds
  const FREE = "[data-awake], dialog, .bar, .shot, #ringing, #banners"; // what is no act on the order
  const LOOKS = "a[href]:not([data-step], [hx-get], [hx-post])"; // leads on, and sends nothing
  const EDITABLE = "textarea, select, [contenteditable=true], input:not([type=radio], [type=checkbox], [type=button], [type=submit])";
  const MODIFIERS = { ctrlKey: "Control", altKey: "Alt", metaKey: "Meta" };

  let desk = null, loading = true, wakes = Infinity;
  const down = new Set(); // keys whose press this page has seen
  const stale = new Map(); // keys that were held while it slept, and when they last gave a sign
  const now = () => performance.now();
  const rests = () => now() < wakes;
  const show = () => {
    document.documentElement.toggleAttribute("data-asleep", rests());
    if (rests() && wakes < Infinity) setTimeout(show, wakes - now() + 5);
  };
  const appear = () => {
    wakes = document.hidden ? Infinity : now() + REST;
    show();
  };
  const heldStill = () => {
    for (const [code, at] of stale) if (now() - at > FORGOTTEN) stale.delete(code); // its end was not heard
    return stale.size > 0;
  };

  // A key that was pressed before the order was there is told by its repetition, or by the modifier that nobody saw go down.
  const heldBefore = (event) =>
    (event.repeat && !down.has(event.code)) || Object.entries(MODIFIERS).some(([flag, key]) => event[flag] && ![...down].some((code) => code.startsWith(key)));
  const isUndo = (event) => event.altKey && event.code === "KeyZ";
  const isAct = (event) => {
    const { key = "", target } = event; // a browser that fills a form in sends presses without a key
    if (target.closest?.(FREE) || isUndo(event)) return false;
    if (key === "Enter") return true;
    if (key.length > 1 || event.ctrlKey || event.metaKey) return false;
    return !target.matches?.(EDITABLE) || event.altKey || Boolean(desk?.dataset.settles);
  };
  const swallow = (event) => (event.preventDefault(), event.stopImmediatePropagation());

  const onKey = (event) => {
    if (!desk && !loading) return;
    if (Object.values(MODIFIERS).includes(event.key)) return down.add(event.code);
    const before = heldBefore(event);
    if (!event.repeat) stale.delete(event.code); // pressed anew
    if (!before) down.add(event.code);
    if (!isAct(event)) return;
    if (rests() || before || heldStill()) stale.set(event.code, now()), swallow(event);
  };
  const onRelease = (event) => {
    down.delete(event.code);
    if (stale.delete(event.code)) swallow(event);
  };
  // The second click of a double click falls on what came after the first. A page that was opened by itself had no first.
  const followed = document.referrer.startsWith(`${location.origin}/`);
  const onClick = (event) => {
    if (!desk && !loading) return;
    const acts = event.target.closest("main, .thumb-bar, [data-settles]") && !event.target.closest(`${FREE}, ${LOOKS}`);
    if (event.isTrusted && event.detail > 0 && rests() && acts && followed) swallow(event);
  };

  addEventListener("keydown", onKey, true);
  addEventListener("keyup", onRelease, true);
  addEventListener("click", onClick, true);
  addEventListener("blur", () => (down.clear(), stale.clear()));

  const settle = () => {
    document.addEventListener("visibilitychange", () => !document.hidden && wakes === Infinity && appear());
    // The form that the desk opens by itself appears later than its order.
    document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => ctx?.sourceElement?.id === "step" && appear());
    addEventListener("pageshow", (event) => event.persisted && location.reload());
    appear();
  };
  // The focus stands where the work begins.
  const begin = () => {
    if (document.activeElement !== document.body) return;
    const place = document.querySelector("[data-begin]") || document.querySelector("main h1");
    if (!place) return;
    if (place.matches("h1, h2")) place.tabIndex = -1;
    place.focus({ preventScroll: true });
  };
  // The way back is offered for some seconds.
  const limit = (form) => {
    const remove = () => {
      if (form.contains(document.activeElement)) document.querySelector("main h1[tabindex], main")?.focus();
      form.remove();
    };
    setTimeout(() => form.isConnected && !form.dataset.sending && remove(), Number(form.dataset.lasts) * 1000);
  };

  document.addEventListener("DOMContentLoaded", () => {
    loading = false;
    desk = document.querySelector("[data-settles]");
    document.querySelectorAll("[data-lasts]").forEach(limit);
    // The address names what the desk has opened by itself: a reload, and the way back, show the same.
    const { address } = document.querySelector("[data-address]")?.dataset ?? {};
    if (address) history.replaceState(history.state, "", address);
    if (desk) settle(), begin();
  });
})();
