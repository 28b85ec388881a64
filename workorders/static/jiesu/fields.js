// Said before it is sent: a text that grows too long, a file that is too large.
(() => {
  const words = document.getElementById("words").dataset;
  const NEAR = 0.9;

  // As the server counts: characters, not halves of them, and a line's end is sent as two.
  const length = (text) => [...text.replace(/\r?\n/g, "\r\n")].length;
  // The browser would cut off silently what was pasted beyond the limit.
  const limit = (field) => {
    if (field.maxLength > 0) field.dataset.limit = field.maxLength, field.removeAttribute("maxlength");
    return Number(field.dataset.limit) || 0;
  };
  const line = (field, name) => {
    const id = `${field.id}_${name}`;
    const found = document.getElementById(id) || Object.assign(document.createElement("small"), { id, className: name });
    if (!found.isConnected) {
      found.setAttribute("role", "status");
      field.after(found);
      field.setAttribute("aria-describedby", `${field.getAttribute("aria-describedby") || ""} ${id}`.trim());
    }
    return found;
  };
  const count = (field) => {
    const most = limit(field);
    if (!most || !field.id) return;
    const left = most - length(field.value);
    if (left > most * (1 - NEAR) && !document.getElementById(`${field.id}_counter`)) return;
    const shown = line(field, "counter");
    shown.textContent = left > most * (1 - NEAR) ? "" : (left < 0 ? words.over : words.left).replace("%", Math.abs(left));
    shown.classList.toggle("error", left < 0);
  };
  for (const kind of ["focusin", "input"]) {
    document.addEventListener(kind, (event) => event.target.matches("textarea, .field input[type=text]") && count(event.target));
  }

  document.addEventListener("change", (event) => {
    const field = event.target, most = Number(field.dataset?.maxBytes);
    if (field.type !== "file" || !most) return;
    const taken = new DataTransfer(), left = [];
    for (const file of field.files) file.size > most ? left.push(file.name) : taken.items.add(file);
    if (left.length) field.files = taken.files;
    const shown = line(field, "refused");
    shown.classList.toggle("error", left.length > 0);
    shown.textContent = left.map((name) => field.dataset.tooLarge.replace("%", name)).join(" ");
  }, true);

  // data-into="name": what is said here becomes that field's text, until somebody writes another one there.
  document.addEventListener("input", ({ target }) => {
    const other = target.dataset?.into && target.form?.elements[target.dataset.into];
    if (!other || (other.value && other.value !== target.dataset.composed)) return;
    other.value = target.dataset.composed = target.value.trim() && target.dataset.says + target.value.trim();
    other.dispatchEvent(new Event("input", { bubbles: true }));
  });
})();
