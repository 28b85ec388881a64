// Rows of reference data by typing: code, words (also of what stands above), pinyin in full or by initials.
// Every input with one of the lists becomes a combobox (ARIA APG); without scripts the datalist does it.
(() => {
  const { lists, found, none, more } = document.currentScript.dataset;
  const PICKED = /^(category|area|unit)-list$/;
  const SHOWN = 50, ANNOUNCED_AFTER = 400; // milliseconds
  const rows = {}; // name of the list → promise of its rows
  let input = null, matches = [], active = -1, saying = 0;
  let opening = null, decided = null; // inputs: whose rows are on their way, and who pressed Enter or Tab before they came

  // The rows
  const read = (html) =>
    [...new DOMParser().parseFromString(`<datalist>${html}</datalist>`, "text/html").querySelectorAll("option")].map((option) => {
      const value = option.getAttribute("value"), at = value.indexOf(" ");
      const [code, name] = [value.slice(0, at), value.slice(at + 1)];
      const { above = "", spelled = "" } = option.dataset;
      return { value, code, name, above, spelled: spelled.toLowerCase(), text: `${above} ${name}`.toLowerCase() };
    });
  const load = (name) => {
    rows[name] ??= fetch(lists.replace("NAME", name), { credentials: "same-origin" })
      .then((answer) => (answer.ok && !answer.redirected ? answer.text() : Promise.reject(answer.status)))
      .then(read)
      .catch(() => (delete rows[name], []));
    return rows[name];
  };

  // How well a row fits one typed word: the lower, the better; none where it does not.
  const inOrder = (word, text) => {
    let at = -1;
    return [...word].every((sign) => (at = text.indexOf(sign, at + 1)) >= 0);
  };
  const isChinese = (word) => /[\u4e00-\u9fff]/.test(word);
  const TESTS = [
    (row, word) => row.code.toLowerCase().startsWith(word),
    (row, word) => row.name.toLowerCase().startsWith(word),
    (row, word) => row.spelled.split(" ").slice(0, 2).some((one) => one.startsWith(word)),
    (row, word) => row.name.toLowerCase().includes(word),
    (row, word) => row.spelled.split(" ").some((one) => one.startsWith(word)),
    (row, word) => row.text.includes(word),
    (row, word) => word.length > 2 && row.spelled.includes(word),
    (row, word) => isChinese(word) && inOrder(word, row.text),
    (row, word) => isChinese(word) && [...word].filter((sign) => row.text.includes(sign)).length * 2 >= word.length, // 噪音, 噪声
  ];
  const LOOSELY = TESTS.length - 2; // from here on shown, but nothing that Enter or Tab takes unasked
  const rank = (row, word) => TESTS.findIndex((test) => test(row, word));
  const search = (all, typed) => {
    if (all.some((row) => row.value === typed.trim())) typed = typed.trim().split(" ")[0];
    const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
    const ranked = all.map((row) => [row, words.map((word) => rank(row, word))]).filter(([, ranks]) => ranks.every((one) => one >= 0));
    const sum = (ranks) => ranks.reduce((total, one) => total + one, 0);
    ranked.sort((one, other) => sum(one[1]) - sum(other[1]));
    return { fitting: ranked.map(([row]) => row), sure: ranked.length > 0 && words.length > 0 && ranked[0][1].every((one) => one < LOOSELY) };
  };

  // The list, one for the page: only one is ever open
  const box = Object.assign(document.createElement("ul"), { id: "picker", className: "picker", popover: "manual" });
  box.setAttribute("role", "listbox");
  const live = Object.assign(document.createElement("div"), { className: "visually-hidden" });
  live.setAttribute("role", "status");
  document.querySelector("main").append(box, live);
  const say = (text) => (clearTimeout(saying), (saying = setTimeout(() => (live.textContent = text), ANNOUNCED_AFTER)));
  const isOpen = () => box.matches(":popover-open");
  const place = () => {
    if (!input?.isConnected) return close();
    const { left, top, bottom, width } = input.getBoundingClientRect();
    const below = innerHeight - bottom, above = below < 200 && top > below;
    const wide = Math.min(Math.max(width, 320), innerWidth - 16);
    box.style.width = `${wide}px`;
    box.style.left = `${Math.max(8, Math.min(left, innerWidth - wide - 8))}px`;
    box.style.maxHeight = `${Math.min(320, (above ? top : below) - 12)}px`;
    box.style.top = above ? "" : `${bottom + 2}px`;
    box.style.bottom = above ? `${innerHeight - top + 2}px` : "";
  };
  const close = () => {
    if (isOpen()) box.hidePopover();
    input?.setAttribute("aria-expanded", "false");
    input?.removeAttribute("aria-activedescendant");
    active = -1;
  };
  const point = (at) => {
    box.children[active]?.setAttribute("aria-selected", "false");
    active = at;
    const option = box.children[active];
    option?.setAttribute("aria-selected", "true");
    option?.scrollIntoView({ block: "nearest" });
    if (option) input.setAttribute("aria-activedescendant", option.id);
    else input.removeAttribute("aria-activedescendant");
  };
  const line = (row, at) => {
    const option = document.createElement("li"), name = document.createElement("b"), rest = document.createElement("small");
    Object.assign(option, { id: `picker-${at}` }).setAttribute("role", "option");
    option.setAttribute("aria-selected", "false");
    name.textContent = row.name;
    rest.textContent = [row.above, row.code].filter(Boolean).join(" · ");
    option.append(name, rest);
    return option;
  };
  const remark = (text) => {
    const said = Object.assign(document.createElement("li"), { className: "rest", textContent: text });
    said.setAttribute("role", "option");
    said.setAttribute("aria-disabled", "true");
    return said;
  };
  const open = async (everything) => {
    const asked = (opening = input), all = await load(asked.dataset.picker);
    if (opening === asked) opening = null;
    const { fitting, sure } = search(all, everything ? "" : asked.value);
    if (decided === asked) return (decided = null), sure && put(asked, fitting[0]);
    if (asked !== input || document.activeElement !== asked) return;
    matches = fitting.slice(0, SHOWN);
    box.replaceChildren(...matches.map(line));
    if (!matches.length) box.append(remark(none));
    if (fitting.length > SHOWN) box.append(remark(more.replace("%", fitting.length - SHOWN)));
    say(fitting.length ? found.replace("%", fitting.length) : none);
    box.setAttribute("aria-label", asked.labels?.[0]?.textContent.trim() || asked.getAttribute("aria-label") || asked.name);
    if (!isOpen()) box.showPopover();
    asked.setAttribute("aria-expanded", "true");
    place();
    box.scrollTop = 0;
    point(sure ? 0 : -1);
  };
  const put = (into, row) => {
    into.value = row.value;
    say(row.name);
    for (const kind of ["input", "change"]) into.dispatchEvent(new CustomEvent(kind, { bubbles: true, detail: "picked" }));
  };
  const choose = (at) => (close(), put(input, matches[at]));

  // The inputs, also those that come later
  const enhance = (one) => {
    if (!PICKED.test(one.getAttribute("list"))) return;
    one.dataset.picker = one.getAttribute("list").replace("-list", "");
    one.removeAttribute("list");
    const wanted = { role: "combobox", "aria-expanded": "false", "aria-autocomplete": "list", "aria-controls": "picker", autocomplete: "off", spellcheck: "false" };
    for (const [name, value] of Object.entries(wanted)) one.setAttribute(name, value);
  };
  const enhanceAll = () => document.querySelectorAll("input[list]").forEach(enhance);
  const ours = (event) => event.target.matches?.("input[data-picker]");
  enhanceAll();
  document.addEventListener("htmx:after:swap", enhanceAll);
  document.addEventListener("focusin", (event) => {
    if (event.target.matches("input[list]")) enhance(event.target);
    if (ours(event)) (input = event.target), load(input.dataset.picker);
  }, true);
  document.addEventListener("focusout", (event) => ours(event) && close());
  document.addEventListener("input", (event) => {
    if (!ours(event) || event.detail === "picked") return;
    input = event.target;
    if (document.activeElement === input) open();
  });
  document.addEventListener("click", (event) => ours(event) && !isOpen() && open(true));

  const step = (by) => matches.length && point((Math.max(active, by < 0 ? 0 : -1) + by + matches.length) % matches.length);
  const KEYS = {
    ArrowDown: () => (isOpen() ? step(1) : open(true)),
    ArrowUp: () => (isOpen() ? step(-1) : open(true)),
    Enter: () => isOpen() && active >= 0 && choose(active),
    Escape: () => isOpen() && close(),
  };
  document.addEventListener("keydown", (event) => {
    if (!ours(event) || event.isComposing || event.ctrlKey || event.metaKey) return;
    if (event.key === "Tab" && isOpen() && active >= 0) return choose(active);
    if (["Enter", "Tab"].includes(event.key) && opening === event.target && event.target.value.trim()) {
      decided = opening;
      if (event.key === "Enter") event.preventDefault();
      return;
    }
    const was = isOpen();
    if (!KEYS[event.key] || event.altKey || (!was && ["Enter", "Escape"].includes(event.key)) || (event.key === "Enter" && active < 0)) return;
    event.preventDefault();
    event.stopPropagation();
    KEYS[event.key]();
  }, true);
  // The focus stays in the input, also for a finger.
  box.addEventListener("pointerdown", (event) => event.preventDefault());
  box.addEventListener("mousedown", (event) => event.preventDefault());
  box.addEventListener("click", (event) => {
    const at = [...box.children].indexOf(event.target.closest("[role=option]"));
    if (matches[at]) choose(at);
  });
  addEventListener("scroll", (event) => isOpen() && event.target !== box && place(), true);
  addEventListener("resize", () => isOpen() && place());
})();
