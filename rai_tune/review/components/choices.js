// A table of data in which a row is chosen by the button in its first cell. Text only ever by textContent.
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
  const rows = data.rows.map((row) => line(row, data, (id) => setTriggerValue("choice", id)));
  root.replaceChildren(framed(data.caption, data.columns, rows));
}
