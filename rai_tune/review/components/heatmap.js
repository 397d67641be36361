// Text of data, piece by piece, as textContent on a coloured ground; the number is the piece's title.
const STRONGEST = 0.6;
const BLUE = "0, 114, 178";
const ORANGE = "230, 159, 0";

function paint(element, weight) {
  if (typeof weight !== "number" || !Number.isFinite(weight) || weight === 0) return;
  const strength = (STRONGEST * Math.min(Math.abs(weight), 1)).toFixed(3);
  element.style.backgroundColor = `rgba(${weight > 0 ? BLUE : ORANGE}, ${strength})`;
  element.classList.add(weight > 0 ? "raises" : "lowers");
}

function piece(item) {
  const element = make("span", item.text, "piece");
  paint(element, item.weight);
  if (item.note) element.title = item.note;
  return element;
}

function legend(items) {
  const list = make("ul", undefined, "legend");
  for (const item of items) {
    const line = make("li");
    const sample = make("span", item.sample, "piece");
    sample.setAttribute("aria-hidden", "true");
    paint(sample, item.weight);
    line.append(sample, make("span", ` ${item.text}`));
    list.append(line);
  }
  return list;
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".heatmap");
  const text = make("div", undefined, "text");
  text.tabIndex = 0;
  text.dir = "auto";
  text.setAttribute("role", "group");
  text.setAttribute("aria-label", data.label);
  text.append(...data.pieces.map(piece));
  root.replaceChildren(text);
  if (data.legend.length) root.append(legend(data.legend));
}
