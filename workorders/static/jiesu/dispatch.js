// The dispatch desk's own keys; that of one element stands in its `aria-keyshortcuts`. Everything works without them too.
(() => {
  const one = (selector) => document.querySelector(selector);
  const typing = (element) => element.matches("input:not([type=radio], [type=checkbox]), textarea, select, [contenteditable]");

  function move(step) {
    const links = [...document.querySelectorAll(".queue-rows a")];
    const here = links.findIndex((link) => link.hasAttribute("aria-current"));
    links[here + step]?.click();
  }

  function send(event) {
    const form = one("#step form");
    // A focused link, button or choice does by itself what Enter means there.
    if (!form || event.target !== document.body && !event.target.matches("main, .candidate input")) return false;
    form.requestSubmit();
    return true;
  }

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || one("dialog[open]")) return;
    if (event.key !== "Enter" && localStorage.getItem("single-keys") === "off") return;
    const deeds = {
      j: () => (move(1), true),
      k: () => (move(-1), true),
      m: () => (one('[data-step="consult"]')?.click(), true),
      Enter: () => send(event),
    };
    if (deeds[event.key]?.()) event.preventDefault();
  });

  // One unit: what is chosen takes the place of what was typed, and the other way round.
  document.addEventListener("input", (event) => {
    const field = event.target.closest(".field");
    if (!field?.querySelector(".candidates")) return;
    const other = field.querySelector("input[type=text]");
    if (event.target.type === "radio") other.value = "";
    else if (other.value) field.querySelectorAll(".candidates input").forEach((radio) => (radio.checked = false));
  });
})();
