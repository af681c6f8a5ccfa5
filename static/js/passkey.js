// Passkeys: shows the browser's own dialog, and sends what it answers in the form's hidden field "credential".

const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (one) => one.charCodeAt(0));
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
  .replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
const named = (list) => list?.map((one) => ({ ...one, id: bytes(one.id) }));

// Options come as JSON, in which bytes are base64url.
function optionsOf({ publicKey }) {
  const options = { ...publicKey, challenge: bytes(publicKey.challenge) };
  if (publicKey.user) options.user = { ...publicKey.user, id: bytes(publicKey.user.id) };
  if (publicKey.excludeCredentials) options.excludeCredentials = named(publicKey.excludeCredentials);
  if (publicKey.allowCredentials) options.allowCredentials = named(publicKey.allowCredentials);
  return { publicKey: options };
}

function answerOf(credential) {
  const response = {};
  for (const part of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (credential.response[part]) response[part] = text(credential.response[part]);
  }
  if (credential.response.getTransports) response.transports = credential.response.getTransports();
  return JSON.stringify({
    id: credential.id,
    rawId: text(credential.rawId),
    type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment,
    clientExtensionResults: credential.getClientExtensionResults(),
    response,
  });
}

// The options lie on the page, or are asked for once somebody wants to use a passkey.
async function optionsFor(form) {
  if (form.dataset.options) return JSON.parse(document.getElementById(form.dataset.options).textContent);
  const answer = await fetch(form.dataset.optionsFrom, { headers: { "X-Requested-With": "XMLHttpRequest" } });
  if (!answer.ok) throw new Error(answer.status === 429 ? "Too many tries. Wait a few minutes." : "The server did not answer.");
  return (await answer.json()).request_options;
}

const WHY = {
  NotAllowedError: "It was cancelled, or took too long. Try again.",
  InvalidStateError: "This device has a passkey of your account already.",
  SecurityError: "Passkeys need https and a host's name, or localhost.",
};

async function useIn(form) {
  const said = form.querySelector("[data-said]");
  said.hidden = true;
  try {
    const options = optionsOf(await optionsFor(form));
    const credential = await navigator.credentials[form.dataset.passkey](options);
    form.elements.credential.value = answerOf(credential);
    form.requestSubmit(form.querySelector("[data-then]") ?? undefined);
  } catch (error) {
    said.textContent = WHY[error.name] ?? error.message;
    said.hidden = false;
  }
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  const button = form.querySelector("[data-use-passkey]");
  if (window.PublicKeyCredential) {
    form.hidden = false;
    button.addEventListener("click", () => { if (form.reportValidity()) useIn(form); });
  }
}
