// The reception desk: what beside the form is taken into it by one press, a call comes up, and a sending is not lost.
(() => {
  const filing = document.getElementById("filing");
  const form = () => filing.querySelector("form");
  const field = (name) => form().elements.namedItem(name);

  // The token says that it is the same registration, however often it is sent. It lives as long as the draft.
  const TOKEN = "reception:token";
  const fresh = field("token").value;
  if (form().querySelector(".kept")) field("token").value = sessionStorage.getItem(TOKEN) || fresh;
  document.addEventListener("submit", (event) => event.target === form() && sessionStorage.setItem(TOKEN, field("token").value));
  document.addEventListener("draft:discarded", () => (field("token").value = fresh));

  // A call that led to nothing leaves an empty desk. Pressed by mistake, all of it comes back.
  const KEPT = `keep:${document.body.dataset.user}:${form().dataset.keep}`, EMPTIED = `${KEPT}:emptied`;
  const emptied = JSON.parse(sessionStorage.getItem(EMPTIED) || "null"), notice = document.getElementById("emptied");
  sessionStorage.removeItem(EMPTIED);
  notice.hidden = !emptied?.kept;
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-empty]")) return;
    const left = { kept: sessionStorage.getItem(KEPT), token: field("token").value, search: location.search };
    sessionStorage.setItem(EMPTIED, JSON.stringify(left));
    for (const name of [KEPT, TOKEN]) sessionStorage.removeItem(name);
    location.assign(location.pathname);
  });
  notice.querySelector("button").addEventListener("click", () => {
    sessionStorage.setItem(KEPT, emptied.kept);
    sessionStorage.setItem(TOKEN, emptied.token);
    location.assign(location.pathname + emptied.search);
  });

  // What is known of the caller and what stands beside follow the form.
  document.addEventListener("draft:discarded", () => field("phone").dispatchEvent(new Event("change", { bubbles: true })));

  // Enter looks a number up at once. What typing and leaving the field ask for comes later: of the same number, it would
  // only wipe what an act has said since.
  let lookedUp = null;
  document.addEventListener("htmx:config:request", (event) => {
    const { sourceElement, sourceEvent } = event.detail.ctx;
    if (sourceElement.id !== "caller") return;
    const number = field("phone").value;
    if (sourceEvent?.isTrusted && number === lookedUp) return event.preventDefault();
    lookedUp = number;
  });
  document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
    if (ctx?.target === filing) lookedUp = null;
  });

  // data-fill="field=value": a suggestion is taken
  document.addEventListener("click", (event) => {
    const fill = event.target.closest("[data-fill]");
    if (!fill) return;
    const [name, ...value] = fill.dataset.fill.split("="), one = field(name);
    if (!one) return;
    one.value = value.join("=");
    for (const kind of ["input", "change"]) one.dispatchEvent(new CustomEvent(kind, { bubbles: true, detail: "picked" }));
    one.focus();
  });

  // Enter goes on to nothing by accident: sending has its own keys.
  document.addEventListener("keydown", (event) => {
    const one = event.target;
    if (event.key !== "Enter" || event.ctrlKey || event.metaKey || !one.matches("#registration input") || event.defaultPrevented) return;
    event.preventDefault();
    one.dispatchEvent(new Event("change", { bubbles: true }));
  });

  // A call takes the desk only where nothing is on it; otherwise it waits to be opened beside.
  const typed = (one) => (one.type === "checkbox" ? one.checked : one.options ? !one.options[one.selectedIndex].defaultSelected && one.selectedIndex > 0 : one.value);
  const isEmpty = () => ![...form().elements].some((one) => !["hidden", "submit"].includes(one.type) && one.name && !["kind", "channel"].includes(one.name) && typed(one));
  document.addEventListener("call:rings", ({ detail }) => {
    field("phone").setAttribute("aria-keyshortcuts", ""); // the call has the key while it rings
    if (!document.hidden && isEmpty()) detail.take();
  });
  document.addEventListener("call:ends", () => field("phone").setAttribute("aria-keyshortcuts", "F2"));

  // What did not arrive is sent again as soon as the server answers anything.
  let unsent = null, submitter = null;
  document.addEventListener("submit", (event) => event.target === form() && (submitter = event.submitter));
  document.addEventListener("htmx:error", ({ detail: { ctx } }) => {
    if (ctx?.sourceElement === form() && !ctx.response) unsent = { submitter };
  });
  const sendAgain = () => {
    if (!unsent) return;
    const { submitter: button } = unsent;
    unsent = null;
    form().requestSubmit(button?.isConnected ? button : null);
  };
  document.addEventListener("htmx:after:request", ({ detail: { ctx } }) => {
    if (ctx.sourceElement === form()) unsent = null;
    else sendAgain();
  });
  document.addEventListener("connection:back", sendAgain);

  // A refused form comes back from the server without its files: they are put in again, and the first mistake gets the focus.
  let files = null;
  document.addEventListener("htmx:before:swap", ({ detail: { ctx } }) => {
    if (ctx.sourceElement === form()) files = field("files").files;
  });
  document.addEventListener("htmx:after:swap", () => {
    if (!files) return;
    field("files").files = files;
    files = null;
    filing.querySelector(".has-error :is(input, textarea, select)")?.focus();
  });
})();
