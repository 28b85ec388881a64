// The console works without this file; with it, clocks tick, keys help and nothing typed is lost.
(() => {
  const words = document.body.dataset;

  // Clocks: relative time goes on between two answers of the server.
  const span = (minutes) => {
    const [day, hour, minute] = words.units.split("|");
    const days = Math.floor(minutes / 1440), hours = Math.floor(minutes / 60) % 24, rest = minutes % 60;
    const parts = [];
    if (days) parts.push(`${days} ${day}`);
    if (hours) parts.push(`${hours} ${hour}`);
    if (!days && (rest || !hours)) parts.push(`${rest} ${minute}`);
    return parts.join(" ");
  };
  const tick = () => {
    for (const clock of document.querySelectorAll("[data-due]:not([data-due=''])")) {
      const left = Date.parse(clock.dataset.due) - Date.now();
      const text = (left >= 0 ? words.left : words.overdue).replace("%", span(Math.floor(Math.abs(left) / 60000)));
      const shown = clock.querySelector("b");
      if (shown.textContent !== text) shown.textContent = text;
      if (left < 0) clock.classList.replace("in-time", "overdue"), clock.classList.replace("warned", "overdue");
    }
  };
  setInterval(tick, 15000);

  // What is typed is kept in this tab until the server has taken it: a reload, a lost connection, an expired session.
  const fields = (form) => [...form.elements].filter((one) => one.name && !["hidden", "password", "file", "submit"].includes(one.type));
  const key = (form) => `keep:${form.dataset.keep}`;
  const keep = (form) => {
    const values = fields(form).filter((one) => one.type !== "radio" || one.checked).map((one) => [one.name, one.value]);
    sessionStorage.setItem(key(form), JSON.stringify(values));
  };
  const restore = (form) => {
    const values = JSON.parse(sessionStorage.getItem(key(form)) || "[]");
    if (form.querySelector(".error, .alert")) return;
    for (const one of fields(form)) {
      const at = values.findIndex(([name, value]) => name === one.name && (one.type !== "radio" || value === one.value));
      if (at < 0) continue;
      if (one.type === "radio") one.checked = true;
      else one.value = values[at][1];
      values.splice(at, 1);
    }
  };
  document.addEventListener("input", (event) => {
    const form = event.target.closest("form[data-keep]");
    if (form) keep(form);
  });
  document.addEventListener("submit", (event) => {
    const form = event.target.closest("form[data-keep]");
    if (form) sessionStorage.setItem("sent", key(form));
  });
  if (document.querySelector("#messages .alert-success") && sessionStorage.getItem("sent")) {
    sessionStorage.removeItem(sessionStorage.getItem("sent"));
    sessionStorage.removeItem("sent");
  }
  document.querySelectorAll("form[data-keep]").forEach(restore);

  document.addEventListener("htmx:after:swap", () => {
    tick();
    const form = document.querySelector("#step form[data-keep]");
    if (!form || form.dataset.ready) return;
    form.dataset.ready = "yes";
    restore(form);
    (form.querySelector(".has-error input, .has-error textarea, .has-error select") || fields(form)[0] || form.querySelector("button")).focus();
  });

  document.querySelector(".stepper .now")?.scrollIntoView({ inline: "center", block: "nearest" });

  // Keys
  document.addEventListener("keydown", (event) => {
    const typing = event.target.matches("input, textarea, select");
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.form) event.target.form.requestSubmit();
    if (event.key === "n" && !typing && !event.ctrlKey && !event.metaKey) document.getElementById("next-order")?.click();
    if (event.key === "/" && !typing) event.preventDefault(), document.getElementById("find")?.focus();
    if (event.key === "Escape" && event.target.closest("#step")) document.getElementById("step").replaceChildren();
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("#theme")) {
      const theme = document.documentElement.dataset.bsTheme === "dark" ? "light" : "dark";
      document.documentElement.dataset.bsTheme = theme;
      localStorage.setItem("theme", theme);
    }
    const cancel = event.target.closest("#step [data-cancel]");
    if (cancel && document.querySelector(".stepper")) event.preventDefault(), document.getElementById("step").replaceChildren();
    const chip = event.target.closest("[data-clear]");
    const filters = document.getElementById("filters");
    if (chip && filters) event.preventDefault(), filters.elements[chip.dataset.clear].value = "", filters.requestSubmit();
    const open = document.querySelector("details.me[open]");
    if (open && !event.target.closest("details.me")) open.open = false;
  });

  // A lost connection is shown, and goes away by itself.
  const offline = document.getElementById("offline");
  addEventListener("offline", () => (offline.hidden = false));
  addEventListener("online", () => (offline.hidden = true));
  document.addEventListener("htmx:error", () => (offline.hidden = false));
  document.addEventListener("htmx:before:swap", () => (offline.hidden = true));
})();
