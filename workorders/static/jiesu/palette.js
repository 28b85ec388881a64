// Ctrl+K: what the server finds, and the steps that this page offers.
(() => {
  const dialog = document.getElementById("palette");
  if (!dialog) return;
  const input = dialog.querySelector("input"), list = dialog.querySelector("[role=listbox]"), said = dialog.querySelector(".said");
  const PAUSE = 150; // milliseconds between two letters of somebody who types
  let timer = null, running = null;

  const options = () => [...list.querySelectorAll("[role=option]")];
  const current = () => list.querySelector("[aria-selected=true]");
  const choose = (option) => {
    current()?.setAttribute("aria-selected", "false");
    option?.setAttribute("aria-selected", "true");
    option?.scrollIntoView({ block: "nearest" });
    option ? input.setAttribute("aria-activedescendant", option.id) : input.removeAttribute("aria-activedescendant");
  };

  const holds = (text) => text.toLowerCase().includes(input.value.trim().toLowerCase());
  const steps = () => {
    const offered = [...document.querySelectorAll("main [data-step]")].filter((one) => one.checkVisibility() && holds(one.textContent));
    if (!offered.length) return [];
    const label = dialog.querySelector("template").dataset.steps, group = document.createElement("div");
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", label);
    group.append(Object.assign(document.createElement("p"), { className: "label", textContent: label, ariaHidden: "true" }));
    for (const step of offered) {
      const option = Object.assign(document.createElement("div"), { role: "option", ariaSelected: "false", textContent: step.textContent.trim() });
      option.addEventListener("click", () => (dialog.close(), step.focus(), step.click()));
      group.append(option);
    }
    return [group];
  };
  const show = (html) => {
    const answer = new DOMParser().parseFromString(html, "text/html").body.firstElementChild;
    list.replaceChildren(...steps(), ...answer.children);
    options().forEach((option, at) => (option.id = `palette-${at}`));
    const found = options().length;
    said.textContent = found ? "" : answer.dataset.said;
    list.hidden = !found;
    input.setAttribute("aria-expanded", String(found > 0));
    choose(options()[0]);
  };
  const ask = async () => {
    running?.abort();
    const mine = (running = new AbortController());
    dialog.classList.add("asking");
    try {
      const headers = { "HX-Request": "true", "HX-Current-URL": location.href, "X-CSRFToken": csrfToken() };
      const body = new URLSearchParams({ q: input.value });
      const answer = await fetch(dialog.dataset.source, { method: "POST", body, signal: mine.signal, headers });
      const html = await answer.text();
      if ([401, 403].includes(answer.status)) dialog.close(), (document.getElementById("logged-out").innerHTML = html);
      else if (answer.ok) show(html);
      else said.textContent = document.getElementById("words").dataset.busy;
    } catch (error) {
      if (error.name !== "AbortError") said.textContent = document.getElementById("offline").dataset.words;
    } finally {
      if (running === mine) dialog.classList.remove("asking");
    }
  };

  input.addEventListener("input", () => (clearTimeout(timer), (timer = setTimeout(ask, PAUSE))));
  input.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    const all = options(), at = all.indexOf(current());
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: event.ctrlKey ? 0 : NaN, End: event.ctrlKey ? all.length - 1 : NaN }[event.key];
    if (all.length && Number.isInteger(to)) event.preventDefault(), choose(all.at(to % all.length));
    if (event.key === "Enter") event.preventDefault(), current()?.click();
  });
  // The dialog gives the focus back by itself; a step takes it.
  document.addEventListener("click", (event) => event.target.closest("[data-opens=palette]") && (input.select(), ask()));
  dialog.addEventListener("close", () => ((input.value = ""), list.replaceChildren(), running?.abort()));
})();
