// Small behaviours on plain HTML: theme, copy, confirm, ticking seconds, keys, live connection. Pages work without them.

const root = document.documentElement;
const remember = (name, value) => { document.cookie = `${name}=${value}; path=/; max-age=31536000; samesite=lax`; };
const shortcutsOff = () => /(?:^|; )shortcuts=off/.test(document.cookie);

function switchTheme() {
  root.dataset.bsTheme = root.dataset.bsTheme === "dark" ? "light" : "dark";
  remember("theme", root.dataset.bsTheme);
}

function switchShortcuts() {
  remember("shortcuts", shortcutsOff() ? "on" : "off");
  nameShortcuts();
}

function nameShortcuts() {
  for (const button of document.querySelectorAll("[data-shortcuts-switch]")) {
    button.textContent = `Keys j, k and /: ${shortcutsOff() ? "off" : "on"}`;
  }
}

async function copy(button) {
  const source = document.querySelector(button.dataset.copy);
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(source.value ?? source.textContent);
  } else { // plain http on another machine than this one
    window.getSelection().selectAllChildren(source);
    document.execCommand("copy");
  }
  const label = button.textContent;
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = label; }, 1500);
}

function notice(text) {
  const place = document.getElementById("notice");
  place.textContent = text;
  place.className = "alert alert-danger";
  setTimeout(() => { place.textContent = ""; }, 8000);
}

// --- Pointer, forms, keys --------------------------------------------------------------------------------------------
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-theme-switch], [data-shortcuts-switch], [data-copy], [data-print]");
  if (button?.hasAttribute("data-theme-switch")) switchTheme();
  else if (button?.hasAttribute("data-shortcuts-switch")) switchShortcuts();
  else if (button?.hasAttribute("data-print")) window.print();
  else if (button) copy(button);
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

// Forms marked as drafts lose what was typed when the page goes: say so before another form is sent, or a link followed.
function isChanged(control) {
  if (control.type === "checkbox" || control.type === "radio") return control.checked !== control.defaultChecked;
  if (control.options) return [...control.options].some((option) => option.selected !== option.defaultSelected);
  return "defaultValue" in control && control.value !== control.defaultValue && control.value !== asShown(control);
}
// What the browser made of the value that the page came with: it takes line breaks out of single-line fields, for one.
function asShown(control) {
  const untouched = control.cloneNode();
  untouched.value = control.defaultValue;
  return untouched.value;
}
const hasUnsaved = (sent) => [...document.querySelectorAll("form[data-draft]")]
  .some((form) => form !== sent && [...form.elements].some(isChanged));
const sendsPart = (form) => form.hasAttribute("hx-post"); // the page stays, and so does what is typed elsewhere on it
let isSending = false;

document.addEventListener("submit", (event) => {
  const question = event.submitter?.dataset.confirm ?? event.target.dataset.confirm
    ?? (!sendsPart(event.target) && hasUnsaved(event.target) && "What you typed in another form of this page is not saved and would be lost. Go on?");
  if (question && !window.confirm(question)) event.preventDefault();
  else isSending = !sendsPart(event.target);
});
window.addEventListener("beforeunload", (event) => {
  if (!isSending && hasUnsaved()) event.preventDefault();
});

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-go]")) event.target.form.requestSubmit();
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    const menu = document.querySelector("details.menu[open]");
    if (menu) { menu.open = false; menu.querySelector("summary").focus(); }
  }
  if (shortcutsOff() || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select, [contenteditable]")) return;
  const way = { j: "next", k: "prev" }[event.key];
  if (way) document.querySelector(`a[rel~="${way}"]`)?.click();
  const search = event.key === "/" && document.querySelector("[data-search]");
  if (search) { event.preventDefault(); search.focus(); }
});

// A link to a field inside a folded form opens the form.
function openTarget() {
  const id = decodeURIComponent(window.location.hash.slice(1));
  const target = id && document.getElementById(id);
  if (!target) return;
  for (let part = target; part; part = part.parentElement) {
    if (part instanceof HTMLDetailsElement) part.open = true;
  }
  target.scrollIntoView({ block: "nearest" });
  if (target.matches(".field")) target.querySelector("input, textarea, select")?.focus();
}

function tick() {
  for (const clock of document.querySelectorAll("time[data-since]")) {
    const seconds = Math.max(0, (Date.now() - Date.parse(clock.dataset.since)) / 1000);
    const rest = String(Math.floor(seconds % 60)).padStart(2, "0");
    clock.textContent = seconds < 100 ? `${seconds.toFixed(1)} s` : `${Math.floor(seconds / 60)} min ${rest} s`;
  }
  for (const bar of document.querySelectorAll("progress[data-since]")) bar.value = Date.now() - Date.parse(bar.dataset.since);
}

// --- Bars: their figures at the pointer and at the keyboard; the arrow keys go from bar to bar -----------------------
function sayBar(event) {
  const bar = event.target.closest?.("[data-says]");
  const line = bar?.closest("[data-bars]")?.querySelector("[data-said]");
  if (line) line.textContent = bar.dataset.says;
}
document.addEventListener("pointerover", sayBar);
document.addEventListener("focusin", sayBar);
document.addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  const bar = step && event.target.closest?.("[data-says]");
  if (!bar) return;
  const bars = [...bar.closest("[data-bars]").querySelectorAll("[data-says]")].filter((one) => one.getClientRects().length);
  bars[bars.indexOf(bar) + step]?.focus();
  event.preventDefault();
});
document.addEventListener("change", (event) => { // what a switch shows stays with the address
  if (!event.target.closest("[data-in-address]")) return;
  const address = new URL(window.location.href);
  address.searchParams.set(event.target.name, event.target.value);
  window.history.replaceState(null, "", address);
});

window.addEventListener("hashchange", openTarget);
window.addEventListener("load", () => setTimeout(() => { // after the browser's own jump, which takes the focus away
  openTarget();
  // A form that is sent from behind "Skip to content" comes back at #main.
  if (window.location.hash === "#main") document.querySelector("[data-focus]")?.focus();
}));
document.addEventListener("DOMContentLoaded", () => {
  nameShortcuts();
  focusAgain();
  document.querySelector("[data-focus]")?.focus();
  setInterval(tick, 200);
});

// --- Ticked runs: kept for the tab, so that they outlast pages and filters ------------------------------------------
const ticked = {
  form: () => document.querySelector("form[data-ticked]"),
  key: () => `ticked-${ticked.form().dataset.ticked}`,
  read: () => JSON.parse(sessionStorage.getItem(ticked.key()) ?? "[]"),
  boxes: () => [...document.querySelectorAll('input[form="ticked"]')],
  write(ids) {
    sessionStorage.setItem(ticked.key(), JSON.stringify(ids));
    ticked.show();
  },
  show() {
    const ids = ticked.read();
    const shown = new Set(ticked.boxes().map((box) => box.value));
    for (const box of ticked.boxes()) box.checked = ids.includes(box.value);
    for (const old of ticked.form().querySelectorAll('input[type="hidden"]')) old.remove();
    for (const id of ids.filter((one) => !shown.has(one))) { // those of other pages
      const input = Object.assign(document.createElement("input"), { type: "hidden", name: "runs", value: id });
      ticked.form().append(input);
    }
    ticked.form().querySelector("[data-tick-count]").textContent = ids.length ? `${ids.length} ticked:` : "Tick";
  },
};
document.addEventListener("change", (event) => {
  if (!event.target.matches('input[form="ticked"]')) return;
  const others = ticked.read().filter((id) => id !== event.target.value);
  ticked.write(event.target.checked ? [...others, event.target.value] : others);
});
document.addEventListener("reset", (event) => {
  if (event.target.matches("form[data-ticked]")) ticked.write([]);
});
document.addEventListener("DOMContentLoaded", () => { if (ticked.form()) ticked.show(); });

// --- Fragments and live parts ----------------------------------------------------------------------------------------
// A session that ended answers a fragment with the sign-in page, a team that asks for a second step with what to do: go
// there, and back here afterwards.
document.addEventListener("htmx:beforeSwap", (event) => {
  const answered = new URL(event.detail.xhr?.responseURL || window.location.href);
  if (["/signin/", "/account/"].some((place) => answered.pathname.startsWith(place))) {
    event.preventDefault();
    window.location.reload();
  }
});
// A page that loads itself anew, because more of it changed than a part, keeps the focus where it was.
document.addEventListener("htmx:beforeOnLoad", (event) => {
  const left = document.activeElement.id;
  if (left && event.detail.xhr.getResponseHeader("HX-Refresh")) sessionStorage.setItem("left", left);
});
function focusAgain() {
  document.getElementById(sessionStorage.getItem("left"))?.focus({ preventScroll: true });
  sessionStorage.removeItem("left");
}
document.addEventListener("htmx:responseError", (event) => {
  notice(`The server answered ${event.detail.xhr.status}. Nothing was lost; try again, or reload the page.`);
});
document.addEventListener("htmx:sendError", () => notice("The server cannot be reached. It is tried again."));

for (const [name, link] of [["htmx:sseOpen", "live"], ["htmx:sseError", "lost"], ["htmx:sseClose", ""]]) {
  document.addEventListener(name, (event) => { event.target.dataset.link = link; });
}

// What such a part shows goes on: while no events come, it asks for itself.
setInterval(() => {
  for (const part of document.querySelectorAll("[data-asks-while-lost]")) {
    if (!window.EventSource || part.closest("[data-link='lost']")) htmx.trigger(part, "lost");
  }
}, 3000);

// Somebody else answered what this person was still typing at: what was typed stays on the page.
function showUnsent(part, text) {
  const note = document.createElement("div");
  note.className = "alert alert-warning";
  note.setAttribute("role", "alert");
  note.textContent = "Somebody else answered meanwhile. This was not sent:";
  const typed = document.createElement("pre");
  typed.textContent = text;
  note.append(typed);
  part.before(note);
}

// A part that is swapped keeps what is being typed in; browsers without moveBefore take the focus from it on the way.
let typedIn = null;
document.addEventListener("htmx:sseBeforeMessage", (event) => {
  typedIn = document.activeElement;
  for (const card of event.target.querySelectorAll(".asks")) {
    const text = card.querySelector("textarea")?.value.trim();
    if (text && !isSending && !event.detail.data.includes(`id="${card.id}"`)) showUnsent(event.target, text);
  }
});
document.addEventListener("htmx:sseMessage", () => {
  if (typedIn?.isConnected && typedIn !== document.activeElement) typedIn.focus({ preventScroll: true });
});
