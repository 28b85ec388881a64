// Before the first paint, so that a dark screen does not flash white at three in the morning.
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  document.documentElement.dataset.bsTheme = localStorage.getItem("theme") || dark;
})();
