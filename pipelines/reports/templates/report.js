"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const fold = (text) => text.normalize("NFC").toLocaleLowerCase();
  const button = (text) => Object.assign(document.createElement("button"), { type: "button", textContent: text });

  // A table whose rows are shown as blocks stays a table for a screen reader.
  const roles = { table: "table", thead: "rowgroup", tbody: "rowgroup", tr: "row", td: "cell" };
  for (const [tag, role] of Object.entries(roles)) all(tag).forEach((one) => one.setAttribute("role", role));
  all("th").forEach((one) => one.setAttribute("role", one.scope === "row" ? "rowheader" : "columnheader"));

  // Filter: rows that have all words, or whose rule has them.
  const rows = all("table.list > tbody > tr").map((row) => {
    const rule = row.closest("details.todo");
    const about = rule ? rule.querySelector("summary").textContent : "";
    return { row, rule, text: fold(about + " " + row.textContent) };
  });
  const box = document.getElementById("filter");
  const status = document.getElementById("filter-status");
  const opened = new Set();
  const filter = () => {
    const words = fold(box.value).split(/\s+/).filter(Boolean);
    let count = 0;
    const matching = new Set();
    for (const one of rows) {
      const matches = words.every((word) => one.text.includes(word));
      one.row.hidden = !matches;
      if (matches) { count += 1; matching.add(one.rule); }
    }
    for (const rule of all("details.todo")) {
      rule.hidden = !matching.has(rule);
      if (words.length && matching.has(rule) && !rule.open) { rule.open = true; opened.add(rule); }
      if (!words.length && opened.delete(rule)) rule.open = false;
    }
    status.textContent = words.length ? `${count} of the ${rows.length} lines on this page match` : "";
  };
  box.addEventListener("input", filter);
  box.closest("[hidden]").hidden = false;

  // Sort: a click on a column's title.
  const collator = new Intl.Collator(undefined, { numeric: true });
  const value = (row, column) => (row.cells[column]?.textContent ?? "").trim();
  const number = (text) => (/^[+\-−]?[\d,]+(\.\d+)?$/.test(text) ? Number(text.replaceAll(",", "").replace("−", "-")) : NaN);
  const compare = (a, b) => {
    const difference = number(a) - number(b);
    return Number.isNaN(difference) ? collator.compare(a, b) : difference;
  };
  for (const table of all("table.list, table.sortable")) {
    const body = table.tBodies[0];
    if (body.rows.length < 2) continue;
    const heads = all("thead th", table);
    heads.forEach((head, column) => {
      const click = button(head.textContent);
      head.replaceChildren(click);
      click.addEventListener("click", () => {
        const direction = head.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", direction);
        const sign = direction === "ascending" ? 1 : -1;
        body.append(...[...body.rows].sort((a, b) => sign * compare(value(a, column), value(b, column))));
      });
    });
  }

  // Copy: the codes of a rule's rows that are shown, one a line. A code with a marked invisible character is left out.
  const copy = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const area = Object.assign(document.createElement("textarea"), { value: text, className: "sr", tabIndex: -1 });
      document.body.append(area);
      area.select();
      const done = document.execCommand("copy");
      area.remove();
      return done;
    }
  };
  for (const rule of all("details.todo")) {
    const codes = () => [...new Set(all("tr:not([hidden]) code.key", rule).map((one) => one.textContent))]
      .filter((code) => code && !code.includes("\u2308"));
    const label = () => `Copy ${codes().length === 1 ? "the code" : `${codes().length} codes`}`;
    if (!codes().length) continue;
    const click = button(label());
    const line = Object.assign(document.createElement("p"), { className: "copy" });
    line.setAttribute("role", "status");
    line.append(click);
    rule.querySelector("summary").after(line);
    click.addEventListener("click", async () => {
      const done = await copy(codes().join("\n"));
      click.textContent = done ? "Copied" : "The browser does not allow it";
      setTimeout(() => { click.textContent = label(); }, 2000);
    });
  }
})();
