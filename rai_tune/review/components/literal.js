// Shows text literally: elements come from the closed list below, their text only ever from textContent.
const TONES = new Set(["pass", "fail", "insufficient", "waiting", "none"]);

function tone(name) {
  return TONES.has(name) ? name : "none";
}

// A link to a page. A plain click stays in this session: the address changes as by the browser's own history, which the app
// follows without loading the page anew. (Asking the server to switch pages leaves an address in between in that history.)
function link(text, page, run, query) {
  const anchor = make("a", text);
  const path = page === "inbox" ? "./" : `./${encodeURIComponent(page)}`;
  const asked = new URLSearchParams([...(run ? [["run", run]] : []), ...(query || [])]).toString();
  anchor.href = asked ? `${path}?${asked}` : path;
  anchor.target = "_self";
  anchor.addEventListener("click", (event) => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    window.history.pushState({}, "", anchor.href);
    window.dispatchEvent(new PopStateEvent("popstate"));
  });
  return anchor;
}

function fill(element, cell) {
  if (cell.run || cell.page) element.append(link(cell.text, cell.page || "run", cell.run, cell.query));
  else if (cell.tone && cell.text) element.append(make("span", cell.text, `chip ${tone(cell.tone)}`));
  else element.append(make("span", cell.text));
  if (cell.note) element.append(make("span", cell.note, "note"));
  return element;
}

function table(block) {
  const rows = block.rows.map((row) => {
    const line = make("tr");
    row.forEach((cell, place) => {
      const element = make(place === 0 ? "th" : "td", undefined, place === 0 ? "" : block.columns[place].kind);
      if (place === 0) element.scope = "row";
      line.append(fill(element, cell));
    });
    return line;
  });
  return framed(block.caption, block.columns, rows);
}

function back(block) {
  const line = make("p");
  line.append(make("span", "← "), link(block.text, "inbox", ""));
  return line;
}

function banner(block) {
  const box = make("div", undefined, `banner ${tone(block.tone)}`);
  const verdict = make("p", undefined, "verdict");
  const icon = make("span", block.icon, "icon");
  icon.setAttribute("aria-hidden", "true");
  verdict.append(icon, make("span", block.word, "word"));
  box.append(verdict);
  if (block.sentence) box.append(make("p", block.sentence, "why"));
  return box;
}

function notice(block) {
  const line = make("p", undefined, `notice ${tone(block.tone)}`);
  line.setAttribute("role", "note");
  const icon = make("span", block.icon, "icon");
  icon.setAttribute("aria-hidden", "true");
  line.append(icon, make("span", block.text));
  return line;
}

function facts(block) {
  const list = make("dl", undefined, `${block.code ? "code" : ""} ${block.dense ? "dense" : ""}`.trim());
  for (const [name, text] of block.rows) {
    const pair = make("div");
    pair.append(make("dt", name), make("dd", text));
    list.append(pair);
  }
  return list;
}

function bullets(block) {
  const list = make("ul");
  for (const text of block.texts) list.append(make("li", text));
  return list;
}

function code(block) {
  const text = make("pre", block.text);
  text.tabIndex = 0;
  text.setAttribute("role", "region");
  text.setAttribute("aria-label", block.label);
  return text;
}

function links(block) {
  const line = make("p", undefined, "links");
  for (const cell of block.cells) line.append(link(cell.text, cell.page || "run", cell.run, cell.query));
  return line;
}

const BUILDERS = {
  heading: (block) => make(`h${[1, 2, 3, 4].includes(block.level) ? block.level : 4}`, block.text),
  paragraph: (block) => make("p", block.text, block.muted ? "muted" : ""),
  back,
  banner,
  notice,
  facts,
  bullets,
  code,
  links,
  table,
};

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".literal");
  root.replaceChildren(...data.blocks.map((block) => BUILDERS[block.kind](block)));
}
