// Markdown as data: its tables as rows, its headings and links as lists.

import { Failed, array, integer, map, object, optional, string, tools } from "./sdk/errand.js";

import { outline } from "./outline.js";
import { tablesOf } from "./tables.js";

const markdown = string("The Markdown text.");

export const { describe, invoke } = tools({
  description: "Reads Markdown: tables as JSON, headings and links as lists.",
  tools: {
    tables: {
      description: "Turns the tables of a Markdown text into rows, each an object by column name.",
      effect: "pure",
      input: object({
        markdown,
        table: optional(integer("Which table, from 1; left out, all of them.")),
      }),
      output: object({
        tables: array(
          object({
            heading: optional(string("The heading above the table.")),
            columns: array(string()),
            rows: array(map(string())),
          }),
        ),
      }),
      run({ markdown, table }) {
        const tables = tablesOf(markdown);
        if (tables.length === 0) throw new Failed("the text has no table");
        if (table === undefined) return { tables };
        const wanted = tables[table - 1];
        if (!wanted) throw new Failed(`there is no table ${table}; the text has ${tables.length}`);
        return { tables: [wanted] };
      },
    },
    outline: {
      description: "Lists the headings and the links of a Markdown text.",
      effect: "pure",
      input: object({ markdown }),
      output: object({
        headings: array(object({ level: integer(), text: string() })),
        links: array(object({ text: string(), url: string() })),
      }),
      run: ({ markdown }) => outline(markdown),
    },
  },
});
