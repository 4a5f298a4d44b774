// Headings and links.

/** The lines of a text, those of code blocks emptied. */
export function prose(markdown) {
  let fence;
  return markdown.split(/\r?\n/).map((line) => {
    const mark = /^\s{0,3}(`{3,}|~{3,})/.exec(line)?.[1];
    if (fence) {
      if (mark?.startsWith(fence)) fence = undefined;
      return "";
    }
    fence = mark;
    return mark ? "" : line;
  });
}

export function outline(markdown) {
  const headings = [];
  const links = [];
  for (const line of prose(markdown)) {
    const heading = /^(#{1,6})\s+(.*?)\s*#*$/.exec(line);
    if (heading) headings.push({ level: heading[1].length, text: heading[2] });
    for (const [, text, url] of line.matchAll(/(?<!!)\[([^\]]+)\]\(([^)\s]+)[^)]*\)/g)) {
      links.push({ text, url });
    }
  }
  return { headings, links };
}
