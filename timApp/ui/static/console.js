// The console: keeps the list of who waits up to date, row by row, and shows of it what is typed.
import { ask, noteAnswer } from "./server.js";

const form = document.querySelector("[data-refresh-url]");
const lists = [...form.querySelectorAll("[data-list]")];
const headings = [...form.querySelectorAll("[data-list-heading]")];
const field = document.querySelector("#q");
const chosen = form.querySelector("[data-chosen]");
const came = document.querySelector("[data-came]");

const rowsOf = (list) => [...list.children];
const allRows = () => lists.flatMap(rowsOf);
const boxOf = (row) => row.querySelector("input[type=checkbox]");

// Nothing is touched that somebody is about to choose, or has chosen.
const isHeld = (row) => row.contains(document.activeElement) || boxOf(row)?.checked;

// --- What is typed ---

const OTHERS = { ø: "o", ł: "l", đ: "d", ß: "ss", æ: "ae", œ: "oe" };
const folded = (text) =>
  text
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/[øłđßæœ]/g, (letter) => OTHERS[letter]);

// What a code is like, and how it is mistyped; `timApp/guard/waiting/code.py` has the same.
const hint = form.querySelector("[data-code-letters]");
const { codeLetters, codeDigits } = hint.dataset;
const A_CODE = new RegExp(`^[${codeLetters}]{2}[${codeDigits}]{2}$`);
const isLikeCode = (code) => /^[A-Z0-9]{3,5}$/.test(code) && !/^\d\d|^..[A-Z]+$/.test(code);
const lessOne = (code) => [...code].map((_, at) => code.slice(0, at) + code.slice(at + 1));

function isNear(code, typedCode) {
  if (code.length !== typedCode.length) {
    return lessOne(code).includes(typedCode) || lessOne(typedCode).includes(code);
  }
  const wrong = [...code].flatMap((letter, at) => (letter === typedCode[at] ? [] : [at]));
  const [one, two] = wrong;
  const isSwapped =
    two === one + 1 && code[one] === typedCode[two] && code[two] === typedCode[one];
  return wrong.length === 1 || (wrong.length === 2 && isSwapped);
}

// Of a mistyped code nothing is a part: those who have nearly that one stay in sight.
function showNear(hasMatch) {
  const code = typed.replace(/\s/g, "").toUpperCase();
  const rows = !hasMatch && isLikeCode(code) ? allRows() : [];
  const near = rows.filter((row) =>
    isNear(row.querySelector(".waiting-code").textContent.trim(), code),
  );
  for (const row of near) row.hidden = false;
  hint.querySelector("[data-near]").hidden = !near.length;
  hint.querySelector("[data-no-code]").hidden = !rows.length || A_CODE.test(code);
}

let typed = "";

function filter() {
  // A link that was scanned is no part of anything.
  const words = typed.includes("://") ? [] : folded(typed).split(/\s+/).filter(Boolean);
  let count = 0;
  for (const row of allRows()) {
    const text = folded(row.dataset.search);
    const matches = words.every((word) => text.includes(word));
    // What is chosen stays in sight, so that nothing is decided about somebody unseen.
    row.hidden = !matches && !boxOf(row)?.checked;
    if (!row.hidden) count += 1;
  }
  showNear(count > 0);
  const shown = lists.map((list) => rowsOf(list).some((row) => !row.hidden));
  headings[0].hidden = !shown[0];
  headings[1].hidden = !(shown[0] && shown[1]);
  form.querySelector("[data-none-match]").hidden = count > 0 || allRows().length === 0;
}

field.addEventListener("input", () => {
  typed = field.value;
  // For Back, which makes the page anew.
  history.replaceState({ ...history.state, typed }, "");
  filter();
  showChosen();
});

// --- Who is chosen ---

function showChosen() {
  const count = allRows().filter((row) => boxOf(row)?.checked).length;
  chosen.hidden = count === 0;
  chosen.querySelector("[data-chosen-count]").textContent = `(${count})`;
  chooseShown.hidden = !allRows().some((row) => boxOf(row) && !row.hidden);
}

const chooseShown = form.querySelector("[data-choose-shown]");
form.addEventListener("change", showChosen);
chooseShown.addEventListener("click", () => {
  for (const row of allRows()) {
    const box = boxOf(row);
    if (box && !row.hidden && !row.hasAttribute("data-is-gone")) box.checked = true;
  }
  showChosen();
});

// --- What the server has ---

function made(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content.firstElementChild;
}

// Rows come and go above what somebody reads: that stays where it is.
function keepingPlace(work) {
  const first = allRows().find((row) => row.getBoundingClientRect().bottom > 0);
  const before = first?.getBoundingClientRect().top;
  work();
  if (scrollY > 0 && first?.isConnected) {
    scrollBy(0, first.getBoundingClientRect().top - before);
  }
}

function bringUpToDate(list, rows, names) {
  const old = new Map(allRows().map((row) => [row.dataset.key, row]));
  let place = list.firstElementChild;
  for (const [key, version, html] of rows) {
    let row = old.get(key);
    if (!row) {
      row = made(html);
      names.push(row.querySelector("a").textContent);
    } else if (row.dataset.version !== version && !isHeld(row)) {
      const fresh = made(html);
      if (row === place) place = fresh;
      row.replaceWith(fresh);
      row = fresh;
    }
    if (row === place) place = place.nextElementSibling;
    else if (!isHeld(row) || !row.isConnected) list.insertBefore(row, place);
  }
}

function removeGone(keys) {
  for (const row of allRows()) {
    const isGone = !keys.has(row.dataset.key);
    if (isGone && !isHeld(row)) row.remove();
    row.toggleAttribute("data-is-gone", isGone);
    row.querySelector("[data-gone]").hidden = !isGone;
  }
}

function tell(names) {
  if (!names.length) return;
  const more = names.length > 5 ? ` +${names.length - 5}` : "";
  came.textContent = `${came.dataset.word} ${names.slice(0, 5).join(", ")}${more}`;
}

function put(fresh) {
  const names = [];
  keepingPlace(() => {
    removeGone(new Set(fresh.lists.flat().map(([key]) => key)));
    lists.forEach((list, index) => bringUpToDate(list, fresh.lists[index], names));
    filter();
  });
  const count = document.querySelector("[data-waiting-count]");
  if (count.innerHTML !== fresh.count) count.innerHTML = fresh.count;
  const silent = form.querySelector("[data-silent]");
  if (silent.innerHTML !== fresh.silent) silent.innerHTML = fresh.silent;
  document.title = fresh.title;
  showChosen();
  tell(names);
}

let tag = null;
let known = null;

// What the server has now; null for what is no list, such as a gateway's page in the site's place.
async function fetchRows() {
  const headers = known ? { "If-None-Match": tag } : {};
  // As a page, so that it is in the reader's language: programs are answered in English.
  const response = await ask(form.dataset.refreshUrl, "text/html", headers);
  if (response.status === 304) return known;
  const fresh = response.status === 200 ? await response.json() : null;
  if (!Array.isArray(fresh?.lists)) return null;
  tag = response.headers.get("ETag");
  known = fresh;
  return known;
}

async function refresh() {
  try {
    const fresh = await fetchRows();
    if (fresh) {
      noteAnswer();
      put(fresh);
    }
  } catch {
    // the server is being restarted, or somebody else answers; the next round will do
  }
  setTimeout(refresh, 1600 + 800 * Math.random());
}

if (history.state?.typed) field.value = typed = history.state.typed;
filter();
showChosen();
setTimeout(refresh, 2000);
