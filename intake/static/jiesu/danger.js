// What the caller's words say: a made title stands in its field until somebody writes one, danger makes the grade an emergency.
(() => {
  const field = (name) => document.getElementById("registration")?.elements.namedItem(name);
  const EMERGENCY = "emergency";
  let made = "", raised = false;

  const fillTitle = (title) => {
    const input = field("title");
    if (!input || title === undefined || (input.value && input.value !== made)) return;
    if (document.activeElement === input) return; // somebody is writing in it
    input.value = made = title;
  };
  const suggestGrade = (isDanger) => {
    const grade = field("grade");
    if (!grade) return;
    if (isDanger && !raised && !grade.value) grade.value = EMERGENCY;
    else if (!isDanger && raised && grade.value === EMERGENCY) grade.value = "";
    else return;
    raised = isDanger;
  };
  document.addEventListener("htmx:after:swap", () => {
    const watch = document.getElementById("danger");
    if (!watch) return;
    const title = watch.querySelector("#made-title");
    if (title) fillTitle(title.dataset.title);
    suggestGrade(Boolean(watch.querySelector(".danger")));
  });
})();
