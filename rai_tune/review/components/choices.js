// A table of data in which a row is chosen by the button in its first cell. Text only ever by textContent.
function make(tag, text, className) {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  if (className) element.className = className;
  return element;
}

function line(row, data, choose) {
  const element = make("tr", undefined, row.id === data.chosen ? "chosen" : "");
  row.cells.forEach((text, place) => {
    const cell = make(place === 0 ? "th" : "td", place === 0 ? undefined : text, data.columns[place].kind);
    if (place === 0) {
      cell.scope = "row";
      const button = make("button", text);
      button.type = "button";
      button.setAttribute("aria-label", `${data.action} ${text}`);
      if (row.id === data.chosen) button.setAttribute("aria-current", "true");
      button.addEventListener("click", () => choose(row.id));
      cell.append(button);
    }
    element.append(cell);
  });
  return element;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".choices");
  const table = make("table");
  table.append(make("caption", data.caption));
  const head = make("tr");
  for (const column of data.columns) {
    const cell = make("th", column.text, column.kind === "number" ? "number" : "");
    cell.scope = "col";
    head.append(cell);
  }
  const heads = make("thead");
  heads.append(head);
  const body = make("tbody");
  body.append(...data.rows.map((row) => line(row, data, (id) => setTriggerValue("choice", id))));
  table.append(heads, body);
  const scroll = make("div", undefined, "scroll");
  scroll.tabIndex = 0;
  scroll.setAttribute("role", "region");
  scroll.setAttribute("aria-label", data.caption);
  scroll.append(table);
  root.replaceChildren(scroll);
}
