// The unit desk on a phone: pictures, the place, and forms that wait for the network. Everything works without it.
(() => {
  const queue = document.getElementById("queue");
  const words = queue?.dataset ?? {};
  const step = document.getElementById("step");
  const said = (text, what) => text.replace("%", what);

  // What a form needs on a phone, once a form.
  const random = () => [...crypto.getRandomValues(new Uint8Array(16))].map((one) => one.toString(16).padStart(2, "0")).join("");
  const begin = () => {
    document.body.classList.toggle("has-form", Boolean(step?.querySelector("form")));
    for (const form of document.querySelectorAll("#step form, .thumb-bar form")) {
      if (form.elements.token) continue;
      const token = Object.assign(document.createElement("input"), { type: "hidden", name: "token", value: random() });
      form.append(token);
      const files = form.querySelector("input[type=file][name=files]");
      if (files) pictures(form, files);
      const place = form.querySelector("input[name=place]");
      if (place && navigator.geolocation) locate(place);
    }
  };

  // Pictures: shrunk before they are sent, shown with their size.
  const LONGEST = 1920, SMALL = 500 * 1024;
  const size = (bytes) => (bytes < 1024 * 1024 ? `${Math.ceil(bytes / 1024)} KB` : `${(bytes / 1024 / 1024).toFixed(1)} MB`);

  const drawn = (bitmap, width, height) => {
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    canvas.getContext("2d").drawImage(bitmap, 0, 0, width, height);
    return canvas;
  };
  // The bitmap stands upright already: the camera's orientation is applied when it is read.
  const shrunk = async (file) => {
    if (!file.type.startsWith("image/")) return { file };
    const bitmap = await createImageBitmap(file, { imageOrientation: "from-image" }).catch(() => null);
    if (!bitmap) return { file, wrong: words.unreadable };
    const share = Math.min(1, LONGEST / Math.max(bitmap.width, bitmap.height));
    const known = ["image/jpeg", "image/png", "image/webp"].includes(file.type);
    const thumb = drawn(bitmap, ...[bitmap.width, bitmap.height].map((side) => Math.max(1, Math.round(side * Math.min(1, 192 / Math.max(bitmap.width, bitmap.height))))));
    if (share === 1 && known && file.size <= SMALL) return { file, thumb };
    const canvas = drawn(bitmap, Math.round(bitmap.width * share), Math.round(bitmap.height * share));
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.85));
    if (!blob || (share === 1 && known && blob.size >= file.size)) return { file, thumb };
    return { file: new File([blob], file.name.replace(/\.[^.]*$/, "") + ".jpg", { type: "image/jpeg" }), thumb };
  };

  // What was taken is taken again by the form that comes back with something to mend.
  let held = null;
  const pictures = (form, input) => {
    const action = form.getAttribute("action"), most = Number(input.dataset.maxBytes);
    const refused = Object.assign(document.createElement("p"), { className: "error" });
    refused.setAttribute("role", "alert");
    const shots = Object.assign(document.createElement("ul"), { className: "shots" });
    shots.setAttribute("aria-live", "polite");
    const taken = [];
    const sync = () => {
      const transfer = new DataTransfer();
      taken.forEach((one) => transfer.items.add(one.file));
      input.files = transfer.files;
      held = { action, files: taken.map((one) => one.file) };
      shots.replaceChildren(...taken.map(shown));
    };
    const shown = (one) => {
      const item = Object.assign(document.createElement("li"), { className: "shot" });
      const remove = Object.assign(document.createElement("button"), { type: "button", className: "btn btn-sm", textContent: "×" });
      remove.setAttribute("aria-label", said(words.remove, one.file.name));
      remove.onclick = () => (taken.splice(taken.indexOf(one), 1), sync());
      if (one.thumb) one.thumb.setAttribute("aria-hidden", "true"), item.append(one.thumb);
      item.append(Object.assign(document.createElement("span"), { textContent: `${one.file.name} · ${size(one.file.size)}` }), remove);
      return item;
    };
    const add = async (files) => {
      const send = form.querySelector("[type=submit]");
      send.disabled = true;
      const wrong = [];
      for (const file of files) {
        const one = await shrunk(file);
        const problem = one.wrong || (one.file.size > most && input.dataset.tooLarge);
        problem ? wrong.push(said(problem, file.name)) : taken.push(one);
      }
      refused.textContent = wrong.join(" ");
      send.disabled = false;
      sync();
    };
    input.addEventListener("change", () => add([...input.files]));
    const camera = Object.assign(document.createElement("input"), { type: "file", accept: "image/*", multiple: true, className: "snug" });
    camera.setAttribute("capture", "environment");
    camera.addEventListener("change", () => (add([...camera.files]), (camera.value = "")));
    const label = Object.assign(document.createElement("label"), { className: "btn camera", textContent: words.camera });
    label.append(camera);
    const buttons = Object.assign(document.createElement("div"), { className: "file-buttons" });
    input.before(buttons);
    buttons.append(label, input);
    buttons.after(refused, shots);
    form.addPictures = add;
    if (held?.action === action) add(held.files);
  };

  // The place, from the phone if it may tell.
  const locate = (place) => {
    const button = Object.assign(document.createElement("button"), { type: "button", className: "btn from-phone", textContent: words.place });
    place.after(button);
    button.onclick = () => {
      button.textContent = words.searching;
      navigator.geolocation.getCurrentPosition(
        ({ coords }) => {
          const here = `${coords.latitude.toFixed(5)},${coords.longitude.toFixed(5)} ±${Math.round(coords.accuracy)} m`;
          place.value = place.value ? `${place.value} (${here})` : here;
          place.dispatchEvent(new Event("input", { bubbles: true }));
          button.textContent = words.place;
        },
        () => (button.textContent = words.noplace),
        { enableHighAccuracy: true, timeout: 15000, maximumAge: 60000 },
      );
    };
  };

  // Forms that could not be sent are kept in this browser, and go out by themselves when they can. The token in each makes
  // the server do it once, however often it comes.
  const store = (mode, act) =>
    new Promise((resolve, reject) => {
      const opened = indexedDB.open("jiesu-unit", 1);
      opened.onupgradeneeded = () => opened.result.createObjectStore("queue", { keyPath: "token" });
      opened.onerror = () => reject(opened.error);
      opened.onsuccess = () => {
        const asked = act(opened.result.transaction("queue", mode).objectStore("queue"));
        asked.onsuccess = () => (opened.result.close(), resolve(asked.result));
        asked.onerror = () => (opened.result.close(), reject(asked.error));
      };
    });
  const put = (entry) => store("readwrite", (rows) => rows.put(entry));
  const drop = (token) => store("readwrite", (rows) => rows.delete(token));
  const mine = async () => (await store("readonly", (rows) => rows.getAll())).filter((one) => one.user === words.user).sort((a, b) => a.at - b.at);

  // The moment itself, where the form asks for it: it is sent later.
  const stamp = ({ when }) => {
    if (when && !when.value) when.value = new Date(Date.now() - new Date().getTimezoneOffset() * 60000).toISOString().slice(0, 16);
  };

  const keep = async (form) => {
    stamp(form.elements);
    const all = [...new FormData(form)].filter(([name]) => name !== "csrfmiddlewaretoken");
    const entry = {
      token: form.elements.token.value,
      user: words.user,
      order: words.order,
      action: form.getAttribute("action"),
      label: form.querySelector("[type=submit]").textContent.trim(),
      fields: all.filter(([, value]) => typeof value === "string"),
      files: all.filter(([, value]) => typeof value !== "string" && value.size).map(([, value]) => value),
      at: Date.now(),
      refused: false,
    };
    try {
      await put(entry);
    } catch {
      return queue.replaceChildren(line(words.full)), (queue.hidden = false); // the form stays as it is
    }
    if (reopened) await drop(reopened), (reopened = "");
    forget(form);
    held = null;
    if (step.contains(form)) step.replaceChildren();
    begin();
    await tell();
    queue.scrollIntoView({ block: "center" });
    queue.focus({ preventScroll: true });
  };

  // The draft of the tab has done its work.
  const forget = (form) => {
    const drafts = Object.keys(sessionStorage).filter((name) => name.startsWith("keep:") && form.dataset.keep && name.endsWith(form.dataset.keep));
    [...drafts, "sent"].forEach((name) => sessionStorage.removeItem(name));
  };

  const body = (entry) => {
    const data = new FormData();
    entry.fields.forEach(([name, value]) => data.append(name, value));
    entry.files.forEach((file) => data.append("files", file, file.name));
    return data;
  };

  // done, refused, login or later; and as which version the order stands after it
  const send = async (entry) => {
    let response;
    try {
      response = await fetch(entry.action, { method: "POST", body: body(entry), headers: { "HX-Request": "true", "X-CSRFToken": csrfToken() } });
    } catch {
      return ["later"];
    }
    const to = response.headers.get("HX-Redirect");
    if (response.status === 401 || to?.includes("/login/")) return ["login"];
    if (response.ok && to) return ["done", Number(response.headers.get("Order-Version"))];
    return [response.status >= 500 || response.status === 429 ? "later" : "refused"];
  };

  // What was written after it and for the same order is not stale by one's own step; by anybody else's it is.
  const field = (entry, name) => entry.fields.find(([one]) => one === name);
  const follow = async (sent, version) => {
    const seen = field(sent, "version")?.[1];
    if (version !== Number(seen) + 1) return;
    const others = (await mine()).filter((one) => one.order === sent.order && field(one, "version")?.[1] === seen);
    for (const one of others) (field(one, "version")[1] = String(version)), await put(one);
  };

  // One tab sends: two would only be in each other's way.
  const alone = (act) => (navigator.locks ? navigator.locks.request("jiesu-unit", { ifAvailable: true }, (lock) => lock && act()) : act());
  const sendAll = async () => {
    let done = 0, outcome = "", version, entry;
    while ((entry = (await mine()).find((one) => !one.refused))) {
      [outcome, version] = await send(entry);
      if (outcome === "later" || outcome === "login") break;
      if (outcome === "done") await drop(entry.token), await follow(entry, version), (done += 1);
      else await put({ ...entry, refused: true });
    }
    return { done, outcome };
  };

  let sending = false;
  const flush = async () => {
    if (sending || !queue) return;
    sending = true;
    let done = 0, outcome = "";
    try {
      ({ done = 0, outcome = "" } = (await alone(sendAll)) || {});
    } finally {
      sending = false;
    }
    await tell(outcome === "login");
    // The page shows an order that has moved on; an open form is left alone.
    if (done && !step?.querySelector("form")) location.assign(location.pathname + (words.order ? "" : location.search));
  };

  const anchor = (href, textContent) => Object.assign(document.createElement("a"), { href, textContent });
  const link = (entry) => anchor(`/unit/${entry.action.split("/")[2]}/?kept=${entry.token}`, ` ${words.look}: ${entry.label}`);
  // What cannot be sent any more, because the order has left the unit, can still be read, saved and thrown away.
  const LEFT_OUT = ["version", "seen", "next", "token"];
  const content = (entry) => {
    const shown = document.createElement("details"), summary = document.createElement("summary");
    summary.textContent = words.written.replace("%", entry.label);
    const texts = entry.fields.filter(([name, value]) => value && !LEFT_OUT.includes(name)).map(([, value]) => line(value));
    const files = entry.files.map((file) => Object.assign(anchor(URL.createObjectURL(file), file.name), { download: file.name }));
    const away = Object.assign(document.createElement("button"), { type: "button", className: "btn btn-sm", textContent: words.away });
    away.onclick = () => drop(entry.token).then(() => tell());
    shown.append(summary, ...texts, ...files.map((one) => line(one)), away);
    return shown;
  };
  const line = (...parts) => {
    const shown = document.createElement("p");
    shown.append(...parts);
    return shown;
  };
  // A page from the store of this phone says so, and from when it is.
  const state = document.body.dataset.kept ? said(words.asOf, new Date(document.body.dataset.kept).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })) : "";
  let reopened = "";
  const tell = async (login = false) => {
    const entries = (await mine()).filter((one) => one.token !== reopened), refused = entries.filter((one) => one.refused);
    const waiting = entries.length - refused.length, lines = [];
    if (waiting) lines.push(line(said(words.waiting, waiting)));
    if (waiting && login) lines.push(line(words.login, " ", anchor(`${words.loginAt}?next=${encodeURIComponent(location.pathname)}`, words.loginNow)));
    if (refused.length) lines.push(line(said(words.refused, refused.length), ...refused.map(link)), ...refused.map(content));
    if (state) lines.unshift(line(state));
    queue.replaceChildren(...lines);
    queue.hidden = !lines.length;
  };

  // One that was refused: its form opens again with all that was in it, and it is kept until that form has been sent.
  const reopen = async () => {
    const token = new URLSearchParams(location.search).get("kept");
    const entry = token && (await mine()).find((one) => one.token === token);
    if (!entry || !window.htmx) return;
    await window.htmx.ajax("GET", `${entry.action}?next=${encodeURIComponent(location.pathname)}`, { target: "#step" });
    const form = step.querySelector("form");
    if (!form) return;
    begin();
    for (const [name, value] of entry.fields) {
      if (["version", "token", "next"].includes(name)) continue;
      const one = form.elements[name];
      if (one instanceof RadioNodeList) one.value = value;
      else if (one) one.value = value, one.dispatchEvent(new Event("input", { bubbles: true }));
    }
    await form.addPictures?.(entry.files);
    reopened = token;
    await tell();
  };

  // The desk's own pages and the forms for on site stay at hand where there is no network: see unit_worker.js.
  const ON_SITE = ["contact", "arrive", "progress", "co_report", "report"], FIRST = 10;
  const preload = async () => {
    const worker = navigator.serviceWorker;
    if (!worker || !navigator.onLine || document.body.dataset.kept) return;
    const late = !worker.controller, began = worker.controller || new Promise((done) => worker.addEventListener("controllerchange", done, { once: true }));
    await worker.register(words.worker);
    await began;
    const parts = [...document.querySelectorAll("link[rel=stylesheet], script[src]")].map((one) => one.href || one.src);
    if (late) for (const part of [location.href, ...parts]) await fetch(part);
    for (const { href, pathname } of [...document.querySelectorAll(".unit-card .open")].slice(0, FIRST)) {
      if (!(await caches.match(pathname))) await fetch(href);
    }
    for (const one of document.querySelectorAll("a[data-step]")) {
      if (ON_SITE.includes(one.dataset.step)) await fetch(one.getAttribute("hx-get"), { headers: { "HX-Request": "true" } });
    }
  };

  document.addEventListener("htmx:after:swap", begin);
  document.addEventListener("htmx:error", (event) => {
    const form = event.detail.ctx?.sourceElement;
    // A look at the number is put into the ledger when it is shown: one that nobody sees is not sent later.
    if (queue && form?.matches?.("#step form, .thumb-bar form") && !form.action.includes("/reveal/")) keep(form);
  });
  const refresh = async () => {
    if (!document.body.dataset.kept || step?.querySelector("form")) return;
    if (await fetch("/healthz", { cache: "no-store" }).catch(() => null)) location.reload();
  };
  const again = () => flush().then(refresh);
  addEventListener("online", again);
  setInterval(again, 20000);
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-print]")) print();
    if (event.target.closest(".others a[data-step]")) document.querySelector(".others").open = false;
    if (step && event.target.closest("#step [data-cancel]")) event.preventDefault(), step.replaceChildren(), (held = null), (reopened = ""), begin(), tell();
  });
  document.addEventListener("htmx:after:request", ({ detail: { ctx } }) => {
    const sent = reopened && ctx.sourceElement.matches("#step form") && ctx.response.headers.has("HX-Redirect");
    if (sent) sessionStorage.setItem("resent", reopened); // the page goes on at once: thrown away by the next one
  });
  const discardSent = async () => {
    const sent = sessionStorage.getItem("resent");
    if (sent) await drop(sent), sessionStorage.removeItem("resent");
  };
  addEventListener("keydown", (event) => {
    const menu = document.querySelector(".others[open]");
    if (event.key === "Escape") menu ? (menu.open = false) : setTimeout(begin);
  });
  begin();
  if (queue) discardSent().then(() => tell()).then(reopen).then(flush).then(preload);
})();
