// What is typed is kept in this tab until the server has taken it: through a reload, a lost connection, an ended session.
// A draft belongs to who typed it: several people share a seat.
(() => {
  const user = document.body.dataset.user, mine = `keep:${user}:`;
  const LEFT_OUT = ["hidden", "password", "submit", "button", "reset"];
  const key = (form) => mine + form.dataset.keep;
  const fields = (form) => [...form.elements].filter((one) => one.name && !LEFT_OUT.includes(one.type));
  const stored = (name) => JSON.parse(sessionStorage.getItem(name) || "null");

  // [name, value of a choice or place among its namesakes, what stands there]
  const told = (one, place) => {
    if (["checkbox", "radio"].includes(one.type)) return [one.name, one.value, one.checked];
    if (one.type === "file") return [one.name, place, [...one.files].map((file) => file.name)];
    if (one.multiple && one.options) return [one.name, place, [...one.selectedOptions].map((option) => option.value)];
    return [one.name, place, one.value];
  };
  const all = (form) => {
    const seen = {};
    return fields(form).map((one) => told(one, (seen[one.name] = (seen[one.name] ?? -1) + 1)));
  };
  const keep = (form) => sessionStorage.setItem(key(form), JSON.stringify(all(form)));

  const put = (one, value) => {
    if (["checkbox", "radio"].includes(one.type)) one.checked = value;
    else if (one.multiple && one.options) for (const option of one.options) option.selected = value.includes(option.value);
    else one.value = value;
  };
  const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);
  const restore = (form) => {
    const kept = stored(key(form));
    if (!kept || form.querySelector(".has-error, .alert-danger")) return;
    const now = all(form), found = fields(form);
    let files = [], changed = false;
    for (const [name, which, value] of kept) {
      const at = now.findIndex((other) => other[0] === name && other[1] === which);
      if (at < 0 || same(now[at][2], value)) continue;
      if (found[at].type === "file") files = [...files, ...value];
      else put(found[at], value), (changed = true);
    }
    if (changed || files.length) offer(form, files);
  };
  const offer = (form, files) => {
    const notice = document.getElementById("kept").content.cloneNode(true);
    notice.querySelector(".kept-files").hidden = !files.length;
    notice.querySelector(".kept-files b").textContent = files.join(" ");
    form.prepend(notice);
    form.dispatchEvent(new CustomEvent("draft:restored", { bubbles: true }));
  };
  const discard = (form) => {
    sessionStorage.removeItem(key(form));
    form.reset();
    form.querySelector(".kept").remove();
    fields(form)[0]?.focus();
    form.dispatchEvent(new CustomEvent("draft:discarded", { bubbles: true }));
  };

  const ready = () => {
    for (const form of document.querySelectorAll("form[data-keep]:not([data-ready])")) {
      form.dataset.ready = "yes";
      restore(form);
    }
  };
  // A step whose form is not open, with text for it: whoever comes back from the log-in finds it again.
  const remind = () => {
    for (const one of document.querySelectorAll("a[data-step]")) {
      const [, number, name] = one.pathname.match(/\/orders\/(\w+)\/steps\/(\w+)\//) || [];
      const kept = stored(`${mine}${number}/${name}`);
      if (!kept?.some(([, , value]) => value.length)) continue;
      const notice = document.getElementById("unsent").content.cloneNode(true);
      const button = notice.querySelector("button");
      button.textContent = one.textContent.trim();
      button.addEventListener("click", () => (button.parentElement.remove(), one.click()));
      document.getElementById("messages").append(notice);
    }
  };

  for (const kind of ["input", "change"]) {
    document.addEventListener(kind, (event) => {
      const form = event.target.form;
      if (form?.dataset.keep) keep(form);
    });
  }
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-discard]")) discard(event.target.closest("form"));
  });
  document.addEventListener("submit", (event) => {
    if (event.target.dataset.keep) sessionStorage.setItem("sent", key(event.target));
    if (event.target.matches("[data-logs-out]")) forget(user), localStorage.setItem("left", `${user} ${Date.now()}`);
  });
  // Taken: the page that follows the sending says so. Anything else that follows leaves the draft where it is.
  const sent = sessionStorage.getItem("sent");
  if (sent && user) {
    if (document.querySelector("#messages .alert-success")) sessionStorage.removeItem(sent);
    sessionStorage.removeItem("sent");
  }
  const forget = (whose) => {
    for (const name of Object.keys(sessionStorage)) if (name.startsWith(`keep:${whose}:`)) sessionStorage.removeItem(name);
  };
  addEventListener("storage", (event) => event.key === "left" && event.newValue && forget(event.newValue.split(" ")[0]));

  document.addEventListener("htmx:after:swap", ready);
  if (user) ready(), remind();
  else if (document.querySelector("[name=password]")) globalThis.caches?.delete("unit"); // unit_worker.js: of who was logged in
})();
