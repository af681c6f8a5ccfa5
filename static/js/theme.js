// Before the first paint: the theme that was chosen (a cookie, which the server renders), else the system's.
(() => {
  const root = document.documentElement;
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const chosen = () => /(?:^|; )theme=(light|dark)/.exec(document.cookie)?.[1];
  const apply = () => {
    root.dataset.bsTheme = chosen() ?? (system.matches ? "dark" : "light");
    root.classList.toggle("dark-mode", root.dataset.bsTheme === "dark");  // the name that the API's reference knows
  };
  apply();
  root.classList.add("scripted");
  system.addEventListener("change", apply);
})();
