// What is wrong with a form is said in the page's language, at the field and in a list above: the browser's own bubbles speak
// the browser's. A form that has `novalidate` from the server gets all of it from there.
(() => {
  const words = document.getElementById("words").dataset;
  const OWN = "[data-own-words]";
  const silence = () => {
    for (const form of document.querySelectorAll("form:not([novalidate])")) (form.noValidate = true), (form.dataset.ownWords = "");
  };

  const sentence = ({ validity, min, max, type }) => {
    if (validity.valueMissing) return ["radio", "checkbox", "select-one"].includes(type) ? words.choose : words.missing;
    if (validity.rangeUnderflow) return words.least.replace("%", min);
    if (validity.rangeOverflow) return words.most.replace("%", max);
    return validity.valid ? "" : words.unreadable;
  };
  const group = (field) => (["radio", "checkbox"].includes(field.type) && field.closest("fieldset")) || field.closest(".field, label, form > div") || field.parentElement;
  const name = (field) => {
    const legend = field.type === "radio" && field.closest("fieldset")?.querySelector("legend");
    const label = legend || field.labels?.[0];
    return (label?.textContent || field.getAttribute("aria-label") || field.placeholder || "").trim().replace(/\s+/g, " ");
  };
  const forget = (field) => {
    const place = group(field), note = place.querySelector(":scope > .mistake");
    if (!note) return;
    note.remove();
    place.classList.remove("has-error");
    for (const element of field.form.elements) {
      if (element.getAttribute("aria-describedby")?.split(" ").includes(note.id)) {
        element.removeAttribute("aria-invalid");
        element.setAttribute("aria-describedby", element.getAttribute("aria-describedby").replace(note.id, "").trim());
      }
    }
  };
  const say = (field, text) => {
    const place = group(field), id = `mistake-${field.id || field.name}`;
    const note = Object.assign(document.createElement("div"), { id, className: "error mistake" });
    note.append(Object.assign(document.createElement("p"), { textContent: text }));
    place.append(note);
    place.classList.add("has-error");
    field.setAttribute("aria-invalid", "true");
    field.setAttribute("aria-describedby", `${field.getAttribute("aria-describedby") || ""} ${id}`.trim());
  };
  const list = (form, wrong) => {
    const box = Object.assign(document.createElement("div"), { className: "alert alert-danger mistakes" });
    box.setAttribute("role", "alert");
    const lines = document.createElement("ul");
    for (const [field, text] of wrong) {
      const link = Object.assign(document.createElement("a"), { href: `#${field.id}`, textContent: name(field) ? `${name(field)}: ${text}` : text });
      link.addEventListener("click", (event) => (event.preventDefault(), field.focus()));
      const line = document.createElement("li");
      line.append(link);
      lines.append(line);
    }
    box.append(Object.assign(document.createElement("p"), { textContent: words.mend }), lines);
    const head = form.querySelector(":scope > :is(h1, h2)");
    head ? head.after(box) : form.prepend(box);
  };

  // Before anybody else: what is not whole is not sent.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches(OWN) || form.method === "dialog" || event.submitter?.formNoValidate) return;
    form.querySelector(":scope > .mistakes")?.remove();
    const seen = new Set(), wrong = [];
    for (const field of form.elements) {
      if (!field.willValidate || field.type === "hidden") continue;
      forget(field);
      const text = sentence(field), key = field.type === "radio" ? field.name : field;
      if (text && !seen.has(key)) seen.add(key), wrong.push([field, text]);
    }
    if (!wrong.length) return;
    event.preventDefault(), event.stopImmediatePropagation();
    wrong.forEach(([field, text]) => say(field, text));
    if (form.querySelector(".field")) list(form, wrong);
    wrong[0][0].focus();
  }, true);
  document.addEventListener("input", ({ target }) => target.form?.matches(OWN) && target.validity?.valid && forget(target));

  document.addEventListener("htmx:after:swap", silence);
  silence();
})();
