// An object in the list: a line, and all about it once it is opened.
"use strict";
const narrow = matchMedia("(max-width: 60rem)");
const view = {
  split: kept.get("view") !== "unified",
  get wide() { return this.split && !narrow.matches; },
};

function row(object) {
  if (object.row) return object.row;
  const fields = object.change === "added" || object.change === "removed" ? 0 : object.fields?.length;
  object.button = element("button", { type: "button", "aria-expanded": "false", onclick: () => toggle(object) },
    element("span.sign." + object.change, { title: object.change }, element("span", { "aria-hidden": "true" }, signs[object.change]), element("span.unseen", {}, object.change + " ")),
    element("span.what", {}, element("span.kind", {}, object.kind), " ", element("bdi.name", {}, object.name)),
    element("span.hint", {}, object.change === "replaced" ? "deleted and made again" : object.hook ? object.hook + " hook" : fields ? plural(fields, "field") : ""),
    object.risk && element("span.level." + object.risk, {}, object.risk, element("span.unseen", {}, " risk")),
    element("span.chevron", { "aria-hidden": "true" }));
  object.row = element("article.object", { id: object.anchor }, element("h4", {}, object.button));
  return object.row;
}

function toggle(object, open = object.button.getAttribute("aria-expanded") !== "true") {
  object.button.setAttribute("aria-expanded", String(open));
  if (open && !object.body) object.row.append(object.body = body(object));
  if (object.body) object.body.hidden = !open;
  // It may have been closed while the others changed.
  if (open && object.lines && object.drawn !== view.wide) redraw(object);
}

function redraw(object) {
  const made = comparison(object, object.drawn = view.wide);
  object.comparison.replaceWith(made);
  object.comparison = made;
}

const isOpen = (object) => object.button?.getAttribute("aria-expanded") === "true";

function body(object) {
  const about = [["template", object.template], ["id", object.id], ["was", object.was], ["wave", object.wave || undefined], ["hook", object.hook]];
  const out = element("div.body", {},
    (object.risks ?? []).length > 0 && element("ul.notes", {}, ...object.risks.map((risk) => element("li", {}, element("span.level." + risk.level, {}, risk.level),
      element("div", {}, element("p", {}, risk.message), element("p.fine", {}, risk.path && element("code", {}, risk.path), " ", element("code.rule", {}, risk.id)))))),
    fieldTable(object));
  if (object.lines) {
    object.drawn = view.wide;
    out.append(object.comparison = comparison(object, view.wide));
  }
  out.append(element("dl.about", {}, ...about.filter(([, value]) => value !== undefined).map(([term, value]) =>
    element("div", {}, element("dt", {}, term), element("dd", {}, element("code", {}, String(value)))))));
  return out;
}

// before and after of a field or a value; either may be missing.
function transition({ before, after }) {
  const side = (name, sign, value) => value !== undefined && element(value.includes("\n") ? "pre." + name : "code." + name, { "data-sign": sign }, value);
  return [side("gone", "−", before), before !== undefined && after !== undefined && element("span.arrow", { "aria-label": "becomes" }, " → "), side("come", "+", after)];
}

const origins = (list) => element("span.origins", {}, ...(list ?? []).map((place) => element("code.origin", {}, place)));

function fieldTable(object) {
  if (!object.fields?.length || object.change === "added" || object.change === "removed") return undefined;
  return element("ul.fields", { "aria-label": "Fields that change" }, ...object.fields.map((field) => element("li", {},
    element("code.path", {}, field.path), element("div.becomes", {}, ...transition(field)), origins(field.causes))));
}

// filled gives a fold its content when it is opened for the first time, or is asked to.
function filled(fold, content) {
  fold.fill = () => { if (fold.childElementCount === 1) fold.append(content()); };
  fold.addEventListener("toggle", fold.fill);
  return fold;
}

function valueList(release) {
  if (!release.values?.length) return undefined;
  const idle = release.values.filter((v) => v.idle).length;
  const fold = element("details.fold-out", {}, element("summary", {}, plural(release.values.length, "value") + " changed",
    idle > 0 && element("span.level.idle", {}, idle === release.values.length ? "no effect" : idle.toLocaleString("en") + " without effect")));
  return filled(fold, () => element("ul.fields", {}, ...release.values.map((value) => element("li", {},
    element("code.path", {}, value.path), element("div.becomes", {}, ...transition(value)), origins(value.places),
    element("p.fine", {}, value.idle ? "Alters nothing in the cluster" : "", ...(value.objects ?? []).flatMap((i, n) => [n ? ", " : "Alters ",
      element("a", { href: "#" + encodeURIComponent(release.objects[i].anchor) }, release.objects[i].kind + " " + release.objects[i].name)]))))));
}

function pictureFold(release) {
  if (!release.picture) return undefined;
  const fold = element("details.fold-out.pictured", {}, element("summary", {}, "Picture",
    release.picture.hidden > 0 && element("span.fine", {}, "without " + plural(release.picture.hidden, "object") + " that nothing leads to")));
  return filled(fold, () => element("div.scroll.drawing", { tabindex: 0, role: "region", "aria-label": "Picture of " + release.anchor }, picture(release)));
}
