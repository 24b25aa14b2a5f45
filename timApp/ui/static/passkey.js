// Forms that go with a passkey: asks the browser for one, or to make one, and sends what it says.
const decode = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (one) => one.charCodeAt(0));

function encode(buffer) {
  const bytes = Array.from(new Uint8Array(buffer), (one) => String.fromCharCode(one));
  return btoa(bytes.join("")).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

const described = (list) => (list ?? []).map((one) => ({ ...one, id: decode(one.id) }));

function readOptions(options) {
  const read = { ...options, challenge: decode(options.challenge) };
  if (options.user) read.user = { ...options.user, id: decode(options.user.id) };
  if (options.allowCredentials) read.allowCredentials = described(options.allowCredentials);
  if (options.excludeCredentials) read.excludeCredentials = described(options.excludeCredentials);
  return read;
}

function written({ id, rawId, type, response }) {
  const said = { clientDataJSON: encode(response.clientDataJSON) };
  if (response.attestationObject) {
    said.attestationObject = encode(response.attestationObject);
    said.transports = response.getTransports?.() ?? [];
  } else {
    said.authenticatorData = encode(response.authenticatorData);
    said.signature = encode(response.signature);
  }
  return JSON.stringify({ id, rawId: encode(rawId), type, response: said });
}

function tell(form, text) {
  const place = form.querySelector("[data-passkey-failed]");
  place.dataset.words ??= place.textContent;
  place.textContent = text ?? place.dataset.words;
  place.hidden = false;
}

async function ask(form) {
  const response = await fetch(form.dataset.optionsUrl, {
    method: "POST",
    headers: { Accept: "application/json", "X-CSRFToken": form.dataset.csrf },
    cache: "no-store",
  });
  const said = await response.json();
  if (said.confirm) {
    const query = new URLSearchParams(location.search);
    const name = form.querySelector("input[name=name]");
    if (name) query.set("name", name.value);
    const here = `${location.pathname}?${query}`;
    location.assign(`${said.confirm}?next=${encodeURIComponent(here)}`);
    return null;
  }
  if (!response.ok) {
    tell(form, said.error);
    return null;
  }
  const publicKey = readOptions(said);
  const made = await navigator.credentials[form.dataset.passkey]({ publicKey });
  return made && written(made);
}

async function send(form, button) {
  button.disabled = true;
  try {
    const credential = await ask(form);
    if (credential) {
      form.querySelector("input[name$=credential]").value = credential;
      form.submit(); // also where the password is empty
      return;
    }
  } catch {
    tell(form); // nobody has chosen one, it is not for this address, or there is no network
  }
  button.disabled = false;
}

for (const form of document.querySelectorAll("[data-passkey]")) {
  const button = form.querySelector("[data-passkey-button]");
  if (!window.PublicKeyCredential || !navigator.credentials) continue;
  form.querySelector("[data-passkey-missing]").hidden = true;
  button.hidden = false;
  button.addEventListener("click", () => {
    // The name of a new one has to be there.
    if (form.dataset.passkey === "get" || form.reportValidity()) send(form, button);
  });
}
