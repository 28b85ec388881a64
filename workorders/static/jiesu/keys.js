// Every element with `aria-keyshortcuts` has its key by that alone: it is pressed, or gets the focus, and `?` lists it.
(() => {
  const EDITABLE = "textarea, select, [contenteditable=true], input:not([type=radio], [type=checkbox], [type=button], [type=submit])";
  const SIGNS = { control: "Ctrl", meta: "⌘", alt: "Alt", shift: "⇧", enter: "⏎", escape: "Esc", arrowup: "↑", arrowdown: "↓" };
  const MODIFIERS = ["control", "alt", "meta"];

  const singles = document.getElementById("single-keys");
  if (singles) {
    singles.checked = localStorage.getItem("single-keys") !== "off";
    singles.addEventListener("change", () => localStorage.setItem("single-keys", singles.checked ? "on" : "off"));
  }

  const combinations = (element) => element.getAttribute("aria-keyshortcuts").split(/\s+/).filter(Boolean);
  // With an input method on, or with Alt, the key itself says nothing: then its place on the keyboard does.
  const keys = (event) => {
    const place = event.code.match(/^(?:Key|Digit|Numpad)(\w)$/)?.[1].toLowerCase();
    const shifted = event.shiftKey && event.key.length > 1;
    const before = `${event.ctrlKey ? "control+" : ""}${event.altKey ? "alt+" : ""}${event.metaKey ? "meta+" : ""}${shifted ? "shift+" : ""}`;
    return [event.key.toLowerCase(), ...(place && (!event.shiftKey || event.altKey) ? [place] : [])].map((one) => before + one);
  };
  const here = () => [...document.querySelectorAll("dialog[open]")].pop() || document;
  const reachable = (one) => one.checkVisibility() && !one.disabled && !one.closest("[inert]");
  const shown = () => [...here().querySelectorAll("[aria-keyshortcuts]")].filter(reachable);
  // On a command key the same combination is meant.
  const meant = (wanted, pressed) => pressed.includes(wanted) || pressed.includes(wanted.replace("control+", "meta+"));
  const isBare = (event) => !(event.ctrlKey || event.altKey || event.metaKey) && !/^F\d+$/.test(event.key);
  const acts = (target) => target.matches("a[href], button, summary, [role=option], input, select, textarea");

  const press = (element) => {
    if (element.matches(EDITABLE)) return element.focus(), element.select?.();
    // A dialog gives the focus back to where it was before.
    if (element.matches("input, summary, a, button") && !element.dataset.opens) element.focus();
    element.click();
  };
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || ["Control", "Alt", "Shift", "Meta"].includes(event.key)) return;
    const { target } = event, pressed = keys(event), bare = isBare(event);
    if (bare && (target.matches(EDITABLE) || (event.key.length === 1 && singles && !singles.checked))) return;
    if (event.key === "Enter" && bare && acts(target)) return;
    const all = shown().filter((one) => combinations(one).some((wanted) => meant(wanted.toLowerCase(), pressed)));
    const sends = event.key === "Enter" && !bare && target.form;
    const found = all.find((one) => target.form && one.form === target.form) || (!sends && all[0]);
    if (found) return event.preventDefault(), press(found);
    if (sends) event.preventDefault(), target.form.requestSubmit();
  });

  // The list
  const sign = (key) => SIGNS[key.toLowerCase()] || (key.length === 1 ? key.toUpperCase() : key);
  const named = (element) => {
    const copy = element.cloneNode(true);
    copy.querySelectorAll("kbd, svg, .badge").forEach((one) => one.remove());
    const text = element.matches(EDITABLE) ? element.labels?.[0]?.textContent || element.placeholder : copy.textContent;
    return (element.dataset.keyLabel || element.getAttribute("aria-label") || text || element.title).trim().replace(/\s+/g, " ");
  };
  const row = (element) => {
    const line = document.createElement("div"), what = document.createElement("dd"), how = document.createElement("dt");
    what.textContent = named(element);
    combinations(element).forEach((combination, at) => {
      if (at) how.append(" / ");
      // A plus may be the key itself.
      for (const key of combination.split(/\+(?=.)/)) how.append(Object.assign(document.createElement("kbd"), { textContent: sign(key) }), " ");
    });
    line.append(how, what);
    return line;
  };
  const list = document.querySelector("#keys dl");
  document.addEventListener("click", (event) => {
    const opens = event.target.closest("[data-opens]");
    if (!opens) return;
    const dialog = document.getElementById(opens.dataset.opens);
    if (dialog.id === "keys") list.replaceChildren(...shown().filter((one) => named(one)).map(row));
    dialog.showModal();
  });
  // A click beside a dialog closes it.
  document.addEventListener("click", (event) => event.target.matches("dialog[open]") && event.target.close());
})();
