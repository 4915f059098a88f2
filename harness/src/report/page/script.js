"use strict";
// Headings sort: numbers by the number behind them, words by themselves; what has no number goes last.
const value = (row, column) => {
  const cell = row.cells[column];
  return cell.dataset.value ?? cell.textContent;
};
const compare = (a, b) => {
  if (a === "" || b === "") return (a === "") - (b === "");
  const [x, y] = [Number(a), Number(b)];
  return Number.isNaN(x) || Number.isNaN(y) ? a.localeCompare(b) : x - y;
};
for (const button of document.querySelectorAll("thead button")) {
  button.addEventListener("click", () => {
    const heading = button.parentElement;
    const table = heading.closest("table");
    const down = heading.ariaSort === "ascending";
    for (const other of table.tHead.rows[0].cells) other.ariaSort = "none";
    heading.ariaSort = down ? "descending" : "ascending";
    const body = table.tBodies[0];
    const column = heading.cellIndex;
    const rows = [...body.rows].sort((a, b) => {
      const [x, y] = [value(a, column), value(b, column)];
      const order = compare(x, y);
      return down && x !== "" && y !== "" ? -order : order;
    });
    body.append(...rows);
  });
}
// A long table shows one subject at a time, if one is chosen.
for (const table of document.querySelectorAll("table.filtered")) {
  const rows = [...table.tBodies[0].rows];
  const names = new Set(rows.map((row) => row.cells[0].textContent));
  const choice = document.createElement("select");
  choice.append(new Option("all subjects", ""), ...[...names].map((name) => new Option(name, name)));
  choice.addEventListener("change", () => {
    for (const row of rows) row.hidden = choice.value !== "" && row.cells[0].textContent !== choice.value;
  });
  const label = document.createElement("label");
  label.className = "filter";
  label.append("Show ", choice);
  table.parentElement.before(label);
}
// What is folded away is printed, too.
addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details")) details.open = true;
});
// Figures open larger; Escape, the button and a click beside them close them again.
const dialog = document.getElementById("zoom");
for (const zoom of document.querySelectorAll("figure .zoom")) {
  zoom.addEventListener("click", () => {
    dialog.querySelector("div").replaceChildren(zoom.querySelector("svg").cloneNode(true));
    dialog.showModal();
  });
}
dialog.querySelector("button").addEventListener("click", () => dialog.close());
dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
