// Asks for the call that rings for this operator, once for all tabs: the clock of a worker is not slowed down in a tab that
// nobody sees. A shared worker where the browser has one, otherwise a worker of each page.
const EVERY = 4000, CALM = 30000, BEAT = 3000, CLAIMED_FOR = 6000; // milliseconds
const NOTHING = { user: null, call: null, strip: "", words: "" };
const ports = new Set(), claims = new Map();
let source = "", language = "", last = NOTHING, timer = 0, asking = false;

const tell = (message) => ports.forEach((port) => port.postMessage(message));

async function ask() {
  clearTimeout(timer);
  if (asking || !source) return;
  asking = true;
  let wait = EVERY;
  try {
    const answer = await fetch(`${source}?said=${last.call ?? ""}`, { cache: "no-store", redirect: "manual", headers: { "Accept-Language": language } });
    if (answer.status === 200) tell({ state: (last = await answer.json()) });
    else if (answer.status !== 204) wait = CALM; // logged out, or the server has too much to do
    if (wait === CALM && last.call) tell({ state: (last = NOTHING) });
  } catch {
    // no connection: what rings goes on ringing, and is asked for again
  }
  asking = false;
  timer = setTimeout(ask, wait);
}

// Of several tabs one does what was claimed, until it claims no more.
function grant(port, name) {
  const claim = claims.get(name), now = Date.now();
  if (claim && claim.port !== port && claim.until > now) return;
  claims.set(name, { port, until: now + CLAIMED_FOR });
  port.postMessage({ granted: name });
}

function hear(port, { from, speaks, claim, leaves }) {
  if (claim) return grant(port, claim);
  if (leaves) return ports.delete(port);
  (source = from), (language = speaks);
  ports.add(port);
  port.postMessage({ state: last });
  ask(); // a page that has just come may have taken the call
}

setInterval(() => last.call && tell({ beat: last.call }), BEAT);
if ("onconnect" in self) self.onconnect = ({ ports: [port] }) => (port.onmessage = ({ data }) => hear(port, data));
else self.onmessage = ({ data }) => hear(self, data);
