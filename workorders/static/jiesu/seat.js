// Is somebody at the seat? What an open page asks for by itself does not keep the session alive, typing and pointing do.
(() => {
  let attended = true;
  for (const kind of ["keydown", "pointerdown", "input", "wheel", "touchmove"]) {
    addEventListener(kind, () => (attended = true), { capture: true, passive: true });
  }
  globalThis.unattended = () => {
    const headers = attended ? {} : { "X-Unattended": "1" };
    attended = false;
    return headers;
  };
})();
