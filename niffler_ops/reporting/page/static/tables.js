// Sorting and filtering of what is in a table; without this script the tables are read as they stand.
"use strict";
(() => {
  const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

  function value(row, column) {
    const cell = row.cells[column];
    return cell ? (cell.dataset.value ?? cell.textContent.trim()) : "";
  }

  function compare(column, numeric) {
    if (!numeric) return (a, b) => collator.compare(value(a, column), value(b, column));
    const amount = (row) => Number(value(row, column).replaceAll(",", "") || -1);
    return (a, b) => amount(a) - amount(b);
  }

  function sort(table) {
    const header = table.tHead.querySelector("[aria-sort]");
    if (!header) return;
    const order = compare(header.cellIndex, "number" in header.dataset);
    const sign = header.getAttribute("aria-sort") === "descending" ? -1 : 1;
    const body = table.tBodies[0];
    body.append(...[...body.rows].sort((a, b) => sign * order(a, b)));
  }

  function filter(table, text, told) {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    const rows = [...table.tBodies[0].rows];
    let shown = 0;
    for (const row of rows) {
      const content = words.length ? row.textContent.toLowerCase() : "";
      row.hidden = !words.every((word) => content.includes(word));
      shown += !row.hidden;
    }
    told.textContent = words.length ? `${shown.toLocaleString("en")} of ${rows.length.toLocaleString("en")} fit` : "";
  }

  function addSorting(table) {
    for (const header of table.tHead.rows[0].cells) {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...header.childNodes);
      button.addEventListener("click", () => {
        const next = header.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
        for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
        header.setAttribute("aria-sort", next);
        sort(table);
      });
      header.append(button);
    }
  }

  function addFilter(table) {
    const line = document.createElement("div");
    line.className = "filter";
    const label = document.createElement("label");
    const input = document.createElement("input");
    input.type = "search";
    input.size = 24;
    input.placeholder = `for example: ${table.dataset.example ?? "failed A900"}`;
    label.append(`Filter these ${table.dataset.name} `, input);
    const told = document.createElement("output");
    told.setAttribute("aria-live", "polite");
    line.append(label, told);
    table.parentElement.before(line);
    input.addEventListener("input", () => filter(table, input.value, told));
    return () => filter(table, input.value, told);
  }

  for (const table of document.querySelectorAll("table[data-sortable]")) {
    addSorting(table);
    const again = addFilter(table);
    table.addEventListener("replaced", () => {
      sort(table);
      again();
    });
  }
})();
