// The blocked page: waits for the verification, then goes on to the document that was asked for.
const page = document.querySelector("[data-waiting]");
const statusUrl = page.dataset.statusUrl;
const goOnUrl = page.dataset.goOnUrl;
const renewEvery = Number(page.dataset.renewSeconds) * 1000;
let renewAt = Date.now() + renewEvery;

// With jitter, so that a hall full of blocked pages does not ask in step.
const pause = (seconds) =>
  new Promise((resolve) => setTimeout(resolve, seconds * (0.8 + 0.4 * Math.random()) * 1000));

// The code on the page is good for some minutes: the same page has a new one.
async function renew() {
  const response = await fetch(goOnUrl, { headers: { Accept: "text/html" }, redirect: "manual" });
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  const figure = fresh.querySelector("[data-waiting] figure");
  if (figure) page.querySelector("figure").replaceWith(document.adoptNode(figure));
  renewAt = Date.now() + renewEvery;
}

async function waitForVerification() {
  for (;;) {
    await pause(1.2);
    try {
      const response = await fetch(statusUrl, { headers: { Accept: "application/json" } });
      // Logged out in another window counts too: the page asked for then leads to the login.
      if (response.status === 403 || (response.ok && (await response.json()).valid)) {
        location.assign(goOnUrl);
        return;
      }
      if (Date.now() > renewAt && page.querySelector("figure")) await renew();
    } catch {
      await pause(2); // the server is being restarted, or the network is gone for a moment
    }
  }
}

waitForVerification();
