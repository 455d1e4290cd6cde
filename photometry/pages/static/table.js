// A table of any number of rows: only those in view are in the document, sorting orders an array of row numbers.
"use strict";

class VirtualTable {
  /**
   * @param {HTMLElement} parent where it goes
   * @param {Array} columns of {name, label, title, text(row), value(row), align, status}: value sorts, text is shown
   * @param {function} onRow called with the row that is clicked
   */
  constructor(parent, columns, onRow) {
    this.columns = columns;
    this.onRow = onRow;
    this.order = new Uint32Array(0);
    this.sorted = {column: null, descending: false};
    this.rowHeight = 28;
    this.top = 0;
    this.head = element("div", {class: "table-head", role: "row"});
    this.body = element("div", {class: "table-body", tabindex: "0"});
    this.space = element("div", {class: "table-space"});
    this.body.append(this.space);
    this.template = columns.map((column) => column.width || "minmax(62px, 1fr)").join(" ");
    const table = element("div", {class: "table", role: "table"});
    table.append(this.head, this.body);
    parent.append(table);
    this.body.addEventListener("scroll", () => {
      this.top = this.body.scrollTop;
      this.draw();
    });
    window.addEventListener("resize", () => this.draw());
    this.drawHead();
  }

  drawHead() {
    this.head.style.gridTemplateColumns = this.template;
    this.head.replaceChildren(...this.columns.map((column) => {
      const isSorted = this.sorted.column === column;
      const arrow = isSorted ? (this.sorted.descending ? " ▼" : " ▲") : "";
      const cell = element("button", {
        class: `cell head ${column.align || ""}`, title: column.title || "", "data-column": column.name, type: "button",
      }, column.label + arrow);
      cell.addEventListener("click", () => this.sortBy(column, isSorted ? !this.sorted.descending : !!column.descending));
      return cell;
    }));
  }

  /** Show rows by their numbers, in the order that was chosen; as many as before stay where they were. */
  show(rows) {
    const top = rows.length === this.order.length ? this.top : 0;
    this.order = Uint32Array.from(rows);
    if (this.sorted.column) this.arrange();
    this.space.style.height = `${this.order.length * this.rowHeight}px`;
    this.body.scrollTop = top;
    this.draw();
  }

  sortBy(column, descending) {
    this.sorted = {column, descending};
    this.arrange();
    this.drawHead();
    this.body.scrollTop = 0;
    this.draw();
  }

  /** Order by the column; what is missing comes last either way. */
  arrange() {
    const {column, descending} = this.sorted;
    const sign = descending ? -1 : 1;
    const present = [];
    const missing = [];
    const values = new Map();
    for (const row of this.order) {
      const value = column.value(row);
      values.set(row, value);
      (value === "" || Number.isNaN(value) || value === null ? missing : present).push(row);
    }
    const isText = present.length > 0 && typeof values.get(present[0]) === "string";
    const compare = isText
      ? (a, b) => (values.get(a) < values.get(b) ? -sign : values.get(a) > values.get(b) ? sign : a - b)
      : (a, b) => sign * (values.get(a) - values.get(b)) || a - b;
    this.order = Uint32Array.from([...present.sort(compare), ...missing]);
  }

  draw() {
    const first = Math.max(0, Math.floor(this.body.scrollTop / this.rowHeight) - 5);
    const last = Math.min(this.order.length, first + Math.ceil(this.body.clientHeight / this.rowHeight) + 10);
    const rows = [];
    for (let place = first; place < last; place++) rows.push(this.rowElement(place));
    this.space.replaceChildren(...rows);
  }

  rowElement(place) {
    const number = this.order[place];
    const row = element("div", {class: "table-row", role: "row", "data-row": String(number)});
    row.style.gridTemplateColumns = this.template;
    row.style.top = `${place * this.rowHeight}px`;
    for (const column of this.columns) {
      const text = column.text(number);
      const cell = element("span", {class: `cell ${column.align || ""}`, role: "cell", title: column.align ? "" : text}, text);
      if (column.status) cell.classList.add("status", `is-${text.toLowerCase()}`);
      row.append(cell);
    }
    row.addEventListener("click", () => this.onRow(number));
    return row;
  }
}

/** Make an element with attributes and a text, which is never read as HTML. */
function element(name, attributes = {}, text = "") {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== "") made.textContent = text;
  return made;
}
