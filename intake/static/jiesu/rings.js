// A call rings on every page of who takes calls: a strip above everything, a sound, a notification, the title. F2 takes it.
(() => {
  // How long a call has been ringing, or been on the line: data-since="instant" shows minutes and seconds.
  const since = (from) => {
    const seconds = Math.max(0, Math.floor((Date.now() - Date.parse(from)) / 1000));
    return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  };
  const tick = () => document.querySelectorAll("[data-since]").forEach((element) => (element.textContent = since(element.dataset.since)));
  setInterval(tick, 1000);
  tick();

  const strip = document.getElementById("ringing");
  if (!strip) return;
  const BLINK = 600; // milliseconds in which a page that has the focus says so
  const { user, source, worker, sign } = strip.dataset;
  let call = null, words = "";

  const asker = new Worker(worker);
  const hello = () => asker.postMessage({ from: source, speaks: document.documentElement.lang });
  asker.onmessage = ({ data }) => {
    if (data.state) show(data.state);
    if (data.beat && data.beat === call) beat();
  };

  // What only one of several tabs is to do it claims, and holds until the call ends or the tab closes. Where the site has no
  // TLS a browser has no locks: there a note in its store has to do.
  const own = new Set(), HELD_FOR = 6000; // milliseconds
  const tab = Math.random().toString(36).slice(2);
  let release = () => {}, ended = Promise.resolve();
  const note = (name) => {
    const [holder, until] = (localStorage.getItem(name) || "").split(" ");
    if (holder && holder !== tab && Number(until) > Date.now()) return false;
    localStorage.setItem(name, `${tab} ${Date.now() + HELD_FOR}`);
    return true;
  };
  const claim = (what, then) => {
    const name = `rings:claim:${what}`;
    if (!navigator.locks) return note(name) && then();
    if (own.has(name)) return then();
    const until = ended;
    navigator.locks.request(name, { ifAvailable: true }, (lock) => lock && (own.add(name), then(), until.then(() => own.delete(name))));
  };

  // Switches, remembered in this browser
  const isOn = (name, otherwise) => (localStorage.getItem(`rings:${name}`) || otherwise) === "on";
  const set = (name, value) => (localStorage.setItem(`rings:${name}`, value ? "on" : "off"), paint());
  const paint = () => {
    for (const element of document.querySelectorAll("[data-rings=sound]")) element.matches("input") ? (element.checked = isOn("sound", "on")) : element.setAttribute("aria-pressed", isOn("sound", "on"));
    for (const element of document.querySelectorAll("[data-rings=notice]")) element.checked = isOn("notice", "off") && globalThis.Notification?.permission === "granted";
  };

  // The sound: two short double tones, made here
  let audio = null;
  const tone = (at, long) => {
    const level = audio.createGain();
    level.gain.setValueAtTime(0, at);
    level.gain.linearRampToValueAtTime(0.18, at + 0.03);
    level.gain.setValueAtTime(0.18, at + long - 0.05);
    level.gain.linearRampToValueAtTime(0, at + long);
    level.connect(audio.destination);
    for (const frequency of [440, 554]) {
      const voice = audio.createOscillator();
      voice.frequency.value = frequency;
      voice.connect(level);
      voice.start(at), voice.stop(at + long);
    }
  };
  const mayPlay = async () => {
    audio ??= new AudioContext();
    if (audio.state !== "running") await Promise.race([audio.resume(), new Promise((done) => setTimeout(done, 300))]);
    return audio.state === "running";
  };
  const play = () => (tone(audio.currentTime, 0.4), tone(audio.currentTime + 0.6, 0.4));
  const beat = async () => {
    if (document.hasFocus()) claim("seen", () => {});
    entitle();
    if (!isOn("sound", "on")) return;
    const may = await mayPlay(); // browsers allow it after the first press or click on a page
    strip.querySelectorAll("[data-blocked]").forEach((element) => (element.hidden = may));
    if (may && call) claim("sound", () => call && isOn("sound", "on") && play());
  };

  // The notification, where no tab of ours is being looked at
  let notice = null;
  const notify = () => {
    if (!call || !isOn("notice", "off") || globalThis.Notification?.permission !== "granted") return;
    notice = new Notification(words, { tag: `call-${call}`, requireInteraction: true, silent: true });
    notice.onclick = () => (focus(), notice?.close());
  };

  const entitle = () => {
    if (call && !document.title.startsWith(sign)) document.title = `${sign} ${words} · ${document.title}`;
  };
  const untitle = () => {
    if (document.title.startsWith(sign)) document.title = document.title.slice(document.title.indexOf(" · ") + 3);
  };

  const begin = (state) => {
    ended = new Promise((done) => (release = done));
    strip.showPopover?.();
    strip.innerHTML = state.strip;
    paint(), tick(), entitle();
    const take = () => claim("pop", () => location.assign(strip.querySelector("[data-call]").href));
    document.dispatchEvent(new CustomEvent("call:rings", { detail: { take } }));
    if (document.hasFocus()) claim("seen", () => {});
    else setTimeout(() => call === state.call && claim("seen", notify), BLINK);
    beat();
  };
  const end = () => {
    release();
    const held = strip.contains(document.activeElement);
    strip.hidePopover?.();
    strip.replaceChildren();
    if (held) document.querySelector("main h1[tabindex], main")?.focus();
    notice?.close();
    notice = null;
    untitle();
    document.dispatchEvent(new CustomEvent("call:ends"));
  };
  const show = (state) => {
    const next = String(state.user) === user ? state.call : null; // another one may have logged in elsewhere
    if (next === call) return;
    if (call) (call = null), end();
    if (next) (call = next), (words = state.words), begin(state);
  };

  // Taken in this tab where nothing is half done on it, otherwise beside it.
  const changed = (field) => {
    if (["checkbox", "radio"].includes(field.type)) return field.checked !== field.defaultChecked;
    if (!field.options) return field.value !== field.defaultValue;
    const initial = [...field.options].findIndex((option) => option.defaultSelected);
    return field.selectedIndex !== (initial < 0 && !field.multiple ? 0 : initial);
  };
  const ASIDE = "form[method=get], [role=search], #filters, dialog, .me, #ringing, [data-aside]";
  const isOnCall = () => Boolean(document.querySelector("#registration [name=call_key]")?.value);
  const isBusy = () => isOnCall() || [...document.querySelectorAll("input:not([type=hidden]), textarea, select")].some((field) => field.form && !field.closest(ASIDE) && changed(field));
  strip.addEventListener("click", (event) => {
    const link = event.target.closest("[data-call]");
    if (link) isBusy() ? (link.target = "_blank") : link.removeAttribute("target");
    if (event.target.closest("[data-hide]")) strip.hidePopover();
  });
  addEventListener("keydown", (event) => {
    if (event.code !== "F2" || !call || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
    event.preventDefault(), event.stopImmediatePropagation();
    if (!event.repeat) strip.querySelector("[data-call]").click();
  }, true);

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button[data-rings=sound]");
    if (button) set("sound", !isOn("sound", "on"));
    if (event.target.matches("input[data-rings=sound]")) {
      set("sound", event.target.checked);
      if (event.target.checked && (await mayPlay())) play();
    }
    if (event.target.matches("input[data-rings=notice]")) {
      const may = event.target.checked && (await globalThis.Notification?.requestPermission()) === "granted";
      set("notice", may);
      document.querySelectorAll("[data-refused]").forEach((element) => (element.hidden = may || !event.target.matches(":focus")));
    }
  });
  addEventListener("storage", (event) => event.key?.startsWith("rings:") && paint());
  addEventListener("pageshow", (event) => event.persisted && hello());
  paint();
  hello();
})();
