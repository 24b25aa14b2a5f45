// Tells the server what Safe Exam Browser says of its settings: where it puts nothing into headers,
// as on macOS and iOS, nobody would know otherwise.
import { ask } from "./server.js";

const { sebUrl, csrf } = document.querySelector("script[data-seb-url]").dataset;
const security = window.SafeExamBrowser?.security;
let isTold = false;

async function tell() {
  if (isTold) return;
  isTold = true;
  const told = new URLSearchParams({
    address: location.href.split("#")[0],
    config_key: security.configKey ?? "",
    browser_key: security.browserExamKey ?? "",
  });
  const type = { "Content-Type": "application/x-www-form-urlencoded", "X-CSRFToken": csrf };
  const response = await ask(sebUrl, "application/json", type, told);
  const { state } = await response.json();
  // What was refused for want of the key is there now.
  if (state === "right" && document.querySelector("[data-seb-reload]")) location.reload();
}

// Newer ones know their keys when the page is there, older ones when they are asked for them.
if (security?.configKey) tell();
else security?.updateKeys?.(tell);
