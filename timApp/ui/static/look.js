// A page on which supervisors decide: says to others who has the person open, and offers reasons.
import { ask } from "./server.js";

const open = document.querySelector("[data-look-url]");

async function look() {
  if (document.hidden) return;
  try {
    const response = await ask(open.dataset.lookUrl, "application/json", {
      "Content-Type": "application/x-www-form-urlencoded",
      "X-CSRFToken": open.dataset.csrf,
    }, new URLSearchParams({ user: open.dataset.user }));
    const others = response.status === 200 ? (await response.json()).others : null;
    if (!Array.isArray(others)) return;
    const names = others.join(", ");
    const place = open.querySelector("[data-openers]");
    if (place.textContent !== names) place.textContent = names;
    open.hidden = !others.length;
  } catch {
    // no network, or no answer of this site; the next round will do
  }
}

async function lookOn() {
  await look();
  setTimeout(lookOn, 4000 + 2000 * Math.random());
}

// The page goes, or only out of sight for Back to bring it again.
function leave() {
  const { user, csrf } = open.dataset;
  const said = new URLSearchParams({ user, left: "yes", csrf_token: csrf });
  navigator.sendBeacon(open.dataset.lookUrl, said);
}

if (open) {
  lookOn();
  document.addEventListener("visibilitychange", look);
  addEventListener("pagehide", leave);
  addEventListener("pageshow", (event) => event.persisted && look());
}

for (const reasons of document.querySelectorAll("[data-reasons]")) {
  const field = document.getElementById(reasons.dataset.reasons);
  reasons.hidden = false;
  reasons.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button) field.value = button.textContent;
  });
}
