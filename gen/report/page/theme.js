// Runs before anything is drawn, so that the page does not flash in the other colours.
"use strict";
// A browser may refuse storage to a page that is a file; then choices last as long as it is open.
const kept = {
  get(name) { try { return localStorage.getItem("towpath." + name); } catch { return null; } },
  set(name, value) { try { localStorage.setItem("towpath." + name, value); } catch { /* As said. */ } },
};
const theme = {
  get dark() {
    const chosen = document.documentElement.dataset.theme;
    return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  },
  set(name) { document.documentElement.dataset.theme = name; kept.set("theme", name); },
};
if (["light", "dark"].includes(kept.get("theme"))) document.documentElement.dataset.theme = kept.get("theme");
