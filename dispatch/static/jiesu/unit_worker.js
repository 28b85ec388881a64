// The unit desk where there is no network: its pages and the forms of its steps as they were last seen, for one person and one
// shift. The network comes first; what is shown from the store says so (unit.js), and the server checks whatever is sent.
const STORE = "unit", SHIFT = 12 * 60 * 60 * 1000, PATIENCE = 8000; // milliseconds
const FORM = /^\/orders\/\w+\/steps\/(?!reveal)\w+\/$/;
const SAID = /(<div id="messages"[^>]*>)[^]*?(<\/div>\s*<!-- messages -->)/; // what was said then is not said again

const is = {
  page: (url) => url.pathname.startsWith("/unit/"),
  form: (url, request) => FORM.test(url.pathname) && request.headers.has("HX-Request"),
  part: (url) => url.pathname.startsWith("/static/"),
};
// A desk page is looked up with its tab, everything else without what was asked beside it.
const keyOf = (url) => (is.page(url) && url.searchParams.has("tab") ? `${url.pathname}?tab=${url.searchParams.get("tab")}` : url.pathname);

const forget = () => caches.delete(STORE);

// The server says whose a page is, and says nothing where it shows what may not be kept.
async function belongs(response) {
  const whose = response.headers.get("Keep-Offline");
  if (!whose) return false;
  const known = await (await (await caches.open(STORE)).match("/whose"))?.text();
  if (known && known !== whose) await forget();
  if (known !== whose) await (await caches.open(STORE)).put("/whose", new Response(whose));
  return true;
}

async function keep(url, request, response) {
  if (response.type === "opaqueredirect" || response.status === 401) return forget(); // the session is over
  if (response.status === 404) return (await caches.open(STORE)).delete(keyOf(url)); // it has left the unit
  const kept = response.status === 200 && (is.page(url) ? await belongs(response) : true);
  if (!kept) return;
  const headers = new Headers(response.headers);
  headers.set("Kept-At", new Date().toISOString());
  await (await caches.open(STORE)).put(keyOf(url), new Response(await response.blob(), { status: 200, headers }));
}

// Of the desk any tab will do: each leads to what is kept.
async function stored(url) {
  const store = await caches.open(STORE);
  const found = (await store.match(keyOf(url))) || (await store.match(url.pathname, { ignoreSearch: true }));
  const at = found?.headers.get("Kept-At");
  if (!found || Date.now() - Date.parse(at) > SHIFT) return null;
  if (!is.page(url)) return found;
  const page = (await found.text()).replace("<body ", `<body data-kept="${at}" `);
  return new Response(page.replace(SAID, "$1$2"), { headers: found.headers });
}

async function answer(event, url) {
  const asked = fetch(event.request);
  const kept = asked.then((response) => keep(url, event.request, response.clone()));
  event.waitUntil(kept.catch(() => {}));
  const late = new Promise((done) => setTimeout(done, PATIENCE));
  const first = await Promise.race([asked.catch(() => null), late]);
  return first || (await stored(url)) || asked;
}

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== self.location.origin || url.pathname === self.location.pathname) return;
  if (is.page(url) || is.form(url, event.request) || is.part(url)) event.respondWith(answer(event, url));
});
