// Tables as GitHub writes them: a row of names, a row of dashes, rows of cells.

import { prose } from "./outline.js";

/** The tables of a text, in order. */
export function tablesOf(markdown) {
  const lines = prose(markdown);
  const tables = [];
  let heading;
  for (let at = 0; at < lines.length; at++) {
    heading = /^#{1,6}\s+(.*?)\s*#*$/.exec(lines[at])?.[1] ?? heading;
    const columns = cells(lines[at]);
    if (!columns || !isRule(lines[at + 1], columns.length)) continue;
    const rows = [];
    for (at += 2; cells(lines[at] ?? ""); at++) {
      const row = cells(lines[at]);
      rows.push(Object.fromEntries(columns.map((name, i) => [name, row[i] ?? ""])));
    }
    at--;
    tables.push(heading === undefined ? { columns, rows } : { heading, columns, rows });
  }
  return tables;
}

/** The cells of a line, or nothing if it is no row. `\|` is a letter of a cell. */
function cells(line) {
  if (!line.includes("|")) return undefined;
  const inner = line.trim().replace(/^\|/, "").replace(/(?<!\\)\|$/, "");
  return inner.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"));
}

function isRule(line, columns) {
  const rule = cells(line ?? "");
  return rule?.length === columns && rule.every((cell) => /^:?-+:?$/.test(cell));
}
