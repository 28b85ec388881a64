// The alerts desk: keys, ticks and drafts. Without this file everything works by links and buttons.
(() => {
  const one = (selector) => document.querySelector(selector);
  const all = (selector) => [...document.querySelectorAll(selector)];
  const typing = (element) => element.matches("input:not([type=checkbox]), textarea, select, [contenteditable]");
  const stored = (area) => `alert draft ${area.dataset.draft}`;
  let armed = null;

  function move(step) {
    const rows = all("#rows .row");
    const here = rows.findIndex((row) => row.classList.contains("current"));
    const link = rows[here + step]?.querySelector("a");
    if (link) location.assign(link.href);
    else if (step > 0) one("a[rel=next]")?.click();
  }

  function press(key) {
    const control = one(`#act [data-key="${key}"]`);
    if (!control) return false;
    if (control.matches("select")) control.focus();
    else if ("words" in control.dataset) arm(control);
    else control.click();
    return true;
  }

  function arm(button) {
    all("#act .armed").forEach((other) => other.classList.remove("armed"));
    button.classList.add("armed");
    armed = button;
    one("#act textarea").focus();
  }

  function count() {
    const ticked = all("#rows input:checked").length;
    const place = one("[data-ticked]");
    if (!place) return;
    place.textContent = ticked || "";
    if (ticked) one(".together").open = true;
  }

  document.addEventListener("keydown", (event) => {
    if (event.target.matches("#act textarea") && event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      (armed || one('#act [data-key="c"]'))?.click();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || one("dialog[open]")) return;
    const deeds = {
      j: () => move(1),
      k: () => move(-1),
      x: () => one("#rows .current input")?.click(),
      "?": () => one("#keys").showModal(),
    };
    if (deeds[event.key]) event.preventDefault(), deeds[event.key]();
    else if (press(event.key)) event.preventDefault();
  });

  // What was typed and not sent is there again when the alert is.
  all("[data-draft]").forEach((area) => {
    area.value ||= sessionStorage.getItem(stored(area)) || "";
    area.addEventListener("input", () => sessionStorage.setItem(stored(area), area.value));
    area.form.addEventListener("submit", () => sessionStorage.removeItem(stored(area)));
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches(".narrow select")) event.target.form.requestSubmit();
    if (event.target.matches("#rows input")) count();
  });
  count();
})();
