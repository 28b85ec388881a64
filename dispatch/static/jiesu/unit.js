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
    let bitmap;
    try {
      bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
    } catch {
      return { file }; // the server says what is wrong with it
    }
    const share = Math.min(1, LONGEST / Math.max(bitmap.width, bitmap.height));
    const known = ["image/jpeg", "image/png", "image/webp"].includes(file.type);
    const thumb = drawn(bitmap, ...[bitmap.width, bitmap.height].map((side) => Math.max(1, Math.round(side * Math.min(1, 192 / Math.max(bitmap.width, bitmap.height))))));
    if (share === 1 && known && file.size <= SMALL) return { file, thumb };
    const canvas = drawn(bitmap, Math.round(bitmap.width * share), Math.round(bitmap.height * share));
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.85));
    if (!blob || (share === 1 && known && blob.size >= file.size)) return { file, thumb };
    return { file: new File([blob], file.name.replace(/\.[^.]*$/, "") + ".jpg", { type: "image/jpeg" }), thumb };
  };

  const pictures = (form, input) => {
    const shots = Object.assign(document.createElement("ul"), { className: "shots" });
    shots.setAttribute("aria-live", "polite");
    const taken = [];
    const sync = () => {
      const transfer = new DataTransfer();
      taken.forEach((one) => transfer.items.add(one.file));
      input.files = transfer.files;
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
      for (const file of files) taken.push(await shrunk(file));
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
    buttons.after(shots);
    form.addPictures = add;
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

  const keep = async (form) => {
    const all = [...new FormData(form)].filter(([name]) => name !== "csrfmiddlewaretoken");
    await put({
      token: form.elements.token.value,
      user: words.user,
      order: words.order,
      action: form.getAttribute("action"),
      label: form.querySelector("[type=submit]").textContent.trim(),
      fields: all.filter(([, value]) => typeof value === "string"),
      files: all.filter(([, value]) => typeof value !== "string" && value.size).map(([, value]) => value),
      at: Date.now(),
      refused: false,
    });
    forget(form);
    if (step.contains(form)) step.replaceChildren();
    begin();
    await tell();
    queue.focus?.();
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

  // done, refused, or later
  const send = async (entry) => {
    let response;
    try {
      response = await fetch(entry.action, { method: "POST", body: body(entry), headers: { "HX-Request": "true", "X-CSRFToken": words.token } });
    } catch {
      return "later";
    }
    const to = response.headers.get("HX-Redirect");
    if (response.status === 401 || to?.includes("/login/")) return "login";
    if (response.ok && to) return "done";
    return response.status >= 500 || response.status === 429 ? "later" : "refused";
  };

  let sending = false;
  const flush = async () => {
    if (sending || !queue) return;
    sending = true;
    let done = 0, outcome = "";
    try {
      for (const entry of (await mine()).filter((one) => !one.refused)) {
        outcome = await send(entry);
        if (outcome === "later" || outcome === "login") break;
        if (outcome === "done") await drop(entry.token), (done += 1);
        else await put({ ...entry, refused: true });
      }
    } finally {
      sending = false;
    }
    await tell(outcome === "login");
    // The page shows an order that has moved on; an open form is left alone.
    if (done && !step?.querySelector("form")) location.assign(location.pathname + (words.order ? "" : location.search));
  };

  const link = (entry) => {
    const to = Object.assign(document.createElement("a"), { textContent: ` ${words.look}: ${entry.label}` });
    to.href = `/unit/${entry.action.split("/")[2]}/?kept=${entry.token}`;
    return to;
  };
  const line = (...parts) => {
    const shown = document.createElement("p");
    shown.append(...parts);
    return shown;
  };
  const tell = async (login = false) => {
    const entries = await mine(), refused = entries.filter((one) => one.refused);
    const waiting = entries.length - refused.length, lines = [];
    if (waiting) lines.push(line(said(words.waiting, waiting)));
    if (waiting && login) lines.push(line(words.login));
    if (refused.length) lines.push(line(said(words.refused, refused.length), ...refused.map(link)));
    queue.replaceChildren(...lines);
    queue.hidden = !lines.length;
  };

  // One that was refused: its form opens again with all that was in it.
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
    await drop(token);
    await tell();
  };

  document.addEventListener("htmx:after:swap", begin);
  document.addEventListener("htmx:error", (event) => {
    const form = event.detail.ctx?.sourceElement;
    if (queue && form?.matches?.("#step form, .thumb-bar form")) keep(form);
  });
  addEventListener("online", flush);
  setInterval(flush, 20000);
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-print]")) print();
    if (event.target.closest(".others a[data-step]")) document.querySelector(".others").open = false;
    if (step && event.target.closest("#step [data-cancel]")) event.preventDefault(), step.replaceChildren(), begin();
  });
  addEventListener("keydown", (event) => {
    const menu = document.querySelector(".others[open]");
    if (event.key === "Escape") menu ? (menu.open = false) : setTimeout(begin);
  });
  begin();
  if (queue) tell().then(reopen).then(flush);
})();
