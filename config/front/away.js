// Asks until the site answers, then goes on: to the page that was asked for, or back to the form that was sent.
(() => {
  const AGAIN = 1500; // milliseconds
  const form = document.documentElement.dataset.away === "form";
  const goOn = () => (form && history.length > 1 ? history.back() : location.replace(location.href));
  const ask = () =>
    fetch("/healthz", { cache: "no-store" })
      .then((answer) => answer.json())
      .then((parts) => (parts.database.ok && parts.redis.ok ? goOn() : wait()))
      .catch(wait);
  const wait = () => setTimeout(ask, AGAIN);
  document.querySelector("a").addEventListener("click", (event) => (event.preventDefault(), goOn()));
  wait();
})();
