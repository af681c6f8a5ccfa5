// Completion of what is typed: a list below the field, moved through by arrows, taken by Enter, Tab or a click, closed by
// Escape. The server says what fits at the cursor. Places are counted in characters, as the server counts them.
//
// data-completes: whom to ask. data-options: the list's name. data-behind: in a long text, the sign behind which a name is
// completed; then its first line is marked at once, and arrows and Enter are the text's own while no list is open.

const WAIT_MS = 120;
const SENT = 200; // characters before the cursor, of a long text
const NAME = 80; // what is longer than that behind the sign is no name that somebody still types
const characters = (text) => [...text];

class Completion {
  constructor(field) {
    this.field = field;
    this.sign = field.dataset.behind ?? "";
    this.list = Object.assign(document.createElement("div"), { id: `${field.id}_options`, className: "options", hidden: true });
    this.list.setAttribute("role", "listbox");
    this.list.setAttribute("aria-label", field.dataset.options);
    this.found = Object.assign(document.createElement("div"), { className: "visually-hidden" });
    this.found.setAttribute("role", "status");
    const place = Object.assign(document.createElement("div"), { className: "options-place" });
    place.append(this.list, this.found);
    field.after(place);
    this.waiting = 0;
    this.asked = 0;
    this.shown = { text: "", start: 0, end: 0, options: [] }; // what is offered, and for which text of the field
    this.active = -1;
    this.describe();
    this.listen();
  }

  // A text of several lines is no combobox to browsers: it keeps its role, and says the rest.
  describe() {
    if (!this.sign) this.field.setAttribute("role", "combobox");
    else this.field.setAttribute("aria-haspopup", "listbox");
    this.field.setAttribute("aria-autocomplete", "list");
    this.field.setAttribute("aria-controls", this.list.id);
    this.expand(false);
  }

  expand(isOpen) {
    this.list.hidden = !isOpen;
    if (!this.sign) this.field.setAttribute("aria-expanded", String(isOpen));
  }

  get isOpen() { return !this.list.hidden; }

  close() {
    clearTimeout(this.waiting);
    this.asked += 1; // an answer that is still on its way opens nothing
    this.active = -1;
    this.expand(false);
    this.field.removeAttribute("aria-activedescendant");
    this.found.textContent = "";
  }

  rowOf(option, nth) {
    const row = Object.assign(document.createElement("div"), { id: `${this.field.id}_option_${nth}`, className: "option" });
    row.setAttribute("role", "option");
    row.setAttribute("aria-selected", "false");
    const label = Object.assign(document.createElement("span"), { className: "clip", textContent: option.label });
    const about = Object.assign(document.createElement("span"), { className: "quiet clip", textContent: option.about });
    row.append(label, " ", about);
    return row;
  }

  show(answer, text, from) {
    if (!answer.options.length) { this.close(); return; }
    this.shown = { text, start: answer.start + from, end: answer.end + from, options: answer.options };
    this.active = -1;
    this.field.removeAttribute("aria-activedescendant");
    this.list.replaceChildren(...answer.options.map((option, nth) => this.rowOf(option, nth)));
    this.expand(true);
    this.list.scrollTop = 0;
    this.found.textContent = answer.options.length === 1 ? "1 suggestion" : `${answer.options.length} suggestions`;
    if (this.sign) this.mark(0);
  }

  // What the server is asked: all of a short field, of a long text what stands before the cursor.
  typed() {
    const before = characters(this.field.value.slice(0, this.field.selectionStart));
    if (!this.sign) return { q: this.field.value, at: before.length, from: 0 };
    const sent = before.slice(-SENT);
    return { q: sent.join(""), at: sent.length, from: before.length - sent.length };
  }

  isBehindSign(text) {
    const line = text.slice(text.lastIndexOf("\n") + 1);
    const place = line.lastIndexOf(this.sign);
    return place >= 0 && line.length - place <= NAME;
  }

  async ask() {
    this.asked += 1;
    const mine = this.asked;
    const text = this.field.value;
    const { q, at, from } = this.typed();
    if (this.sign && !this.isBehindSign(q)) { this.close(); return; }
    try {
      const answer = await fetch(`${this.field.dataset.completes}?${new URLSearchParams({ q, at })}`);
      const words = answer.ok && !answer.redirected ? await answer.json() : { options: [] };
      if (mine === this.asked && document.activeElement === this.field) this.show(words, text, from);
    } catch { // not reached: the field works as it does without a list
      this.close();
    }
  }

  mark(nth) {
    const rows = [...this.list.children];
    this.active = (nth + rows.length) % rows.length;
    for (const [place, row] of rows.entries()) row.setAttribute("aria-selected", String(place === this.active));
    this.field.setAttribute("aria-activedescendant", rows[this.active].id);
    rows[this.active].scrollIntoView({ block: "nearest" });
  }

  async take(nth) {
    let option = this.shown.options[nth];
    if (this.shown.text !== this.field.value) { // typed on since: its place is another one now, if it still fits at all
      await this.ask();
      option = this.shown.text === this.field.value ? this.shown.options.find((one) => one.text === option.text) : undefined;
      if (!option) return;
    }
    const text = characters(this.field.value);
    const rest = text.slice(this.shown.end).join("");
    const gap = option.goes_on || rest.startsWith(" ") ? "" : " ";
    const before = text.slice(0, this.shown.start).join("") + option.text + gap;
    this.field.value = before + rest;
    this.field.setSelectionRange(before.length, before.length);
    this.field.focus();
    this.close();
    if (option.goes_on) this.ask();
  }

  press(event) {
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && this.isOpen) this.mark(this.active < 0 && step < 0 ? -1 : this.active + step);
    else if (event.key === "ArrowDown" && !this.sign) this.ask();
    else if (["Enter", "Tab"].includes(event.key) && !event.shiftKey && this.isOpen && this.active >= 0) this.take(this.active);
    else if (event.key === "Escape" && this.isOpen) this.close();
    else {
      if (["ArrowLeft", "ArrowRight", "Home", "End", "Enter"].includes(event.key)) this.close();
      return;
    }
    event.preventDefault();
  }

  listen() {
    this.field.addEventListener("input", () => {
      clearTimeout(this.waiting);
      this.waiting = setTimeout(() => this.ask(), WAIT_MS);
    });
    this.field.addEventListener("keydown", (event) => this.press(event));
    this.field.addEventListener("blur", () => this.close());
    this.list.addEventListener("mousedown", (event) => event.preventDefault()); // the field keeps the focus
    this.list.addEventListener("click", (event) => {
      const row = event.target.closest("[role=option]");
      if (row) this.take([...this.list.children].indexOf(row));
    });
  }
}

// Fields of parts that come later begin when somebody goes to them.
const begun = new WeakSet();
function begin(field) {
  if (begun.has(field)) return;
  begun.add(field);
  new Completion(field);
}
for (const field of document.querySelectorAll("[data-completes]")) begin(field);
document.addEventListener("focusin", (event) => { if (event.target.matches("[data-completes]")) begin(event.target); });
