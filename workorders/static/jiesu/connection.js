// A lost connection, a slow answer, a failed server and an ended session are shown, lose nothing, and go away by themselves.
(() => {
  const bar = (name) => document.getElementById(name);
  const words = bar("words").dataset;
  const PATIENCE = 400, AGAIN = 3000, SHOWN = 6000; // milliseconds

  // The connection
  let asking = null;
  const lost = () => {
    bar("offline").textContent = bar("offline").dataset.words;
    bar("online").textContent = "";
    asking ??= setInterval(ask, AGAIN);
  };
  const back = () => {
    if (!asking) return;
    clearInterval(asking);
    asking = null;
    bar("offline").textContent = "";
    bar("online").textContent = bar("online").dataset.words;
    setTimeout(() => (bar("online").textContent = ""), SHOWN);
    document.dispatchEvent(new CustomEvent("connection:back"));
    document.querySelectorAll("[data-pauses]").forEach((one) => htmx.trigger(one, "look"));
  };
  // Any answer will do: what does not answer throws.
  const ask = () => fetch("/healthz", { cache: "no-store" }).then(back, () => {});
  addEventListener("offline", lost);
  addEventListener("online", ask);
  document.addEventListener("htmx:error", (event) => {
    const { ctx } = event.detail;
    if (ctx && !ctx.response) lost();
  });
  document.addEventListener("htmx:after:request", (event) => {
    if (event.detail.ctx.response.headers.has("Kept-At")) return; // from the store of this phone
    back();
    if (event.detail.ctx.response.status < 400) bar("logged-out").replaceChildren(), (bar("failed").textContent = "");
  });

  // A slow answer
  const slow = new Map();
  const wait = (form, what) => {
    if (slow.has(what)) return;
    slow.set(what, setTimeout(() => ((bar("progress").hidden = false), form?.setAttribute("aria-busy", "true")), PATIENCE));
  };
  const done = (form, what) => {
    clearTimeout(slow.get(what));
    slow.delete(what);
    form?.removeAttribute("aria-busy");
    if (!slow.size) bar("progress").hidden = true;
  };
  const polls = (ctx) => /every/.test(ctx.sourceElement.getAttribute("hx-trigger"));
  document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => polls(ctx) || wait(ctx.sourceElement, ctx));
  document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
    if (!ctx.keepIndicators) done(ctx.sourceElement, ctx), delete ctx.sourceElement.dataset.sending;
  });

  // What the server, or something before it, could not do: a message beside the form, which stays as it is.
  const said = ({ status, headers }) => {
    const number = headers.get("X-Request-Id") || `${status} ${new Date().toLocaleTimeString()}`;
    if (status === 413) return words.tooLarge;
    return [429, 502, 503, 504].includes(status) ? words.busy : `${words.failed} ${number}`;
  };
  document.addEventListener("htmx:before:swap", (event) => {
    const { ctx } = event.detail, { status } = ctx.response;
    if (status < 500 && ![413, 429].includes(status)) return;
    event.preventDefault();
    if (polls(ctx)) return;
    const form = ctx.sourceElement.closest("form");
    let place = form?.querySelector(":scope > .failed");
    if (form && !place) {
      place = Object.assign(document.createElement("p"), { className: "alert alert-danger failed" });
      place.setAttribute("role", "alert");
      form.prepend(place);
    }
    (place || bar("failed")).textContent = said(ctx.response);
    place?.scrollIntoView({ block: "nearest" });
  });

  // The one that holds now, for every script that sends: it changes with every log-in, also in another tab.
  const token = () => document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1] || document.querySelector("[name=csrfmiddlewaretoken]")?.value;
  globalThis.csrfToken = token;

  // Sent once: a second press while the first is on its way does nothing.
  document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
    if (polls(ctx)) Object.assign(ctx.request.headers, globalThis.unattended());
    const { body } = ctx.request;
    if (token() && body?.has?.("csrfmiddlewaretoken")) body.set("csrfmiddlewaretoken", token());
  });
  document.addEventListener("submit", (event) => {
    const form = event.target, field = form.elements.namedItem("csrfmiddlewaretoken");
    if (form.dataset.sending) return event.preventDefault(), event.stopImmediatePropagation();
    if (!field) return;
    if (token()) field.value = token();
    form.dataset.sending = "yes";
    if (form.matches("[hx-post]")) return;
    if (!navigator.onLine) return event.preventDefault(), delete form.dataset.sending, lost();
    wait(form, form);
  }, true);
  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("[data-sending]")) delete form.dataset.sending, done(form, form);
  });
})();
