// Asks for the call that rings for this operator. A worker, because its clock is not slowed down in a tab that nobody sees. Of
// several tabs whoever's time has come asks and tells the others, so that they all together ask as often as one.
const EVERY = 4000, CALM = 30000, BEAT = 3000, APART = 400; // milliseconds
const NOTHING = { user: null, call: null, strip: "", words: "" };
const others = new BroadcastChannel("rings");
let source = "", language = "", last = NOTHING, timer = 0, asking = false;

const later = (wait) => (clearTimeout(timer), (timer = setTimeout(ask, wait + Math.random() * APART)));
const take = (state) => postMessage({ state: (last = state) });

async function ask() {
  if (asking || !source) return;
  asking = true;
  let wait = EVERY;
  try {
    const headers = { "Accept-Language": language };
    const answer = await fetch(`${source}?said=${last.call ?? ""}`, { cache: "no-store", redirect: "manual", headers });
    if (answer.status === 200) take(await answer.json());
    else if (answer.status !== 204) (wait = CALM), last.call && take(NOTHING); // logged out, or too much to do
    others.postMessage(last);
  } catch {
    // no connection: what rings goes on ringing, and is asked for again
  }
  asking = false;
  later(wait);
}

others.onmessage = ({ data }) => {
  if (data.call !== last.call || data.user !== last.user) take(data);
  later(EVERY);
};
onmessage = ({ data }) => {
  (source = data.from), (language = data.speaks);
  ask(); // a page that has just come may have taken the call
};
setInterval(() => last.call && postMessage({ beat: last.call }), BEAT);
