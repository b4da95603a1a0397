// The report, and how elements are made of it. What comes from the data becomes text, never markup.
"use strict";
const report = JSON.parse(document.getElementById("data").textContent);

// element("p.fine", {title: "…"}, "text", child): attributes of undefined or false are left out.
function element(name, attributes, ...children) {
  const [tag, ...classes] = name.split(".");
  const made = document.createElement(tag);
  if (classes.length) made.className = classes.join(" ");
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value !== undefined && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((c) => c !== undefined && c !== null && c !== false));
  return made;
}

const signs = { added: "+", removed: "−", changed: "~", replaced: "!", renamed: "→", unchanged: "=" };
const weights = { low: 1, medium: 2, high: 3 };
const plural = (n, noun) => n.toLocaleString("en") + " " + noun + (n === 1 ? "" : "s");

// Objects know their release, and releases their environment.
const releases = [], objects = [], byAnchor = new Map();
for (const environment of report.environments) {
  for (const release of environment.releases) {
    release.environment = environment;
    releases.push(release);
    byAnchor.set(release.anchor, release);
    for (const object of release.objects) {
      object.release = release;
      objects.push(object);
      byAnchor.set(object.anchor, object);
    }
  }
}

// What a search looks through, made when somebody searches for the first time.
function haystack(object) {
  object.hay ??= [object.release.anchor, object.id, object.kind + " " + object.name, object.api, object.template, object.was, object.lines,
    ...(object.risks ?? []).flatMap((r) => [r.id, r.message]),
    ...(object.fields ?? []).flatMap((f) => [f.path, f.before, f.after, ...(f.causes ?? [])])].join("\n").toLowerCase();
  return object.hay;
}
