//! Code as one block of text each. Pages colour it with elements for each word, number its lines in a
//! column of a table, end lines with `<br>` or make each of them an element: whoever looks for an
//! article in such a page takes it for many small things, and its lines are lost.

use dom_query::{Document, NodeRef};

/// What holds text whose lines count.
const BLOCKS: &str = "pre, xmp, listing";
/// A line of its own, wherever it stands.
const LINES: [&str; 9] = ["div", "p", "li", "tr", "ol", "ul", "table", "tbody", "pre"];
/// No text of the code.
const NONE: [&str; 6] = ["button", "script", "style", "svg", "select", "textarea"];
/// Classes of an element that is a line, and of what stands beside one.
const LINE: [&str; 5] = ["line", "token-line", "code-line", "view-line", "ec-line"];
const BESIDE: [&str; 6] = ["lineno", "linenos", "line-number", "line-numbers", "gutter", "ln-num"];

pub(crate) fn write_out(document: &Document) {
    for code in document.select("code").nodes() {
        if code.ancestors_it(None).any(|it| is_block(&it)) {
            continue;
        }
        if (code.attr_or("style", "").contains("pre") || has(code, "br")) && is_alone(code) {
            code.wrap_html("<pre></pre>");
        } else if code.first_element_child().is_some() {
            plain(code);
        }
    }
    for block in document.select(BLOCKS).nodes() {
        // What stood in another block is gone with it.
        if block.parent().is_none() || block.ancestors_it(None).any(|it| is_block(&it)) {
            continue;
        }
        let text = text(block);
        let language = language(block);
        let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        if in_cell(block) && numbered(block).is_none() {
            block.replace_with_html(cell(&text));
            continue;
        }
        let within = format!("<code{language}>{text}</code>");
        match numbered(block) {
            Some(Numbered::Numbers) => block.remove_from_parent(),
            Some(Numbered::Code(table)) => {
                table.replace_with_html(format!("<pre>{within}</pre>"));
            }
            None => block.replace_with_html(format!("<pre>{within}</pre>")),
        }
    }
}

/// Among other cells: a table in Markdown has one line for each row.
fn in_cell(block: &NodeRef<'_>) -> bool {
    let cell = block.ancestors_it(None).find(|it| name_in(it, &["td", "th"]));
    let row = cell.and_then(|cell| cell.parent());
    row.is_some_and(|row| row.element_children().len() > 1)
}

/// Each line as code of its own. Blanks that begin one are kept.
fn cell(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.trim().is_empty()).map(|line| {
        let code = line.trim_start_matches(' ');
        format!("<code>{}{code}</code>", "\u{a0}".repeat(line.len() - code.len()))
    });
    lines.collect::<Vec<_>>().join("<br>")
}

/// Code within a line is letters. A link that holds all of it goes around it.
fn plain(code: &NodeRef<'_>) {
    let text = code.text();
    let link = descendants(code, &["a"]).find(|it| it.text() == text);
    let href = link.and_then(|link| link.attr("href"));
    code.set_text(text);
    if let Some(href) = href {
        code.wrap_html("<a></a>");
        if let Some(link) = code.parent() {
            link.set_attr("href", &href);
        }
    }
}

/// In a table whose columns are the numbers of lines and the lines.
enum Numbered<'a> {
    Numbers,
    Code(NodeRef<'a>),
}

fn numbered<'a>(block: &NodeRef<'a>) -> Option<Numbered<'a>> {
    let table = block.ancestors_it(Some(6)).find(|it| it.has_name("table"))?;
    let cells: Vec<NodeRef<'a>> = descendants(&table, &["td", "th"]).collect();
    let [numbers, code] = cells.as_slice() else { return None };
    if !is_numbers(&numbers.text()) || !has(code, "pre") {
        return None;
    }
    match block.ancestors_it(Some(6)).any(|it| it.id == numbers.id) {
        true => Some(Numbered::Numbers),
        false => Some(Numbered::Code(table)),
    }
}

fn text(block: &NodeRef<'_>) -> String {
    let mut lines = Lines::default();
    lines.within(block);
    lines.text
}

#[derive(Default)]
struct Lines {
    text: String,
    /// A line has ended, and nothing says so yet.
    ended: bool,
}

impl Lines {
    fn within(&mut self, node: &NodeRef<'_>) {
        for child in node.children_it(false) {
            if child.is_text() {
                self.push(&child.text());
            } else if child.has_name("br") {
                self.push("\n");
            } else if child.is_element() && !is_beside(&child) {
                self.element(&child);
            }
        }
    }

    fn element(&mut self, element: &NodeRef<'_>) {
        if !is_line(element) {
            return self.within(element);
        }
        self.begin();
        let start = self.text.len();
        self.within(element);
        self.ended = self.text.len() == start || !self.text.ends_with('\n');
    }

    fn begin(&mut self) {
        if self.ended {
            self.text.push('\n');
        } else if !self.text.is_empty() && !self.text.ends_with('\n') {
            // Blanks before a line that is an element are the page's, not the code's.
            let kept = self.text.trim_end_matches([' ', '\t']).len();
            if self.text[..kept].ends_with('\n') {
                self.text.truncate(kept);
            } else {
                self.text.push('\n');
            }
        }
        self.ended = false;
    }

    fn push(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        if std::mem::take(&mut self.ended) && !text.starts_with('\n') {
            self.text.push('\n');
        }
        self.text.push_str(text);
    }
}

fn is_line(element: &NodeRef<'_>) -> bool {
    let style = element.attr_or("style", "").replace(' ', "");
    name_in(element, &LINES) || classes(element, &LINE) || style.contains("display:block")
}

/// A number of a line, or a button.
fn is_beside(element: &NodeRef<'_>) -> bool {
    if name_in(element, &NONE) {
        return true;
    }
    let class = element.attr_or("class", "").to_ascii_lowercase();
    let named = class.split_whitespace().any(|class| {
        BESIDE.contains(&class) || class.ends_with("-numbers") || class.ends_with("-linenumber")
    });
    (named || element.has_attr("data-line-number")) && is_numbers(&element.text())
}

fn is_numbers(text: &str) -> bool {
    text.chars().all(|letter| letter.is_ascii_digit() || letter.is_whitespace())
}

/// `language-rust` on the block, what is in it or what it is in, as an attribute.
fn language(block: &NodeRef<'_>) -> String {
    let inner = block.first_element_child().filter(|it| it.has_name("code"));
    let around = block.ancestors_it(Some(2));
    let known = |node: NodeRef<'_>| {
        let class = node.attr_or("class", "").to_string();
        class.split_whitespace().find_map(|class| {
            let begins = ["language-", "lang-", "highlight-source-"];
            let name = begins.iter().find_map(|begin| class.strip_prefix(begin))?;
            let legal = |letter: char| letter.is_ascii_alphanumeric() || "+-#_.".contains(letter);
            (!name.is_empty() && name.chars().all(legal)).then(|| name.to_string())
        })
    };
    let named = inner.into_iter().chain([*block]).chain(around).find_map(known);
    named.map(|name| format!(" class=\"language-{name}\"")).unwrap_or_default()
}

/// Whether nothing else stands beside it.
fn is_alone(code: &NodeRef<'_>) -> bool {
    let Some(parent) = code.parent() else { return false };
    !code.ancestors_it(None).any(|it| it.has_name("td"))
        && parent.text().trim() == code.text().trim()
}

fn is_block(node: &NodeRef<'_>) -> bool {
    name_in(node, &["pre", "xmp", "listing"])
}

fn has(node: &NodeRef<'_>, name: &str) -> bool {
    node.descendants_it().any(|it| it.has_name(name))
}

fn descendants<'a>(
    node: &NodeRef<'a>,
    names: &'static [&'static str],
) -> impl Iterator<Item = NodeRef<'a>> {
    node.descendants_it().filter(move |it| name_in(it, names))
}

fn name_in(node: &NodeRef<'_>, names: &[&str]) -> bool {
    node.node_name().is_some_and(|name| names.contains(&&*name))
}

fn classes(node: &NodeRef<'_>, names: &[&str]) -> bool {
    node.attr_or("class", "").split_whitespace().any(|class| names.contains(&class))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(html: &str, expected: &str) {
        let document = Document::from(html);
        write_out(&document);
        assert_eq!(&*document.select("body").inner_html(), expected, "{html}");
    }

    #[test]
    fn lines_are_those_that_are_seen() {
        let loop_ = "<pre><code>while x:\n    step()\n\nend</code></pre>";
        for html in [
            "<pre>while x:\n    step()\n\nend</pre>",
            "<pre>while x:<br>    step()<br><br>end</pre>",
            "<pre><code><div>while x:</div><div>    step()</div><div></div><div>end</div></code></pre>",
            "<pre><code><span class=line><b>while</b> x:</span>\n<span class=line>    step()</span>\n\
             <span class=line></span>\n<span class=line>end</span></code></pre>",
            "<pre><span style='display: block'>while x:\n</span><span style='display:block'>    step()\n\
             </span><span style='display:block'>\n</span><span style='display:block'>end</span></pre>",
            "<pre><span class=lineno>1</span>while x:\n<span class=lineno>2</span>    step()\n\
             <span class=lineno>3</span>\n<span class=lineno>4</span>end<button>Copy</button></pre>",
            "<table><tr><td><pre>1\n2\n3\n4</pre></td><td><pre>while x:\n    step()\n\nend</pre></td></tr></table>",
            "<pre><table><tr><td data-line-number=1></td><td>while x:</td></tr><tr><td data-line-number=2></td>\
             <td>    step()</td></tr><tr><td></td><td></td></tr><tr><td></td><td>end</td></tr></table></pre>",
            "<xmp>while x:\n    step()\n\nend</xmp>",
        ] {
            check(html, loop_);
        }
    }

    #[test]
    fn code_without_a_block_becomes_one_where_it_has_lines() {
        check("<p><code>a<br>  b</code></p>", "<p><pre><code>a\n  b</code></pre></p>");
        check("<p>Call <code>a&lt;b</code>.</p>", "<p>Call <code>a&lt;b</code>.</p>");
    }

    #[test]
    fn code_within_a_line_is_letters() {
        check("<p>Call <code>a<b>[0]</b>(x)</code>.</p>", "<p>Call <code>a[0](x)</code>.</p>");
        check(
            "<p>See <code><a href=b><i>a</i></a></code>.</p>",
            "<p>See <a href=\"b\"><code>a</code></a>.</p>",
        );
    }

    #[test]
    fn a_language_is_kept() {
        let named = "<pre><code class=\"language-rust\">a &amp;&amp; b</code></pre>";
        check("<pre><code class='hljs language-rust'>a &amp;&amp; <i>b</i></code></pre>", named);
        check("<pre class=lang-rust>a &amp;&amp; b</pre>", named);
        check("<pre class='language-\"x'>a</pre>", "<pre><code>a</code></pre>");
    }

    #[test]
    fn in_a_row_each_line_is_code() {
        check(
            "<table><tr><td>one</td><td><pre>a\n  b</pre></td></tr></table>",
            "<table><tbody><tr><td>one</td><td><code>a</code><br><code>&nbsp;&nbsp;b</code></td></tr></tbody>\
             </table>",
        );
    }

    #[test]
    fn other_tables_stay() {
        let table = "<table><tbody><tr><td>1</td><td>2</td></tr></tbody></table>";
        check(table, table);
    }
}
