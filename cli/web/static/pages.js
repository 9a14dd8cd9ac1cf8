// What htmx does not do: keys, a photo that is dropped or pasted, choosing in grids.
// Keys stand in the pages, in aria-keyshortcuts, where screen readers find them too.
"use strict";

const typing = (element) =>
  element.matches("input:not([type=checkbox],[type=radio],[type=file]), textarea, select, [contenteditable]");
const shown = (element) => element.checkVisibility?.() ?? true;

function called(element) {
  const text = element.getAttribute("aria-label") || element.title || element.placeholder || element.innerText;
  return text.trim().split("\n")[0];
}

function showKeys() {
  const dialog = document.getElementById("keys");
  const list = dialog.querySelector("dl");
  const line = (key, what) => {
    const [dt, dd, kbd] = ["dt", "dd", "kbd"].map((name) => document.createElement(name));
    kbd.textContent = key;
    dt.append(kbd);
    dd.textContent = what;
    list.append(dt, dd);
  };
  list.replaceChildren();
  for (const element of document.querySelectorAll("[aria-keyshortcuts]")) {
    if (element.id === "photo" || shown(element)) line(element.getAttribute("aria-keyshortcuts"), called(element));
  }
  if (document.querySelector("[data-grid]")) line("← ↑ → ↓", dialog.dataset.move);
  if (document.querySelector("[data-grid] input")) line("x", dialog.dataset.choose);
  line("Esc", dialog.dataset.close);
  dialog.showModal();
}

// --- grids: arrows move, x chooses, Shift chooses all between
let last = null;

const inGrid = (grid) => [...grid.querySelectorAll("li:not(.wide) :is(a, input)")].filter(
  (one) => one.matches("input") || !one.closest("li").querySelector("input"));

function move(key) {
  const grid = document.activeElement.closest("[data-grid]") ?? document.querySelector("[data-grid]");
  if (!grid) return false;
  const items = inGrid(grid);
  const at = items.indexOf(document.activeElement);
  if (at < 0) {
    items[0]?.focus();
    return items.length > 0;
  }
  const { left, bottom, top } = items[at].getBoundingClientRect();
  const rows = { ArrowDown: (box) => box.top >= bottom - 2, ArrowUp: (box) => box.bottom <= top + 2 };
  let to = { ArrowRight: at + 1, ArrowLeft: at - 1 }[key];
  if (to === undefined) {
    const there = items.map((one, i) => [i, one.getBoundingClientRect()]).filter(([, box]) => rows[key](box));
    const nearest = there.sort(([, a], [, b]) =>
      Math.abs(a.top - top) * 1000 + Math.abs(a.left - left) - Math.abs(b.top - top) * 1000 - Math.abs(b.left - left));
    to = nearest[0]?.[0] ?? at;
  }
  items[to]?.focus();
  return true;
}

function choose(box, range) {
  const boxes = inGrid(box.closest("[data-grid]"));
  if (range && last && boxes.includes(last)) {
    const [from, to] = [boxes.indexOf(last), boxes.indexOf(box)].sort((a, b) => a - b);
    for (const one of boxes.slice(from, to + 1)) one.checked = last.checked;
  }
  last = box;
  count(box.form);
}

function count(form) {
  if (!form) return;
  const chosen = [...form.elements].filter((one) => one.type === "checkbox" && one.checked).length;
  for (const output of form.querySelectorAll("output")) output.value = chosen || "";
  for (const button of form.querySelectorAll("[data-least]")) button.disabled = chosen < button.dataset.least;
}

document.addEventListener("click", (event) => {
  if (event.target.closest?.("#help")) showKeys();
  if (event.target.matches?.("[data-grid] input[type=checkbox]")) choose(event.target, event.shiftKey);
});

// --- keys
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const here = document.activeElement;
  if (typing(here)) {
    if (event.key === "Escape") here.blur();
    return;
  }
  if (document.querySelector("dialog[open]")) return;
  if (event.key.toLowerCase() === "x" && here.matches("[data-grid] input")) {
    event.preventDefault();
    if (!(event.shiftKey && last)) here.checked = !here.checked;
    choose(here, event.shiftKey);
    return;
  }
  const known = [...document.querySelectorAll("[aria-keyshortcuts]")].find(
    (one) => one.getAttribute("aria-keyshortcuts").split(" ").includes(event.key) && !one.disabled && (one.id === "photo" || shown(one)));
  if (known) {
    event.preventDefault();
    if (typing(known)) known.select?.(), known.focus();
    else known.click();
  } else if (event.key.startsWith("Arrow") && move(event.key)) event.preventDefault();
});

// --- a photo from anywhere
function take(files) {
  const input = document.getElementById("photo");
  const photo = [...files].find((file) => file.type.startsWith("image/") || /\.(hei[cf]|avif)$/i.test(file.name));
  if (!input || !photo) return false;
  const given = new DataTransfer();
  given.items.add(photo);
  input.files = given.files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
  return true;
}
const dropping = (on) => document.body.classList.toggle("dropping", on);
document.addEventListener("dragover", (event) => {
  if (document.getElementById("photo") && event.dataTransfer.types.includes("Files")) event.preventDefault(), dropping(true);
});
document.addEventListener("dragleave", (event) => event.relatedTarget || dropping(false));
document.addEventListener("drop", (event) => {
  dropping(false);
  if (take(event.dataTransfer.files)) event.preventDefault();
});
document.addEventListener("paste", (event) => {
  if (take(event.clipboardData.files)) event.preventDefault();
});

const ready = () => document.querySelectorAll("form").forEach(count);
document.addEventListener("htmx:after:settle", ready);
ready();

// --- counts that follow an index that runs
for (const list of document.querySelectorAll("[data-events]")) {
  const events = new EventSource(list.dataset.events);
  events.onmessage = (event) => {
    for (const [name, count] of Object.entries(JSON.parse(event.data))) {
      const place = list.querySelector(`[data-count="${name}"]`);
      if (place) place.textContent = count;
    }
  };
  addEventListener("pagehide", () => events.close());
}

// --- an address says only what is asked for
document.addEventListener("formdata", ({ target, formData }) => {
  if (target.method !== "get") return;
  for (const name of new Set(formData.keys())) {
    const given = formData.getAll(name).filter((value) => value !== "");
    formData.delete(name);
    for (const value of given) formData.append(name, value);
  }
});
