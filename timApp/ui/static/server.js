// What the server says of this login, and for how long nobody has heard from it.
const SILENCE_MS = 5000;
const PATIENCE_MS = 4000;
// A page that has not asked for half a minute waits no more, and its code may be another's by now.
const ABSENCE_MS = 20000;
const STANDINGS = ["valid", "blocked", "anonymous"];

// On the clock of the page, which nobody can set, and on the wall's, for people to read.
let heardAt = performance.now();
let heardTime = new Date();

export function noteAnswer() {
  heardAt = performance.now();
  heardTime = new Date();
  show();
}

export async function ask(address, type, headers = {}, body = undefined) {
  return fetch(address, {
    method: body ? "POST" : "GET",
    body,
    headers: { Accept: type, ...headers },
    cache: "no-store",
    redirect: "manual",
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
}

// Who is logged in, how it stands with them, and whether the page has been away. Null for whatever
// is no answer of this site's: that of a gateway or of a hotel's login page, an error, a redirect.
export async function askState() {
  try {
    const response = await ask(document.body.dataset.stateUrl, "application/json");
    const state = response.status === 200 ? await response.json() : null;
    if (!STANDINGS.includes(state?.standing) || state.username === undefined) return null;
    const isBack = Math.max(performance.now() - heardAt, Date.now() - heardTime) > ABSENCE_MS;
    noteAnswer();
    return { ...state, isBack };
  } catch {
    return null; // no network, no server, or no JSON
  }
}

function show() {
  const language = document.documentElement.lang;
  const time = heardTime.toLocaleTimeString(language, { timeStyle: "medium", hourCycle: "h23" });
  for (const place of document.querySelectorAll("[data-heard-at]")) place.textContent = time;
  const isLost = performance.now() - heardAt > SILENCE_MS;
  for (const place of document.querySelectorAll("[data-while-connected]")) place.hidden = isLost;
  const lost = document.querySelector("[data-connection-lost]");
  // Only when it changes: a screen reader says each change.
  if (lost && lost.hidden === isLost) lost.hidden = !isLost;
}

show();
setInterval(show, 1000);
