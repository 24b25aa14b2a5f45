// The overview: keeps its numbers and charts up to date.
import { ask, noteAnswer } from "./server.js";

const EVERY_SECONDS = 10;

// Under a keyboard nothing is replaced, nor what somebody is about to copy.
function isInUse(block) {
  const selection = getSelection();
  const isSelected = selection && !selection.isCollapsed && selection.containsNode(block, true);
  return isSelected || block.contains(document.activeElement);
}

async function refresh() {
  const response = await ask(location.pathname + location.search, "text/html");
  const text = response.status === 200 ? await response.text() : "";
  // What a gateway says in the site's place is no overview.
  const fresh = new DOMParser().parseFromString(text, "text/html");
  if (fresh.body.dataset.username !== document.body.dataset.username) return;
  for (const block of document.querySelectorAll("[data-live]")) {
    const now = fresh.querySelector(`[data-live="${block.dataset.live}"]`);
    if (!now) return;
    if (block.innerHTML !== now.innerHTML && !isInUse(block)) {
      block.replaceChildren(...document.adoptNode(now).childNodes);
    }
  }
  noteAnswer();
}

// With jitter, so that many of them do not ask in step; at once when the page is looked at again.
let wake = () => {};
const pause = () =>
  new Promise((resolve) => {
    wake = resolve;
    setTimeout(resolve, EVERY_SECONDS * (0.8 + 0.4 * Math.random()) * 1000);
  });

async function keepUp() {
  for (;;) {
    await pause();
    if (document.hidden) continue;
    try {
      await refresh();
    } catch {
      // no network for a moment, or the server is being restarted; the next round will do
    }
  }
}

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) wake();
});

keepUp();
