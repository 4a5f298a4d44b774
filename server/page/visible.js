// Text as it may be shown to a person: what turns the direction of text and what cannot be seen is written
// out, as `\u{202e}`, so that nothing hides a part of it or stands in for it. The letters are those of
// guard/src/visible.rs, which tests/page.rs holds against these one by one.

const HIDDEN =
  /[\0-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}]/gu;

const written = (letter) => `\\u{${letter.codePointAt(0).toString(16)}}`;

/** The text with each letter that would hide written out; line ends and tabs stay. */
export const visible = (text) => String(text).replace(HIDDEN, written);

/** The same in parts, `{ text, hidden }`, so that what was written out can be told from what was there. */
export function parts(text) {
  const found = [];
  let from = 0;
  for (const match of text.matchAll(HIDDEN)) {
    if (match.index > from) found.push({ text: text.slice(from, match.index), hidden: false });
    found.push({ text: written(match[0]), hidden: true });
    from = match.index + match[0].length;
  }
  if (from < text.length) found.push({ text: text.slice(from), hidden: false });
  return found;
}
