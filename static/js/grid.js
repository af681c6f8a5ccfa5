// A table that is typed cell by cell, over the field that holds it as text. What stands in the cells is written into that
// field as CSV with each change, so the field is what is sent, and works alone without this.
//
// data-grid: the names of the columns, as JSON. Enter, Up and Down go from row to row, Tab from cell to cell; cells that
// are pasted from a spreadsheet fill those to the right and below. Complaints of the page (data-fault: the row,
// data-column) are shown at their cells.

const MOST_ROWS = 500; // more are looked at as text
const FIRST_ROWS = 3;

const quoted = (text) => (/["\n\r\t,;|]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
const line = (cells) => cells.map(quoted).join(",");
const make = (name, more = {}) => Object.assign(document.createElement(name), more);

// Cells between delimiters, as spreadsheets copy and write them; null where a quotation mark is never closed.
function cellsOf(text, delimiter) {
  const rows = [[""]];
  let isQuoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const sign = text[at];
    const row = rows[rows.length - 1];
    if (isQuoted) {
      if (sign !== '"') row[row.length - 1] += sign;
      else if (text[at + 1] === '"') { row[row.length - 1] += '"'; at += 1; } else isQuoted = false;
    } else if (sign === '"' && row[row.length - 1] === "") isQuoted = true;
    else if (sign === delimiter) row.push("");
    else if (sign === "\n") rows.push([""]);
    else if (sign !== "\r") row[row.length - 1] += sign;
  }
  return isQuoted ? null : rows.filter((row) => row.some((cell) => cell.trim()));
}

// The columns and rows of a text as the server reads it; null for what cannot be shown as cells.
function tableOf(text) {
  if (!text.trim()) return { columns: [], rows: [] };
  if (/^\s*[[{]/.test(text)) return null;
  const [head] = text.trimStart().split(/\r?\n/, 1);
  const delimiter = ["\t", ";", ",", "|"].reduce((best, sign) => (
    (cellsOf(head, sign)?.[0]?.length ?? 0) > (cellsOf(head, best)?.[0]?.length ?? 0) ? sign : best));
  const rows = cellsOf(text, delimiter);
  if (!rows?.length) return null;
  const columns = rows.shift().map((cell) => cell.trim());
  if (columns.some((name) => !name) || rows.some((row) => row.length > columns.length)) return null;
  return { columns, rows };
}

class Grid {
  constructor(field) {
    this.field = field;
    this.own = JSON.parse(field.dataset.grid);
    this.key = `cells-${window.location.pathname}`;
    this.buttons = ["Text", "Cells"].map((label) => make("button", { type: "button", className: "btn btn-sm", textContent: label }));
    const ways = make("div", { className: "ways" });
    ways.setAttribute("role", "group");
    ways.setAttribute("aria-label", "How the inputs are typed");
    ways.append(...this.buttons);
    this.said = make("p", { className: "hint mb-0" });
    this.said.setAttribute("role", "status");
    this.place = make("div", { className: "grid-place", hidden: true });
    field.before(ways);
    field.after(this.place, this.said);
    this.buttons[0].addEventListener("click", () => this.asText());
    this.buttons[1].addEventListener("click", () => this.asCells(true));
    if (sessionStorage.getItem(this.key)) this.asCells(false);
    else this.asText();
  }

  show(isCells) {
    this.field.hidden = isCells;
    this.place.hidden = !isCells;
    this.buttons[0].setAttribute("aria-pressed", String(!isCells));
    this.buttons[1].setAttribute("aria-pressed", String(isCells));
    if (isCells) sessionStorage.setItem(this.key, "yes");
    else sessionStorage.removeItem(this.key);
  }

  asText() {
    this.said.textContent = "";
    this.show(false);
  }

  asCells(isAsked) {
    const table = tableOf(this.field.value);
    if (!table || table.rows.length > MOST_ROWS) {
      this.asText();
      this.said.textContent = table ? `${table.rows.length} rows are too many to be shown as cells.` : "This text is no table of cells: it stays text.";
      return;
    }
    this.said.textContent = "";
    this.columns = [...table.columns, ...this.own.filter((name) => !table.columns.includes(name))];
    this.body = make("tbody");
    const head = make("tr");
    head.append(make("th", { className: "n", textContent: "Row" }));
    for (const name of this.columns) head.append(make("th", { textContent: name }));
    head.append(make("td"));
    const cells = make("table", { className: "table cells" });
    cells.append(make("thead"), this.body);
    cells.tHead.append(head);
    this.more = make("button", { type: "button", className: "btn btn-sm", textContent: "Add a row" });
    this.more.addEventListener("click", () => this.cell(this.addRow(), 0).focus());
    const holder = make("div", { className: "table-responsive" });
    holder.append(cells);
    this.place.replaceChildren(holder, this.more);
    for (const row of table.rows) this.addRow(row);
    while (this.body.rows.length < FIRST_ROWS) this.addRow();
    this.showFaults();
    this.show(true);
    if (isAsked) this.cell(0, 0)?.focus();
  }

  addRow(values = []) {
    const row = this.body.insertRow();
    row.append(make("th", { className: "n quiet", scope: "row" }));
    for (const [place] of this.columns.entries()) {
      const cell = make("textarea", { rows: 1, defaultValue: values[place] ?? "", spellcheck: false, dir: "auto" });
      cell.addEventListener("input", () => this.write());
      cell.addEventListener("keydown", (event) => this.press(event));
      cell.addEventListener("paste", (event) => this.paste(event));
      row.insertCell().append(cell);
    }
    const remove = make("button", { type: "button", className: "btn btn-quiet btn-icon", textContent: "×" });
    remove.addEventListener("click", () => this.remove(row));
    row.insertCell().append(remove);
    this.number(row.sectionRowIndex);
    return this.body.rows.length - 1;
  }

  remove(row) {
    const place = row.sectionRowIndex;
    row.remove();
    if (!this.body.rows.length) this.addRow();
    this.number();
    this.write();
    this.cell(Math.min(place, this.body.rows.length - 1), 0).focus();
  }

  // From this row on: those before have their numbers.
  number(first = 0) {
    for (const [place, row] of [...this.body.rows].entries()) {
      if (place < first) continue;
      row.cells[0].textContent = place + 1;
      for (const [column, name] of this.columns.entries()) this.cell(place, column).setAttribute("aria-label", `${name}, row ${place + 1}`);
      row.lastElementChild.firstElementChild.setAttribute("aria-label", `Remove row ${place + 1}`);
    }
  }

  cell(row, column) { return this.body.rows[row]?.cells[column + 1]?.firstElementChild; }

  where(cell) {
    return [cell.closest("tr").sectionRowIndex, cell.closest("td").cellIndex - 1];
  }

  write() {
    const rows = [...this.body.rows].map((_, row) => this.columns.map((name, column) => this.cell(row, column).value));
    const filled = rows.filter((row) => row.some((cell) => cell.trim()));
    this.field.value = filled.length ? [this.columns, ...filled].map(line).join("\n") : "";
    this.field.dispatchEvent(new Event("input", { bubbles: true }));
  }

  press(event) {
    if (event.isComposing || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const cell = event.target;
    const [row, column] = this.where(cell);
    const isFirst = !cell.value.slice(0, cell.selectionStart).includes("\n");
    const isLast = !cell.value.slice(cell.selectionEnd).includes("\n");
    if (event.key === "ArrowUp" && isFirst) this.cell(row - 1, column)?.focus();
    else if (event.key === "ArrowDown" && isLast) this.cell(row + 1, column)?.focus();
    else if (event.key === "Enter") this.cell(row + 1 < this.body.rows.length ? row + 1 : this.addRow(), column).focus();
    else return;
    event.preventDefault();
  }

  // A text of one cell is pasted as ever.
  paste(event) {
    const text = event.clipboardData.getData("text/plain");
    const pasted = cellsOf(text, "\t");
    if (!pasted?.length || (pasted.length === 1 && pasted[0].length === 1)) return;
    event.preventDefault();
    const [row, column] = this.where(event.target);
    const isHead = pasted[0].every((name, place) => name.trim() === this.columns[column + place]);
    const rows = pasted.slice(isHead ? 1 : 0);
    if (row + rows.length > MOST_ROWS) {
      this.said.textContent = `At most ${MOST_ROWS} rows are typed here: paste more as text.`;
      return;
    }
    const left = rows.some((cells) => column + cells.length > this.columns.length);
    for (const [place, cells] of rows.entries()) {
      if (row + place >= this.body.rows.length) this.addRow();
      for (const [at, value] of cells.entries()) {
        const cell = this.cell(row + place, column + at);
        if (cell) cell.value = value;
      }
    }
    this.said.textContent = left ? "Cells beyond the last column were left out." : "";
    this.write();
    this.cell(row + rows.length - 1, column).focus();
  }

  // The page counts the rows that are not blank, which are all that were sent.
  showFaults() {
    for (const fault of document.querySelectorAll("[data-fault]")) {
      const cell = this.cell(Number(fault.dataset.fault) - 1, Math.max(0, this.columns.indexOf(fault.dataset.column)));
      if (!cell) continue;
      cell.setAttribute("aria-invalid", "true");
      cell.title = fault.textContent.trim().replace(/\s+/g, " ");
    }
  }
}

for (const field of document.querySelectorAll("textarea[data-grid]")) new Grid(field);
