// How long a call has been ringing, or been on the line: data-since="instant" shows minutes and seconds.
(() => {
  const since = (from) => {
    const seconds = Math.max(0, Math.floor((Date.now() - Date.parse(from)) / 1000));
    return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  };
  const tick = () => document.querySelectorAll("[data-since]").forEach((one) => (one.textContent = since(one.dataset.since)));
  setInterval(tick, 1000);
  tick();
})();
