// Small behaviours on plain HTML: theme, copy, confirm, ticking seconds, stale forms, keys. Every page works without them.

const root = document.documentElement;

function switchTheme() {
  const next = root.dataset.bsTheme === "dark" ? "light" : "dark";
  root.dataset.bsTheme = next;
  document.cookie = `theme=${next}; path=/; max-age=31536000; samesite=lax`;
}

async function copy(button) {
  const source = document.querySelector(button.dataset.copy);
  await navigator.clipboard.writeText(source.textContent);
  const label = button.textContent;
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = label; }, 1500);
}

document.addEventListener("click", (event) => {
  const target = event.target.closest("[data-theme-switch], [data-copy]");
  if (target?.hasAttribute("data-theme-switch")) switchTheme();
  else if (target?.dataset.copy) copy(target);
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

document.addEventListener("submit", (event) => {
  const question = event.target.dataset.confirm;
  if (question && !window.confirm(question)) event.preventDefault();
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") document.querySelector("details.menu[open]")?.removeAttribute("open");
  if (event.target.closest("input, textarea, select") || event.ctrlKey || event.metaKey || event.altKey) return;
  const way = { j: "next", k: "prev" }[event.key];
  if (way) document.querySelector(`a[rel~="${way}"]`)?.click();
  if (event.key === "/") {
    const search = document.querySelector("[data-search]");
    if (search) { event.preventDefault(); search.focus(); }
  }
});

function openTarget() {
  const target = window.location.hash && document.getElementById(window.location.hash.slice(1));
  if (target instanceof HTMLDetailsElement) target.open = true;
}

function settle(part) {
  part.querySelector("[data-focus]")?.focus();
}

function tick() {
  for (const clock of document.querySelectorAll("time[data-since]")) {
    const seconds = (Date.now() - Date.parse(clock.dataset.since)) / 1000;
    clock.textContent = seconds < 100 ? `${seconds.toFixed(1)} s` : `${Math.floor(seconds / 60)} min ${String(Math.floor(seconds % 60)).padStart(2, "0")} s`;
  }
}

window.addEventListener("hashchange", openTarget);
document.addEventListener("DOMContentLoaded", () => { openTarget(); settle(document); setInterval(tick, 200); });

// What a person opened, scrolled to or typed stays while the live part is replaced around it.
let opened = [];
document.addEventListener("htmx:sseBeforeMessage", () => {
  opened = [...document.querySelectorAll("#live details[open][id]")].map((one) => one.id);
});
document.addEventListener("htmx:afterSwap", () => {
  for (const id of opened) document.getElementById(id)?.setAttribute("open", "");
});
