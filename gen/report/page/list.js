// The list of objects by environment and release, and what is shown of it.
"use strict";
const find = (id) => document.getElementById(id);
const list = find("list"), search = find("search"), kind = find("kind"), risk = find("risk");
const order = ["removed", "replaced", "changed", "renamed", "added", "unchanged"];
const chosen = new Set(order.slice(0, -1));
let visible = [];

const moved = (release) => release.change !== "unchanged" || release.values?.length > 0 || release.objects.some((o) => o.change !== "unchanged");

function section(release) {
  if (release.section) return release.section;
  const counts = order.map((c) => [c, release.objects.filter((o) => o.change === c).length]).filter(([, n]) => n > 0);
  release.rows = element("div.rows");
  release.section = element("section.release", { id: release.anchor, tabindex: -1, "aria-label": release.anchor },
    element("header", {}, element("h3", {}, element("bdi", {}, release.environment.name), element("span.slash", {}, " / "), element("bdi", {}, release.name)),
      element("p.fine", {}, counts.map(([c, n]) => n.toLocaleString("en") + " " + c).join(", "), release.chart && " · chart ", release.chart && element("code", {}, release.chart))),
    pictureFold(release), valueList(release), release.rows);
  return release.section;
}

// show makes the list anew from what is chosen. Rows are made when they are shown for the first time.
function show() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const least = Number(risk.value);
  const filtered = words.length > 0 || least > 0 || kind.value !== "";
  visible = objects.filter((o) => chosen.has(o.change) && (kind.value === "" || o.kind === kind.value) &&
    (weights[o.risk] ?? 0) >= least && words.every((w) => haystack(o).includes(w)));
  const wanted = new Set(visible), parts = [];
  for (const release of releases) {
    const mine = release.objects.filter((o) => wanted.has(o));
    if (mine.length === 0 && (filtered || !moved(release))) continue;
    section(release);
    replace(release.rows, mine.map(row));
    parts.push(release.section);
  }
  replace(list, parts);
  const changing = objects.filter((o) => chosen.has(o.change)).length;
  find("shown").textContent = filtered ? visible.length.toLocaleString("en") + " of " + plural(changing, "object") : plural(visible.length, "object");
  find("all").hidden = visible.length === 0;
  find("all").textContent = visible.every(isOpen) ? "Close all" : "Open all";
  find("nothing").hidden = parts.length > 0;
  for (const chip of find("chips").children) chip.setAttribute("aria-pressed", String(chosen.has(chip.value)));
  find("split").setAttribute("aria-pressed", String(view.wide));
  find("unified").setAttribute("aria-pressed", String(!view.wide));
}

// replace leaves alone what is right already: moving thousands of rows is slow, and loses the focus.
function replace(parent, wanted) {
  if (parent.childElementCount === wanted.length && wanted.every((child, i) => parent.children[i] === child)) return;
  parent.replaceChildren(...wanted);
}

function setView(split) {
  view.split = split;
  kept.set("view", split ? "split" : "unified");
  redrawOpen();
}

function redrawOpen() {
  for (const object of objects) if (isOpen(object) && object.lines && object.drawn !== view.wide) redraw(object);
  show();
}

function reset() {
  search.value = kind.value = "";
  risk.value = "0";
  order.slice(0, -1).forEach((c) => chosen.add(c));
}

// goTo shows a release or an object, whatever is filtered out at the moment.
function goTo(anchor, open = true) {
  const target = byAnchor.get(anchor);
  if (!target) return;
  const hidden = target.release ? !visible.includes(target) : !target.section?.isConnected || !moved(target) && !chosen.has("unchanged");
  if (hidden) {
    reset();
    if (target.release ? target.change === "unchanged" : !moved(target)) chosen.add("unchanged");
    show();
  }
  if (target.release) {
    if (open) toggle(target, true);
    focusOn(target);
    target.row.scrollIntoView({ block: "start" });
  } else {
    target.section.focus({ preventScroll: true });
    target.section.scrollIntoView({ block: "start" });
  }
}

function focusOn(object) {
  object.button.focus({ preventScroll: true });
}

const named = () => { try { return decodeURIComponent(location.hash.slice(1)); } catch { return ""; } };

for (const change of order) {
  const n = objects.filter((o) => o.change === change).length;
  if (n === 0) continue;
  find("chips").append(element("button.chip." + change, { type: "button", value: change, onclick: () => {
    if (!chosen.delete(change)) chosen.add(change);
    show();
  } }, element("span", { "aria-hidden": "true" }, signs[change]), " " + change + " ", element("span.n", {}, n.toLocaleString("en"))));
}
for (const name of [...new Set(objects.map((o) => o.kind))].sort()) kind.append(element("option", { value: name }, name));

search.addEventListener("input", show);
kind.addEventListener("change", show);
risk.addEventListener("change", show);
find("clear").addEventListener("click", () => { reset(); show(); search.focus(); });
find("split").addEventListener("click", () => setView(true));
find("unified").addEventListener("click", () => setView(false));
find("all").addEventListener("click", () => {
  const open = !visible.every(isOpen);
  visible.forEach((object) => toggle(object, open));
  show();
});
// Paper can't be clicked: what is shown is printed open, unless that were a book, and is as it was afterwards.
let printed = [];
addEventListener("beforeprint", () => {
  if (visible.length > 300) return;
  const closed = visible.filter((object) => !isOpen(object));
  const folded = [...document.querySelectorAll("#list details:not([open])")];
  printed = [...closed.map((object) => () => toggle(object, false)), ...folded.map((fold) => () => { fold.open = false; })];
  closed.forEach((object) => toggle(object, true));
  folded.forEach((fold) => { fold.fill(); fold.open = true; }); // Its event would come after the page is printed.
});
addEventListener("afterprint", () => {
  printed.forEach((undo) => undo());
  printed = [];
});
narrow.addEventListener("change", redrawOpen);
addEventListener("hashchange", () => goTo(named()));
// A second click on the same link goes there again.
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href^='#'], a.box");
  if (link && decodeURIComponent(link.getAttribute("href").slice(1)) === named()) goTo(named());
});

find("bar").hidden = false;
show();
// Few releases are told best by their pictures; among many they would be in the way.
if (!narrow.matches && releases.filter((r) => r.picture).length <= 3) {
  document.querySelectorAll("details.pictured").forEach((fold) => { fold.open = true; });
}
if (named()) goTo(named());
