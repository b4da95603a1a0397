// The keyboard, the colours and the help.
"use strict";
const help = find("help"), themeButton = find("theme");

const nameTheme = () => {
  themeButton.textContent = theme.dark ? "Light" : "Dark";
  themeButton.setAttribute("aria-label", theme.dark ? "Change to light colours" : "Change to dark colours");
};
const turn = () => { theme.set(theme.dark ? "light" : "dark"); nameTheme(); };
themeButton.addEventListener("click", turn);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", nameTheme);
nameTheme();

find("help-open").addEventListener("click", () => help.showModal());
help.addEventListener("click", (event) => { if (event.target === help) help.close(); });

// current is the object with the focus, anywhere in it.
const current = () => visible.findIndex((o) => o.row?.contains(document.activeElement));

function step(by) {
  const at = current();
  const next = at < 0 ? (by > 0 ? 0 : visible.length - 1) : Math.min(Math.max(at + by, 0), visible.length - 1);
  if (!visible[next]) return;
  focusOn(visible[next]);
  visible[next].row.scrollIntoView({ block: "nearest" });
}

const keys = {
  "/": () => { search.focus(); search.select(); },
  j: () => step(1),
  k: () => step(-1),
  o: () => {
    const object = visible[current()];
    if (!object) return;
    toggle(object);
    focusOn(object);
    object.row.scrollIntoView({ block: "nearest" });
  },
  u: () => setView(!view.split),
  t: turn,
  "?": () => help.showModal(),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
  if (event.target === search) {
    if (event.key === "Escape") {
      search.value = "";
      show();
      search.blur();
    } else if (event.key === "Enter") {
      step(1);
    } else {
      return;
    }
    event.preventDefault();
    return;
  }
  if (event.target.closest("input, select, textarea")) return;
  const act = keys[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});
