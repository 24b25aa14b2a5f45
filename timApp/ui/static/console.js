// The console: keeps the list of who waits up to date.
const list = document.querySelector("[data-refresh-url]");

async function refresh() {
  try {
    const response = await fetch(list.dataset.refreshUrl, { headers: { Accept: "text/html" } });
    // Nothing is replaced under the keyboard of somebody who is about to choose.
    if (response.ok && !list.contains(document.activeElement)) {
      list.innerHTML = await response.text();
    }
  } catch {
    // the server is being restarted; the next round will do
  }
  setTimeout(refresh, 2000);
}

setTimeout(refresh, 2000);
