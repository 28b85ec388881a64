// The callback desk by keys: a digit answers and moves on, Ctrl+Enter sends and brings the next. Without this file the
// same forms work by mouse and Tab, with both acts under the answers.
(() => {
  const form = document.getElementById("answers");
  if (!form) return;
  const questions = [...form.querySelectorAll("[data-question]")];
  const again = form.querySelector("[data-rework]");
  const reason = form.elements.reason;
  const act = (step) => form.querySelector(`[data-step=${step}]`);
  const words = form.elements.words;
  const chosen = (name) => form.querySelector(`[name=${name}]:checked`);

  // Who is not content is offered a rework first, for the reason that they say themselves, until somebody writes another.
  let composed = "";
  function weigh() {
    const unhappy = ["solved", "satisfied"].some((name) => chosen(name)?.value === "no");
    again.hidden = act("rework").hidden = !unhappy;
    act("close").classList.toggle("btn-primary", !unhappy);
    act("rework").classList.toggle("btn-primary", unhappy);
    act("close").querySelector("kbd").hidden = unhappy;
    words.labels[0].classList.toggle("required", unhappy);
    compose();
  }
  function compose() {
    if (reason.value && reason.value !== composed) return;
    reason.value = composed = words.value.trim() && form.dataset.says + words.value.trim();
  }

  const radios = (question) => [...question.querySelectorAll("input[type=radio]")];
  const answered = (question) => radios(question).some((one) => one.checked);
  const current = () => document.activeElement.closest("[data-question]") || questions.find((one) => !answered(one)) || questions[0];

  function answer(number) {
    const question = current();
    const radio = radios(question)[number - 1];
    if (!radio) return false;
    radio.click();
    after(question, radio).focus();
    return true;
  }
  function after(question, radio) {
    if (!questions.includes(question)) return radio.value === "later" ? radio.form.elements.again_at : radio.form.querySelector("[data-step]");
    const next = questions[questions.indexOf(question) + 1];
    return next ? radios(next).find((one) => one.checked) || radios(next)[0] : form.elements.words;
  }

  function press(key) {
    if (!/^\w$/.test(key)) return false;
    const shown = key === "p" && document.querySelector(".caller [href^='tel:']");
    const control = document.querySelector(`[data-key="${key}"]`) || shown;
    if (!control) return false;
    if (control.matches("[data-question]")) radios(control)[0].focus();
    else control.click();
    return true;
  }

  function send(target) {
    const sent = target.closest?.("#answers, .unreached form") || form;
    (sent.querySelector("button.btn-primary:not([hidden])") || sent.querySelector("button[type=submit]")).click();
  }

  // With an input method on, the key itself says nothing: then its place on the keyboard does.
  const keyOf = ({ key, code }) => (/^\w$/.test(key) ? key : code.replace(/^(Key|Digit|Numpad)(?=.$)/, "")).toLowerCase();

  // Before anybody else: Ctrl+Enter means the primary act here, and only once.
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      event.stopPropagation();
      if (!event.repeat) send(event.target);
      return;
    }
    const typing = event.target.matches("textarea, select, input:not([type=radio])");
    if (event.ctrlKey || event.metaKey || event.altKey || typing || document.querySelector("dialog[open]")) return;
    if (localStorage.getItem("single-keys") === "off") return;
    const key = keyOf(event);
    const done = /^[1-9]$/.test(key) ? answer(Number(key)) : press(key);
    if (done) event.preventDefault();
  }, true);
  form.addEventListener("change", weigh);
  words.addEventListener("input", compose);
  for (const step of ["close", "rework"]) act(step).addEventListener("click", () => (words.required = step === "rework"));
  if (reason.value === form.dataset.says + words.value.trim()) composed = reason.value; // back from a reload
  weigh();
  // What was refused is put right first.
  const wrong = document.querySelector(".call .has-error :is(input, textarea)");
  const first = (questions.find((one) => !answered(one)) || questions[0]).querySelector("input");
  if (wrong) wrong.focus();
  else first.focus({ preventScroll: true });
})();
