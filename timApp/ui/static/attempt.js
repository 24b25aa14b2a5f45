// Says that another login as this person was blocked, until somebody has read that: once a browser.
const key = (state) => `attempt ${state.sessionId}`;

let known = null;

export function tellOfAttempt(state) {
  const banner = document.querySelector("[data-attempt]");
  if (!banner || state.standing !== "valid") return;
  known = state;
  const isRead = Number(localStorage.getItem(key(state))) >= state.attemptedAt;
  if (banner.hidden === isRead) return;
  const language = document.documentElement.lang;
  const time = new Date(state.attemptedAt * 1000);
  banner.querySelector("time").textContent = time.toLocaleTimeString(language, {
    timeStyle: "short",
    hourCycle: "h23",
  });
  banner.querySelector("time").dateTime = time.toISOString();
  banner.hidden = isRead;
}

document.addEventListener("click", (event) => {
  if (!known || !event.target.closest("[data-attempt-read]")) return;
  localStorage.setItem(key(known), known.attemptedAt);
  tellOfAttempt(known);
});
