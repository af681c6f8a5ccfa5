// Completion of a typed filter: a list below the field, moved through by arrows, taken by Enter, Tab or a click, closed
// by Escape. The server says what fits at the cursor. Places are counted in characters, as the server counts them.

(() => {
  const field = document.querySelector("[data-completes]");
  if (!field) return;
  const list = document.getElementById("q_options");
  const found = document.getElementById("q_found");
  const WAIT_MS = 120;
  let waiting = 0;
  let asked = 0;
  let shown = { text: "", start: 0, end: 0, options: [] }; // what is offered, and for which text of the field
  let active = -1;

  field.setAttribute("role", "combobox");
  field.setAttribute("aria-autocomplete", "list");
  field.setAttribute("aria-controls", list.id);
  field.setAttribute("aria-expanded", "false");

  const isOpen = () => !list.hidden;
  const characters = (text) => [...text];

  function close() {
    clearTimeout(waiting);
    asked += 1; // an answer that is still on its way opens nothing
    list.hidden = true;
    active = -1;
    field.setAttribute("aria-expanded", "false");
    field.removeAttribute("aria-activedescendant");
    found.textContent = "";
  }

  function optionOf(option, nth) {
    const row = Object.assign(document.createElement("div"), { id: `q_option_${nth}`, className: "option" });
    row.setAttribute("role", "option");
    row.setAttribute("aria-selected", "false");
    const label = Object.assign(document.createElement("span"), { className: "clip", textContent: option.label });
    const about = Object.assign(document.createElement("span"), { className: "quiet clip", textContent: option.about });
    row.append(label, " ", about);
    return row;
  }

  function show(answer, text) {
    if (!answer.options.length) { close(); return; }
    shown = { ...answer, text };
    active = -1;
    field.removeAttribute("aria-activedescendant");
    list.replaceChildren(...answer.options.map(optionOf));
    list.hidden = false;
    list.scrollTop = 0;
    field.setAttribute("aria-expanded", "true");
    found.textContent = `${answer.options.length} suggestions`;
  }

  async function ask() {
    asked += 1;
    const mine = asked;
    const text = field.value;
    const at = characters(text.slice(0, field.selectionStart)).length;
    try {
      const answer = await fetch(`${field.dataset.completes}?${new URLSearchParams({ q: text, at })}`);
      const words = answer.ok && !answer.redirected ? await answer.json() : { options: [] };
      if (mine === asked && document.activeElement === field) show(words, text);
    } catch { // not reached: the field works as it does without a list
      close();
    }
  }

  function mark(nth) {
    const rows = [...list.children];
    active = (nth + rows.length) % rows.length;
    for (const [place, row] of rows.entries()) row.setAttribute("aria-selected", String(place === active));
    field.setAttribute("aria-activedescendant", rows[active].id);
    rows[active].scrollIntoView({ block: "nearest" });
  }

  async function take(nth) {
    let option = shown.options[nth];
    if (shown.text !== field.value) { // typed on since: its place is another one now, if it still fits at all
      await ask();
      option = shown.text === field.value ? shown.options.find((one) => one.text === option.text) : undefined;
      if (!option) return;
    }
    const text = characters(field.value);
    const rest = text.slice(shown.end).join("");
    const gap = option.goes_on || rest.startsWith(" ") ? "" : " ";
    const before = text.slice(0, shown.start).join("") + option.text + gap;
    field.value = before + rest;
    field.setSelectionRange(before.length, before.length);
    field.focus();
    close();
    if (option.goes_on) ask();
  }

  field.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(ask, WAIT_MS);
  });
  field.addEventListener("keydown", (event) => {
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && isOpen()) mark(active < 0 && step < 0 ? -1 : active + step);
    else if (event.key === "ArrowDown") ask();
    else if (["Enter", "Tab"].includes(event.key) && !event.shiftKey && isOpen() && active >= 0) take(active);
    else if (event.key === "Escape" && isOpen()) close();
    else {
      if (["ArrowLeft", "ArrowRight", "Home", "End", "Enter"].includes(event.key)) close();
      return;
    }
    event.preventDefault();
  });
  field.addEventListener("blur", close);
  list.addEventListener("mousedown", (event) => event.preventDefault()); // the field keeps the focus
  list.addEventListener("click", (event) => {
    const row = event.target.closest("[role=option]");
    if (row) take([...list.children].indexOf(row));
  });
})();
