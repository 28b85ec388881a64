// The supervisors' dashboard: figures every ten seconds, pictures every minute, and every mark of them a link.
(() => {
  const board = document.getElementById("board");
  if (!board) return;
  const words = board.dataset, FIGURES = 10000, PICTURES = 60000;
  // A unit's supervisor has figures only.
  let data = JSON.parse(document.getElementById("pictures")?.textContent ?? "null");
  const charts = new Map();

  // Okabe and Ito's colours, which colour-blind people tell apart; lines differ by dash and symbol as well.
  const looks = {
    light: { ink: "#16202e", muted: "#586376", line: "#e2e6ec", card: "#ffffff", received: "#0072b2", closed: "#c24e00", before: "#6b7587",
      area: ["#dcebf7", "#8fbfe0", "#3f8fc4", "#0a5a93", "#083b63"], late: ["#fbe9d7", "#f3b98a", "#dd7f3c", "#b34c0b", "#7a2c02"], none: "#f3f5f8" },
    dark: { ink: "#e7ecf3", muted: "#a3afc0", line: "#2b3546", card: "#161d29", received: "#56b4e9", closed: "#f08c4a", before: "#8b97a9",
      area: ["#1c3a55", "#23567f", "#2f78ac", "#56a3d6", "#a6d3f2"], late: ["#3f2a1c", "#70411f", "#a85d22", "#db8440", "#f8c79d"], none: "#1c2432" },
  };
  const isDark = () => document.documentElement.classList.contains("dark");
  const look = () => looks[isDark() ? "dark" : "light"];
  const most = (values) => Math.max(1, ...values);
  // Text on a coloured field: dark on the light half of a scale, light on the dark one.
  const onField = (share) => ((share > 0.6) === isDark() ? "#0b1420" : "#ffffff");
  const family = getComputedStyle(board).fontFamily;
  const text = (colour, size = 12) => ({ color: colour, fontSize: size, fontFamily: family });
  // One of five shades; by the root, so that one giant does not make all others look alike.
  const shade = (value, top) => Math.min(4, Math.floor(5 * Math.sqrt((value - 1) / top)));
  const isSmall = () => board.clientWidth < 560;

  const draw = {
    trend({ days, series }) {
      const c = look(), kinds = { received: ["solid", "circle"], closed: ["solid", "rect"], before: ["dashed", "triangle"] };
      return {
        grid: { left: 34, right: 12, top: 30, bottom: 24 },
        legend: { top: 0, left: 0, itemWidth: 22, textStyle: text(c.muted) },
        tooltip: tip(c, { trigger: "axis" }),
        xAxis: { type: "category", data: days, axisLine: { lineStyle: { color: c.line } }, axisTick: { show: false }, axisLabel: { ...text(c.muted, 11), hideOverlap: true } },
        yAxis: { type: "value", minInterval: 1, splitLine: { lineStyle: { color: c.line } }, axisLabel: text(c.muted, 11) },
        series: series.map(({ id, name, points }) => ({
          id, name, type: "line", data: points, symbol: kinds[id][1], symbolSize: 6, color: c[id], triggerEvent: true,
          lineStyle: { type: kinds[id][0], width: id === "before" ? 1.5 : 2 },
          areaStyle: id === "received" ? { opacity: 0.08 } : undefined,
        })),
      };
    },
    funnel({ stages }) {
      const c = look();
      return {
        tooltip: tip(c, { formatter: ({ data: one }) => `${escape(one.name)}: ${one.value}<br>${escape(one.stay)}` }),
        series: [{
          type: "funnel", sort: "none", gap: 3, left: 4, width: isSmall() ? "38%" : "42%", top: 6, bottom: 6, minSize: "4%",
          data: stages.map((one, at) => ({ ...one, itemStyle: { color: c.area[1 + Math.min(3, Math.floor(at / 2))] } })),
          itemStyle: { borderWidth: 0 }, labelLine: { length: 8, lineStyle: { color: c.line } },
          label: {
            position: "right", ...text(c.ink), lineHeight: 15,
            formatter: ({ data: one }) => `{n|${one.name}}{v|${one.value}}\n{s|${one.stay}}`,
            rich: { n: { ...text(c.ink), fontWeight: 600 }, v: { ...text(c.ink), fontWeight: 600, padding: [0, 0, 0, 8] }, s: text(c.muted, 11) },
          },
        }],
      };
    },
    areas({ districts }) {
      const c = look(), top = most(districts.flatMap((one) => one.children.map((street) => street.value)));
      const street = (one) => {
        const step = shade(one.value, top);
        return { ...one, itemStyle: { color: c.area[step] }, label: { color: onField(step / 4) } };
      };
      return {
        tooltip: tip(c, { formatter: ({ treePathInfo, value }) => `${treePathInfo.slice(1).map((one) => escape(one.name)).join(" · ")}: ${value}` }),
        series: [{
          type: "treemap", data: districts.map((one) => ({ ...one, children: one.children.map(street) })),
          left: 0, right: 0, top: 0, bottom: 0, roam: false, nodeClick: false, breadcrumb: { show: false },
          label: { ...text(c.ink, 11), formatter: "{b} {c}", overflow: "truncate", padding: 3 },
          upperLabel: { show: true, height: 20, ...text(c.ink), fontWeight: 600, formatter: "{b} {c}", overflow: "truncate" },
          levels: [
            { itemStyle: { borderWidth: 0, gapWidth: 3, borderColor: c.card }, upperLabel: { show: false } },
            { itemStyle: { borderWidth: 2, gapWidth: 1, borderColor: c.none, color: c.none }, upperLabel: { show: true } },
            { itemStyle: { borderWidth: 0, gapWidth: 1 }, upperLabel: { show: false } },
          ],
        }],
      };
    },
    lateness({ units, clocks, cells }) {
      const c = look();
      const points = cells.flatMap((row, y) => row.map((one, x) => ({ value: [x, y, one.value], link: one.value ? one.link : "" })));
      const top = most(points.map((one) => one.value[2]));
      return {
        grid: { left: isSmall() ? 92 : 150, right: 4, top: 4, bottom: isSmall() ? 44 : 22 },
        tooltip: tip(c, { formatter: ({ value: [x, y, count] }) => `${escape(units[y])} · ${escape(clocks[x])}: ${count}` }),
        xAxis: { type: "category", data: clocks, axisLine: { show: false }, axisTick: { show: false }, axisLabel: { ...text(c.muted, 11), interval: 0, width: isSmall() ? 40 : 110, overflow: "break" } },
        yAxis: { type: "category", data: units, inverse: true, axisLine: { show: false }, axisTick: { show: false }, axisLabel: { ...text(c.ink, 11), width: isSmall() ? 86 : 142, overflow: "truncate" } },
        series: [{
          type: "heatmap", label: { show: true, fontSize: 12 },
          data: points.map((one) => {
            const step = one.value[2] ? shade(one.value[2], top) : -1;
            return { ...one, cursor: one.link ? "pointer" : "default", itemStyle: { color: step < 0 ? c.none : c.late[step], borderColor: c.card, borderWidth: 2, borderRadius: 3 }, label: { color: step < 0 ? c.muted : onField(step / 4) } };
          }),
        }],
      };
    },
    categories({ bars }) {
      const c = look();
      return {
        grid: { left: isSmall() ? 118 : 168, right: 36, top: 4, bottom: 6 },
        tooltip: tip(c, { formatter: ({ name, value }) => `${escape(name)}: ${value}` }),
        xAxis: { type: "value", show: false },
        yAxis: { type: "category", inverse: true, data: bars.map((one) => one.name), axisLine: { show: false }, axisTick: { show: false }, axisLabel: { ...text(c.ink), width: isSmall() ? 110 : 158, overflow: "truncate" } },
        series: [{ type: "bar", data: bars, barMaxWidth: 18, color: c.received, itemStyle: { borderRadius: [0, 3, 3, 0] }, label: { show: true, position: "right", ...text(c.ink) } }],
      };
    },
  };

  const escape = (words) => String(words).replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
  const tip = (c, more) => ({ backgroundColor: c.card, borderColor: c.line, textStyle: text(c.ink), confine: true, ...more });
  const isEmpty = (picture) => !picture.table.rows.some((row) => row.some((cell) => cell.value));

  const paint = (place) => {
    const name = place.dataset.picture, title = place.closest("section").querySelector("h2").textContent;
    let chart = charts.get(name);
    if (isEmpty(data[name])) {
      chart?.dispose(), charts.delete(name);
      place.innerHTML = `<p class="picture-empty">${escape(words.empty)}</p>`;
      return;
    }
    if (!chart) {
      place.replaceChildren();
      charts.set(name, (chart = echarts.init(place, null, { renderer: "svg" })));
      chart.on("click", ({ data: mark }) => mark?.link && location.assign(mark.link));
    }
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    chart.setOption({ animation: !still, animationDuration: 300, aria: { enabled: true, label: { description: title } }, ...draw[name](data[name]) }, true);
  };

  // The same numbers as a table: for who cannot see the picture, and for keyboards.
  const cellOf = (cell, tag) => {
    const found = document.createElement(tag);
    if (cell.link && cell.value) {
      const link = document.createElement("a");
      link.href = cell.link, link.textContent = cell.value, found.append(link);
    } else found.textContent = cell.text ?? cell.value;
    return found;
  };
  const rowOf = (cells, head) => {
    const row = document.createElement("tr");
    row.append(...cells.map((cell, at) => cellOf(cell, head || !at ? "th" : "td")));
    row.querySelectorAll("th").forEach((one) => (one.scope = head ? "col" : "row"));
    return row;
  };
  const tabulate = (place) => {
    const section = place.closest("section"), { head, rows } = data[place.dataset.picture].table;
    let details = section.querySelector("details");
    if (!details) {
      details = document.createElement("details");
      details.innerHTML = `<summary>${escape(words.numbers)}</summary><div class="board-scroll" tabindex="0" role="group"><table class="board-table"><thead></thead><tbody></tbody></table></div>`;
      details.querySelector("[role=group]").setAttribute("aria-label", section.querySelector("h2").textContent);
      section.append(details);
    }
    details.querySelector("thead").replaceChildren(rowOf(head.map((words) => ({ text: words })), true));
    details.querySelector("tbody").replaceChildren(...rows.map((cells) => rowOf(cells, false)));
  };

  const places = [...board.querySelectorAll("[data-picture]")];
  const show = () => places.forEach((place) => (paint(place), details(place) || tabulate(place)));
  // A table that somebody reads by keyboard is left alone until they leave it.
  const details = (place) => place.closest("section").querySelector("details")?.contains(document.activeElement);

  const lost = document.getElementById("board-lost");
  const connected = (yes) => ((lost.hidden = yes), board.classList.toggle("stale", !yes));
  const ask = async (address) => {
    const answer = await fetch(address, { headers: unattended(), signal: AbortSignal.timeout(8000) });
    // The session is over, or the role is gone: the page itself knows what to say.
    if (answer.redirected || answer.status === 403) location.reload();
    if (!answer.ok || answer.redirected) throw new Error(answer.status);
    return answer;
  };
  const refresh = {
    async figures() {
      const fresh = await (await ask(words.figures)).text(), figures = document.getElementById("figures");
      const held = figures.contains(document.activeElement) && document.activeElement.getAttribute("href");
      figures.innerHTML = fresh;
      if (held) [...figures.querySelectorAll("a")].find((link) => link.getAttribute("href") === held)?.focus();
    },
    async pictures() {
      data = await (await ask(words.pictures)).json();
      show();
    },
  };
  const due = { figures: Date.now() + FIGURES, ...(data && { pictures: Date.now() + PICTURES }) };
  const every = { figures: FIGURES, pictures: PICTURES };
  let busy = false;
  const lookAgain = async () => {
    if (document.hidden || busy) return;
    busy = true;
    for (const what of Object.keys(due).filter((one) => due[one] <= Date.now())) {
      due[what] = Date.now() + every[what];
      await refresh[what]().then(() => connected(true), () => connected(false));
    }
    busy = false;
  };

  show();
  setInterval(lookAgain, 1000);
  document.addEventListener("visibilitychange", lookAgain);
  new MutationObserver(show).observe(document.documentElement, { attributeFilter: ["class"] });
  new ResizeObserver(() => charts.forEach((chart) => chart.resize())).observe(board);
})();
