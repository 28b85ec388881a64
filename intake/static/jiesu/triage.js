// Keys of triage: whatever names one in `aria-keyshortcuts` is pressed by it, unless somebody types or it was heard before.
(() => {
  const TYPED_IN = "textarea, select, input:not([type=radio], [type=checkbox])";
  const pressed = (event) => {
    const place = event.code.match(/^(?:Key|Digit|Numpad)(\w)$/)?.[1] || event.key;
    return `${event.altKey ? "alt+" : ""}${place}`.toLowerCase();
  };
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey) return;
    if (!event.altKey && event.target.matches(TYPED_IN)) return;
    const wanted = pressed(event);
    const found = [...document.querySelectorAll(".triage [aria-keyshortcuts]")].find(
      (one) => one.getAttribute("aria-keyshortcuts").toLowerCase() === wanted && one.checkVisibility(),
    );
    if (!found) return;
    event.preventDefault();
    found.focus();
    found.click();
  });
})();
