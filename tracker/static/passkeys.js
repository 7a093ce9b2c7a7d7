// Makes or uses a passkey: the browser answers the server's question, and the form carries the answer there.
"use strict";

const bytesOf = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (each) => each.charCodeAt(0));
const textOf = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

// The server writes bytes as text; the browser wants them as bytes.
function asked(options) {
  const credentials = (list) => (list || []).map((each) => ({ ...each, id: bytesOf(each.id) }));
  return {
    ...options,
    challenge: bytesOf(options.challenge),
    ...(options.user && { user: { ...options.user, id: bytesOf(options.user.id) } }),
    ...(options.allowCredentials && { allowCredentials: credentials(options.allowCredentials) }),
    ...(options.excludeCredentials && { excludeCredentials: credentials(options.excludeCredentials) }),
  };
}

// And the answer the other way round.
function answered(credential) {
  const response = {};
  for (const part of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (credential.response[part]) response[part] = textOf(credential.response[part]);
  }
  return JSON.stringify({ id: credential.id, rawId: textOf(credential.rawId), type: credential.type, response });
}

function fillInByPasskey(box) {
  const form = box.form;
  const fault = form.querySelector("[data-passkey-fault]");
  let busy = false;
  form.addEventListener("submit", async (event) => {
    const title = form.elements.title;
    if (box.value || (title && !title.value.trim())) return; // the server says what is missing
    event.preventDefault();
    event.stopImmediatePropagation();
    if (busy) return;
    busy = true;
    fault.hidden = true;
    try {
      const publicKey = asked(JSON.parse(box.dataset.options));
      box.value = answered(await navigator.credentials[box.dataset.passkey]({ publicKey }));
      form.requestSubmit();
    } catch {
      fault.hidden = false;
    }
    busy = false;
  }, { capture: true });
  form.querySelector("[data-passkey-button]").hidden = false;
}

for (const box of document.querySelectorAll("[data-passkey]")) fillInByPasskey(box);
