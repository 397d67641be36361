// What every component builds its elements with. It stands before each component's own script. Text only ever by textContent.
function make(tag, text, className) {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  if (className) element.className = className;
  return element;
}

// A table with its caption and heads, in a frame that a keyboard can scroll. The rows are elements.
function framed(caption, columns, rows) {
  const header = make("tr");
  for (const column of columns) {
    const cell = make("th", column.text, column.kind === "number" ? "number" : "");
    cell.scope = "col";
    header.append(cell);
  }
  const head = make("thead");
  head.append(header);
  const body = make("tbody");
  body.append(...rows);
  const table = make("table");
  table.append(make("caption", caption), head, body);
  const scroll = make("div", undefined, "scroll");
  scroll.tabIndex = 0;
  scroll.setAttribute("role", "region");
  scroll.setAttribute("aria-label", caption);
  scroll.append(table);
  return scroll;
}

