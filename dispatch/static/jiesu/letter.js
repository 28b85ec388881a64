// The structured reply: a preview that goes along with the typing, and what each kind of reply has to say.
(() => {
  // As replies.py finds them.
  const LEFT = /【(?!\d+】)(?![^【】]*\d+\]?号)[^【】]*】|\{\{.*?\}\}|\{%.*?%\}|(?<![A-Za-z0-9Xx×])[Xx×]{2,}(?![A-Za-z0-9])|[_＿]{2,}|请填写|请在此填写|此处填写|待填写|待填|(?<![A-Za-z])(?:TODO|TBD)(?![A-Za-z])/gis;

  const lines = (text) => text.split(/\r?\n/).map((line) => line.trimEnd()).filter(Boolean).join("\n").trim();

  const preview = (letter) => {
    const shown = letter.querySelector("output");
    const parts = [...letter.querySelectorAll("textarea")].map((area) => {
      const said = lines(area.value);
      return area.dataset.heading ? `${area.dataset.heading}\n${said}` : said;
    });
    const text = parts.join("\n\n"), nodes = [];
    let from = 0;
    for (const found of text.matchAll(LEFT)) {
      const mark = document.createElement("mark");
      mark.textContent = found[0];
      nodes.push(text.slice(from, found.index), mark);
      from = found.index + found[0].length;
    }
    shown.replaceChildren(...nodes, text.slice(from));
    shown.hidden = false;
  };

  // What nobody has changed yet makes room for what the other kind has to say.
  const change = (letter, kind) => {
    const skeletons = JSON.parse(letter.dataset.skeletons);
    for (const [section, text] of Object.entries(skeletons[kind])) {
      const area = letter.querySelector(`[name="${letter.dataset.letter}_${section}"]`);
      const untouched = Object.values(skeletons).some((one) => lines(one[section] || "") === lines(area.value));
      if (untouched || !area.value.trim()) area.value = text;
    }
    preview(letter);
  };

  const begin = () => {
    for (const letter of document.querySelectorAll("[data-letter]:not([data-ready])")) {
      letter.dataset.ready = "yes";
      letter.querySelector(".kind").hidden = false;
      letter.addEventListener("input", (event) => event.target.matches("textarea") && preview(letter));
      letter.querySelector("select").addEventListener("change", (event) => change(letter, event.target.value));
      setTimeout(() => preview(letter)); // after what was kept has come back
    }
  };
  document.addEventListener("htmx:after:swap", begin);
  begin();
})();
