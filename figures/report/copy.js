if (innerWidth < 640) document.querySelector("nav details")?.removeAttribute("open"); // a phone shows the sections first

// A button beside each formula and each program copies it; nothing is loaded, and without scripts the page is whole.
function copied(text) {
  const area = document.createElement("textarea"); // works in a file too, where there may be no navigator.clipboard
  area.value = text;
  area.setAttribute("readonly", "");
  area.style.cssText = "position:fixed;left:-100rem";
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done ? Promise.resolve() : navigator.clipboard.writeText(text);
}
function button(label, place, text) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "copy";
  made.textContent = label;
  made.addEventListener("click", () => copied(text).then(
    () => { made.textContent = "copied"; setTimeout(() => { made.textContent = label; }, 1500); },
    () => { made.textContent = "not copied"; }));
  place.after(made);
}
for (const pre of document.querySelectorAll("pre")) button("copy", pre, pre.textContent);
for (const group of new Set([...document.querySelectorAll(".display")].map(e => e.parentElement))) {
  const own = [...group.children].filter(e => e.matches(".display"));
  button("copy LaTeX", own.at(-1), own.map(e => e.dataset.latex).join("\n"));
}
