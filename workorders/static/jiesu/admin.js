// What the administration's theme leaves unnamed for people who do not see it.
(() => {
  const name = (select) => {
    const label = document.querySelector(`label[for="${select.id}"]`), box = select.nextElementSibling;
    if (!label || !box?.matches(".select2-container")) return;
    label.id ||= `${select.id}_label`;
    box.querySelectorAll("[role=combobox], [role=textbox]").forEach((one) => one.setAttribute("aria-labelledby", label.id));
  };
  addEventListener("load", () => {
    const main = document.getElementById("main");
    // The browser's own bubbles speak its language; the server says what is wrong in the page's.
    for (const form of document.forms) form.noValidate = true;
    if (main && !document.querySelector("main, [role=main]")) main.setAttribute("role", "main");
    // The theme makes its boxes when the page is loaded, too.
    setTimeout(() => document.querySelectorAll("select.select2-hidden-accessible").forEach(name));
    // Two scrolling boxes of one name are no landmarks.
    document.querySelectorAll(".simplebar-content-wrapper[role=region]").forEach((one) => one.removeAttribute("role"));
  });

  // A form that is sent after the session is over stays as it is: log in in a new window, and send it again.
  const token = () => document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1];
  const over = (html) => {
    let place = document.getElementById("session-over");
    if (!place) {
      place = Object.assign(document.createElement("div"), { id: "session-over" });
      place.setAttribute("role", "alert");
      document.body.prepend(place);
    }
    place.innerHTML = html;
    place.querySelector("a")?.focus();
  };
  addEventListener("submit", async (event) => {
    const form = event.target, submitter = event.submitter;
    if (form.method !== "post" || form.dataset.asked || form.matches("[hx-post], #login-form")) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (form.dataset.asking) return; // a second press while the first is on its way
    form.dataset.asking = "yes";
    const answer = await fetch("/account/session/", { cache: "no-store" }).catch(() => null);
    delete form.dataset.asking;
    if (answer?.status === 401) return over(await answer.text());
    document.getElementById("session-over")?.remove();
    const field = form.elements.namedItem("csrfmiddlewaretoken");
    if (field && token()) field.value = token();
    form.dataset.asked = "yes";
    form.requestSubmit(submitter);
    setTimeout(() => delete form.dataset.asked);
  }, true);
})();
