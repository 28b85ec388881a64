// A field that only one choice needs (`data-when="code=legal_channel"`) is there only while that choice stands.
(() => {
  const chosen = (form, name) => {
    const field = form.elements[name];
    return field instanceof RadioNodeList ? field.value : field?.value;
  };
  const show = (form) => {
    for (const input of form.querySelectorAll("[data-when]")) {
      const [name, value] = input.dataset.when.split("=");
      const needed = chosen(form, name) === value;
      input.closest(".field").hidden = !needed;
      input.closest(".field").querySelector("label")?.classList.toggle("required", needed);
      input.required = needed;
    }
  };
  const all = () => document.querySelectorAll("form:has([data-when])").forEach(show);
  document.addEventListener("change", (event) => event.target.form?.querySelector("[data-when]") && show(event.target.form));
  document.addEventListener("htmx:after:swap", all);
  all();
})();
