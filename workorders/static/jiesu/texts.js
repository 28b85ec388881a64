// Standard texts: put where the cursor was, beside what was typed, never over it.
(() => {
  const GAP = /【[^】]*】/;
  const HEADING = /^[一二三四五六]、[^：\n]{1,12}[：\n]/;
  const texts = () => JSON.parse(document.getElementById("standard-texts").textContent);
  const visited = new WeakSet();  // a field nobody was in has no cursor yet: there the text goes to the end

  function insert(field, text) {
    const at = visited.has(field) ? field.selectionEnd : field.value.length;
    const before = field.value.slice(0, at);
    const apart = before && !before.endsWith("\n") && text.includes("\n") ? "\n" : "";
    field.focus();
    field.setSelectionRange(at, at);
    // The browser's own way of typing can be undone by Ctrl+Z and says `input`; where there is none, by hand.
    if (!document.execCommand("insertText", false, apart + text)) {
      field.setRangeText(apart + text, at, at, "end");
      field.dispatchEvent(new Event("input", { bubbles: true }));
    }
    select(field, at);
  }

  // What is left to fill in comes first; otherwise writing goes on behind the text.
  function select(field, from) {
    const gap = GAP.exec(field.value.slice(from));
    if (gap) field.setSelectionRange(from + gap.index, from + gap.index + gap[0].length);
    field.scrollIntoView({ block: "nearest" });
  }

  // A letter that is written part by part takes a block into each: in place of what stood there, or behind it where
  // somebody wrote.
  const placed = new WeakMap();
  function spread(parts, text) {
    const blocks = text.split(/\n\n+/);
    if (blocks.length !== parts.length) return insert(parts.find((part) => visited.has(part)) || parts[0], text);
    parts.forEach((part, at) => {
      const block = part.dataset.heading ? blocks[at].replace(HEADING, "") : blocks[at];
      const untouched = [part.defaultValue, placed.get(part), ""].includes(part.value);
      part.value = untouched ? block : `${part.value}\n${block}`;
      if (untouched) placed.set(part, block);
      part.dispatchEvent(new Event("input", { bubbles: true }));
    });
    const gap = parts.find((part) => GAP.test(part.value)) || parts[0];
    gap.focus();
    select(gap, 0);
  }

  function put(list, text) {
    const field = document.getElementById(list.dataset.texts);
    if (field?.matches("textarea, input")) return insert(field, text);
    const parts = [...list.closest("form").querySelectorAll(`textarea[name^="${list.dataset.name}_"]`)];
    if (parts.length) spread(parts, text);
  }

  function move(button, step) {
    const all = [...button.closest("ul").querySelectorAll("button")];
    all[all.indexOf(button) + step]?.focus();
  }

  // The page itself may have put the focus somewhere: only who types, points or moves has chosen a place.
  for (const sign of ["input", "keyup", "pointerup"]) {
    document.addEventListener(sign, (event) => {
      if (event.key !== "Tab" && event.target.matches?.("textarea, input")) visited.add(event.target);
    });
  }
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-text]");
    if (!button) return;
    const list = button.closest("[data-texts]");
    list.open = false;
    put(list, texts()[button.dataset.text]);
  });
  // Before anybody else: Escape closes the list, not the form that it stands in.
  document.addEventListener("keydown", (event) => {
    const list = event.target.closest?.("[data-texts][open]");
    if (!list) return;
    const button = event.target.closest("[data-text]");
    const steps = { ArrowDown: 1, ArrowUp: -1 };
    if (event.key === "Escape") list.open = false, list.querySelector("summary").focus();
    else if (event.key in steps && button) move(button, steps[event.key]);
    else if (event.key === "ArrowDown") list.querySelector("[data-text]").focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }, true);
})();
