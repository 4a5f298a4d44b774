// NAME: tools for an agent. A tool is a function with the schemas of what it takes and gives.

import { Failed, integer, object, string, tools } from "./sdk/errand.js";

function count({ text }) {
  if (!text.trim()) throw new Failed("the text is empty");
  return {
    characters: [...text].length,
    words: text.trim().split(/\s+/).length,
    lines: text.replace(/\n$/, "").split("\n").length,
  };
}

export const { describe, invoke } = tools({
  description: "Counts what is in a text.",
  tools: {
    count: {
      description: "Counts the characters, words and lines of a text.",
      effect: "pure",
      input: object({ text: string("The text to look at.") }),
      output: object({ characters: integer(), words: integer(), lines: integer() }),
      run: count,
    },
  },
});
