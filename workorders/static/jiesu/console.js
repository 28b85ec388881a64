// The console works without its scripts; with them, clocks tick, keys help and nothing typed is lost.
(() => {
  const words = document.body.dataset;

  // Clocks: relative time goes on between two answers of the server.
  const span = (minutes) => {
    const [day, hour, minute] = words.units.split("|");
    const days = Math.floor(minutes / 1440), hours = Math.floor(minutes / 60) % 24, rest = minutes % 60;
    const parts = [];
    if (days) parts.push(`${days}${day}`);
    if (hours) parts.push(`${hours}${hour}`);
    if (!days && (rest || !hours)) parts.push(`${rest}${minute}`);
    return parts.join("").trim();
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

  // How much waits stands in the title too, where it is seen from another tab.
  const title = document.title;
  const count = () => {
    const waiting = document.querySelector("#to-do .badge")?.firstChild.textContent.trim();
    document.title = waiting ? `(${waiting}) ${title}` : title;
  };
  // A tab that nobody sees asks for nothing, and asks at once when it is looked at again.
  document.addEventListener("htmx:config:request", (event) => {
    if (document.hidden && event.target.matches("[data-pauses]")) event.preventDefault();
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) document.querySelectorAll("[data-pauses]").forEach((one) => htmx.trigger(one, "look"));
  });

  // Read out, once: what a page says when it comes, and how many a filter has left.
  const READ = 5000; // milliseconds
  const saying = [];
  const say = (text) => {
    const said = document.getElementById("said");
    saying.splice(0).forEach(clearTimeout);
    saying.push(setTimeout(() => (said.textContent = text), 200), setTimeout(() => (said.textContent = ""), READ));
  };
  const messages = document.getElementById("messages")?.innerText.trim();
  if (messages) say(messages);

  document.addEventListener("htmx:after:swap", (event) => {
    tick();
    count();
    const listed = event.detail.ctx?.target?.id === "rows" && document.querySelector("#rows [data-said]");
    if (listed) say(listed.dataset.said);
    if (listed && document.activeElement === document.body) listed.parentElement.focus({ preventScroll: true });
    const form = document.querySelector("#step form");
    if (form && !form.dataset.seen) {
      form.dataset.seen = "yes";
      const wrong = form.querySelector("[aria-invalid=true], .has-error :is(input, textarea, select)");
      (wrong || form.querySelector("input:not([type=hidden]), textarea, select") || form.querySelector("button"))?.focus();
    }
    settle(event.detail.ctx?.target);
  });

  // Where a swap took away what had the focus, it goes to the same place in what came, or to its heading: never to nowhere.
  let before = null;
  document.addEventListener("htmx:before:swap", ({ detail: { ctx } }) => {
    const { activeElement: active } = document;
    before = ctx?.target?.contains(active) ? { id: active.id, within: ctx.target, container: ctx.target.parentElement } : null;
  });
  const settle = (target) => {
    if (!before || document.activeElement !== document.body) return;
    const within = target?.isConnected ? target : before.within.isConnected ? before.within : before.container;
    const place = (before.id && document.getElementById(before.id)) || within?.querySelector("h1, h2, h3, legend") || within;
    before = null;
    if (!place) return;
    if (place.tabIndex < 0 && !place.hasAttribute("tabindex")) place.tabIndex = -1;
    place.focus({ preventScroll: true });
  };

  document.querySelector(".stepper .now")?.scrollIntoView({ inline: "center", block: "nearest" });

  // What is closed gives the focus back to what opened it.
  const leave = () => {
    const form = document.querySelector("#step form"), path = form && new URL(form.action).pathname;
    document.getElementById("step").replaceChildren();
    const opener = [...document.querySelectorAll("a[data-step]")].find((link) => link.pathname === path);
    (opener || document.querySelector("main h1[tabindex], main")).focus();
  };
  const OPEN = "details:is(.me, .drop)[open]";
  const closeOthers = (target) => {
    for (const open of document.querySelectorAll(OPEN)) if (!open.contains(target)) open.open = false;
  };
  document.addEventListener("focusin", (event) => closeOthers(event.target));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.defaultPrevented) return;
    const open = event.target.closest(OPEN);
    if (open) open.open = false, open.querySelector("summary").focus();
    else if (event.target.closest("#step")) leave();
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("#theme")) {
      const theme = document.documentElement.dataset.bsTheme === "dark" ? "light" : "dark";
      document.documentElement.dataset.bsTheme = theme;
      localStorage.setItem("theme", theme);
    }
    const cancel = event.target.closest("#step [data-cancel]");
    if (cancel?.closest("[data-closes]")) event.preventDefault(), leave();
    const chip = event.target.closest("[data-clear]");
    const filters = document.getElementById("filters");
    if (chip && filters) {
      const field = filters.elements[chip.dataset.clear];
      event.preventDefault(), (field.value = ""), field.focus(), filters.requestSubmit();
    }
    closeOthers(event.target);
  });
})();
