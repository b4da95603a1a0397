// The picture of a release: boxes for objects, lines for what they select and mount.
"use strict";

function svg(name, attributes, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes ?? {})) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// Boxes are of one width; a longer name keeps its start and its end.
function short(text, most) {
  const runes = [...text];
  return runes.length <= most ? text : runes.slice(0, most - 7).join("") + "…" + runes.slice(-6).join("");
}

function path(points) {
  let d = "M" + points[0].join(" ");
  for (let i = 1; i < points.length; i++) {
    const [x0, y0] = points[i - 1], [x, y] = points[i], bend = (x - x0) / 2;
    d += y === y0 ? "H" + x : "C" + (x0 + bend) + " " + y0 + " " + (x - bend) + " " + y + " " + x + " " + y;
  }
  return d;
}

function picture(release) {
  const { width, height, nodes, edges } = release.picture;
  const drawing = svg("svg", { viewBox: "0 0 " + width + " " + height, width, height, role: "group",
    "aria-label": "Objects of " + release.anchor + " and what they refer to" });
  const changed = (i) => release.objects[i].change !== "unchanged";
  for (const { from, to, points } of edges) {
    drawing.append(svg("path", { class: "edge" + (changed(from) || changed(to) ? " near" : ""), d: path(points), "data-from": from, "data-to": to }));
    drawing.append(svg("circle", { class: "dot", cx: points.at(-1)[0], cy: points.at(-1)[1], r: 3 }));
  }
  for (const { o, x, y } of nodes) {
    const object = release.objects[o];
    const said = object.kind + " " + object.name + ": " + object.change + (object.risk ? ", " + object.risk + " risk" : "");
    const box = svg("a", { class: "box " + object.change, href: "#" + encodeURIComponent(object.anchor), transform: "translate(" + x + " " + y + ")", "aria-label": said },
      svg("title", {}, said),
      svg("rect", { width: 200, height: 44, rx: 8 }),
      svg("text", { class: "kind", x: 12, y: 17 }, short(object.kind, 26)),
      svg("text", { class: "name", x: 12, y: 34 }, short(object.name, 25)));
    if (changed(o)) box.append(svg("text", { class: "sign", x: 186, y: 18 }, signs[object.change]));
    if (object.risk) box.append(svg("circle", { class: "risk " + object.risk, cx: 186, cy: 31, r: 4 }));
    // Who looks at a box sees its lines.
    const light = (on) => () => drawing.querySelectorAll('[data-from="' + o + '"],[data-to="' + o + '"]').forEach((e) => e.classList.toggle("lit", on));
    for (const type of ["pointerenter", "focus"]) box.addEventListener(type, light(true));
    for (const type of ["pointerleave", "blur"]) box.addEventListener(type, light(false));
    drawing.append(box);
  }
  return drawing;
}
