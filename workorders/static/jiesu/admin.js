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
})();
