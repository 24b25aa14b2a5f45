// The console: keeps the list of who waits up to date.
import { ask, noteAnswer } from "./server.js";

const list = document.querySelector("[data-refresh-url]");

async function refresh() {
  try {
    const response = await ask(list.dataset.refreshUrl, "text/html");
    const text = response.status === 200 ? await response.text() : "";
    // What a gateway says in the site's place is no list.
    const fresh = new DOMParser().parseFromString(text, "text/html");
    const rows = fresh.querySelector("[data-waiting-list]");
    if (rows) {
      noteAnswer();
      // Nothing is replaced under the keyboard of somebody who is about to choose.
      if (!list.contains(document.activeElement)) {
        list.replaceChildren(document.adoptNode(rows));
      }
    }
  } catch {
    // the server is being restarted; the next round will do
  }
  setTimeout(refresh, 2000);
}

setTimeout(refresh, 2000);
