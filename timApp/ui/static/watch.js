// Watches over the login that the page was made for. When it is blocked, the page leaves the screen,
// and the blocked page stands in its place; when it is verified, the page comes back where it was.
// So does what an exam opens and closes.
import { tellOfAttempt } from "./attempt.js";
import { ask, askState } from "./server.js";

const page = () => document.body.dataset;
const isFramed = window.top !== window;
const placeKey = () => `place ${page().address}`;

// With jitter, so that a hall full of pages does not ask in step. Whoever wakes it asks at once.
let wake = () => {};
const pause = (seconds) =>
  new Promise((resolve) => {
    wake = resolve;
    setTimeout(resolve, seconds * (0.8 + 0.4 * Math.random()) * 1000);
  });

// A link or a button leads away already: nothing is to get in its way.
let leavingAt = -Infinity;
const isLeaving = () => performance.now() - leavingAt < 5000;

let renewAt = Infinity;
let renewTime = Infinity;

function noteShown() {
  const waiting = document.querySelector("[data-waiting]");
  const renewEvery = waiting ? Number(waiting.dataset.renewSeconds) * 1000 : Infinity;
  renewAt = performance.now() + renewEvery;
  renewTime = Date.now() + renewEvery;
}

// By either clock: one may be set back, and one may stand still while the device sleeps.
const isRenewalDue = () => performance.now() > renewAt || Date.now() > renewTime;

// The page as the server has it now; null for what is no page of this site for this login.
async function fetchPage() {
  const response = await ask(page().address, "text/html");
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  return fresh.body.dataset.username === page().username ? fresh : null;
}

function blocks() {
  return [...document.querySelectorAll("article > *")];
}

function keepPlace() {
  const all = blocks();
  const index = all.findIndex((block) => block.getBoundingClientRect().bottom > 0);
  if (index < 0) return;
  const { top } = all[index].getBoundingClientRect();
  sessionStorage.setItem(placeKey(), JSON.stringify({ index, top }));
}

function findPlace() {
  const place = JSON.parse(sessionStorage.getItem(placeKey()));
  const block = place && blocks()[place.index];
  if (!block) return;
  sessionStorage.removeItem(placeKey());
  scrollBy(0, block.getBoundingClientRect().top - place.top);
}

function clear() {
  const main = document.querySelector("main");
  const cover = document.querySelector("[data-cover]");
  if (main && cover) main.replaceChildren(cover.content.cloneNode(true));
}

// What the head of the fresh page has of these elements and this one's has not.
function missing(fresh, elements, name) {
  const found = (source) => [...source.querySelectorAll(`head ${elements}`)];
  const known = found(document).map((element) => element.getAttribute(name));
  return found(fresh).filter((element) => !known.includes(element.getAttribute(name)));
}

// Puts the page that the server has now in the place of this one.
function put(fresh) {
  if (missing(fresh, "script[src]", "src").length) {
    if (page().address === location.pathname + location.search) location.reload();
    else location.assign(page().address);
    return;
  }
  for (const style of missing(fresh, "link[rel=stylesheet]", "href")) {
    document.head.append(document.adoptNode(style));
  }
  document.title = fresh.title;
  document.body.replaceWith(document.adoptNode(fresh.body));
  document.querySelector("main").focus({ preventScroll: true });
  scrollTo(0, 0);
  findPlace();
  noteShown();
}

const isFor = ({ username, standing }) => username === page().username && standing === "valid";

function cover() {
  if (document.querySelector("[data-cover-shown]")) return;
  keepPlace();
  clear();
}

async function follow(state) {
  if (state.username !== page().username) {
    // Logged out, or somebody else is logged in in this browser by now: the login says which.
    clear();
    if (isFramed) location.reload();
    else location.replace(page().loginUrl);
    leavingAt = performance.now();
  } else if (state.standing === "valid" && page().leadsTo) {
    // To the program that the gate guards, which the person had asked for, and which is there
    // already around a frame.
    if (!isFramed) location.replace(page().leadsTo);
    leavingAt = performance.now();
  } else if (state.standing !== page().standing || document.querySelector("[data-cover-shown]")) {
    if (state.standing !== "valid") cover();
    const fresh = await fetchPage();
    if (fresh) put(fresh);
  } else if (page().exams !== undefined && page().exams !== state.exams) {
    // What an exam opens or closes has changed, perhaps for this page.
    const fresh = await fetchPage();
    if (fresh && fresh.querySelector("main").innerHTML === document.querySelector("main").innerHTML) {
      page().exams = fresh.body.dataset.exams;
    } else if (fresh) {
      keepPlace();
      put(fresh);
    }
  } else if (isRenewalDue() || state.isBack) {
    const figure = (await fetchPage())?.querySelector("[data-waiting] figure");
    if (figure) {
      document.querySelector("[data-waiting] figure")?.replaceWith(document.adoptNode(figure));
      noteShown();
    }
  }
}

async function watch() {
  for (;;) {
    await pause(1.2);
    const state = await askState();
    if (!state) continue;
    if (isLeaving()) {
      // Only what must not stay goes, however long the next page takes to come.
      if (page().standing === "valid" && !isFor(state)) cover();
      continue;
    }
    tellOfAttempt(state);
    try {
      await follow(state);
    } catch {
      await pause(2); // the network is gone for a moment, or the server is being restarted
    }
  }
}

window.addEventListener("beforeunload", () => {
  leavingAt = performance.now();
});
window.addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  leavingAt = -Infinity;
  wake();
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) wake();
});
document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-ask-now]")) return;
  event.preventDefault();
  wake();
});

noteShown();
findPlace();
watch();
