// Two states of an object, side by side or as one text.
"use strict";

function compared(object) {
  const partner = new Map(object.pairs ?? []);
  let before = 0, after = 0;
  const lines = object.lines.split("\n").map((text, i) => {
    const op = text[0];
    return { i, op, text: text.slice(1), words: object.words?.[i], pair: partner.get(i),
      before: op === "+" ? undefined : ++before, after: op === "-" ? undefined : ++after };
  });
  return lines;
}

// rows puts lines next to each other: a pair in one row, others where there is room.
function rows(lines) {
  const out = [];
  for (let i = 0; i < lines.length;) {
    if (lines[i].op === " ") { out.push([lines[i], lines[i]]); i++; continue; }
    const gone = [], come = [];
    for (; i < lines.length && lines[i].op !== " "; i++) (lines[i].op === "-" ? gone : come).push(lines[i]);
    let g = 0, c = 0;
    const upTo = (endGone, endCome) => {
      while (g < endGone || c < endCome) out.push([g < endGone ? gone[g++] : undefined, c < endCome ? come[c++] : undefined]);
    };
    gone.forEach((line, at) => {
      if (line.pair === undefined) return;
      upTo(at, come.findIndex((other) => other.i === line.pair));
      out.push([gone[g++], come[c++]]);
    });
    upTo(gone.length, come.length);
  }
  return out;
}

const opClass = { "-": "gone", "+": "come", " ": "kept" };

// text is the cell of a line, with what differs from its pair marked.
function text(line) {
  if (!line) return element("td.text.void");
  const cell = element("td.text." + opClass[line.op], { "data-sign": line.op === " " ? undefined : line.op });
  const words = line.words ?? [];
  let at = 0;
  for (let i = 0; i < words.length; i += 2) {
    cell.append(line.text.slice(at, words[i]), element("mark", {}, line.text.slice(words[i], words[i + 1])));
    at = words[i + 1];
  }
  cell.append(line.text.slice(at));
  return cell;
}

// Numbers stand in attributes: who copies the lines does not want them.
const number = (n, line) => element("td.number" + (line && line.op !== " " ? "." + opClass[line.op] : ""), { "data-n": n });

function comparison(object, split) {
  const lines = compared(object);
  split &&= object.change !== "added" && object.change !== "removed";
  const all = split ? rows(lines) : lines;
  const make = split
    ? ([a, b]) => element("tr", {}, number(a?.before, a), text(a), number(b?.after, b), text(b))
    : (line) => element("tr", {}, number(line.before, line), number(line.after, line), text(line));
  const kept = split ? ([a]) => a?.op === " " : (line) => line.op === " ";
  const body = element("tbody");
  const context = 3;
  for (let i = 0; i < all.length;) {
    let end = i;
    while (end < all.length && kept(all[end])) end++;
    const start = i === 0 ? 0 : i + context, stop = end === all.length ? end : end - context;
    // What is not much is not folded; neither is anything if nothing changes.
    if (stop - start > 3 && !(i === 0 && end === all.length)) {
      all.slice(i, start).forEach((row) => body.append(make(row)));
      body.append(fold(all.slice(start, stop), make, split ? 4 : 3));
      all.slice(stop, end).forEach((row) => body.append(make(row)));
    } else {
      all.slice(i, end).forEach((row) => body.append(make(row)));
    }
    for (i = end; i < all.length && !kept(all[i]); i++) body.append(make(all[i]));
  }
  return element("div.scroll.code" + (split ? ".split" : ""), { tabindex: 0, role: "region", "aria-label": "YAML of " + object.kind + " " + object.name },
    element("table", {}, body));
}

function fold(hidden, make, columns) {
  const row = element("tr.fold", {}, element("td", { colspan: columns },
    element("button.link", { type: "button", onclick: () => row.replaceWith(...hidden.map(make)) }, "⋯ " + plural(hidden.length, "line") + " as before")));
  return row;
}
