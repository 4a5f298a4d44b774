//! The text of HTML without its tree, in one pass and with no depth: for pieces of it, and for
//! pages that no tree should be made of.

use std::cell::{Cell, RefCell};

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{
    BufferQueue, CharacterTokens, StartTag, Tag, TagToken, Token, TokenSink, TokenSinkResult,
    Tokenizer,
};
use text::one_line;

/// The text, a line for each block; without scripts, styles and markup.
pub(crate) fn text(html: &str) -> String {
    lines(&run(html, Flat::default()).text.into_inner())
}

fn lines(text: &str) -> String {
    let lines = text.lines().map(one_line);
    let mut out = String::with_capacity(text.len());
    for line in lines {
        if line.is_empty() && (out.is_empty() || out.ends_with("\n\n")) {
            continue;
        }
        out.push_str(&line);
        out.push('\n');
    }
    out.truncate(out.trim_end().len());
    out
}

/// HTML, or text that is none, on one line.
pub(crate) fn line(html: &str) -> String {
    let text = match html.contains(['<', '&']) {
        true => text(html),
        false => html.to_string(),
    };
    one_line(&text)
}

/// What can be said of a page before its tree is made.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Shape {
    /// As [`text`] gives it.
    pub(crate) text: String,
    /// How deep its elements stand in each other, at most.
    pub(crate) deepest: usize,
    pub(crate) title: String,
    /// Its `link` of the kind `canonical`, as it is written.
    pub(crate) canonical: String,
    /// The title in Dublin Core, which is written for catalogues.
    pub(crate) catalogued: String,
    /// What it says of itself in JSON-LD.
    pub(crate) data: Vec<String>,
    /// Where it sends its readers on to, as its `meta` element has it.
    pub(crate) refresh: String,
    /// The pages that it is made of.
    pub(crate) frames: Vec<String>,
    /// Whether it runs scripts, which may be where its text comes from.
    pub(crate) scripts: bool,
}

pub(crate) fn shape(html: &str) -> Shape {
    let sink = run(html, Flat::default());
    let title = one_line(&sink.title.into_inner());
    Shape {
        text: lines(&sink.text.into_inner()),
        deepest: sink.deepest.get(),
        title,
        canonical: sink.canonical.into_inner(),
        catalogued: sink.catalogued.into_inner(),
        data: sink.data.into_inner(),
        refresh: sink.refresh.into_inner(),
        frames: sink.frames.into_inner(),
        scripts: sink.scripts.get(),
    }
}

fn run(html: &str, sink: Flat) -> Flat {
    let queue = BufferQueue::default();
    queue.push_back(StrTendril::from_slice(html));
    let tokenizer = Tokenizer::new(sink, Default::default());
    // It stops where a script would run; there is nothing to run.
    while !queue.is_empty() {
        let _ = tokenizer.feed(&queue);
    }
    tokenizer.end();
    tokenizer.sink
}

#[derive(Default)]
struct Flat {
    text: RefCell<String>,
    title: RefCell<String>,
    canonical: RefCell<String>,
    catalogued: RefCell<String>,
    stated: Cell<Stated>,
    data: RefCell<Vec<String>>,
    refresh: RefCell<String>,
    frames: RefCell<Vec<String>>,
    scripts: Cell<bool>,
    within: Cell<Within>,
    depth: Cell<usize>,
    deepest: Cell<usize>,
}

/// How a `meta` element says what it is about. A property belongs to a vocabulary (RDFa), a name is any word.
#[derive(Clone, Copy, Default, PartialEq, PartialOrd)]
enum Stated {
    #[default]
    Name,
    Property,
}

/// Which element the letters stand in.
#[derive(Clone, Copy, Default, PartialEq)]
enum Within {
    #[default]
    Page,
    Title,
    Data,
    /// A script or the like: not text.
    Other,
}

impl Flat {
    fn opened(&self, tag: &Tag) -> TokenSinkResult<()> {
        let name = &*tag.name;
        if !LIGHT.contains(&name) {
            self.depth.set(self.depth.get() + 1);
            self.deepest.set(self.deepest.get().max(self.depth.get()));
        }
        if name == "link" && self.canonical.borrow().is_empty() {
            self.canonical.replace(canonical(tag).unwrap_or_default());
        }
        match name {
            "meta" => self.meta(tag),
            "frame" | "iframe" if self.frames.borrow().len() < FRAMES => {
                self.frames.borrow_mut().extend(value(tag, "src"));
            }
            _ => {}
        }
        let (within, raw) = match name {
            "script" if value(tag, "type").is_some_and(|it| it == "application/ld+json") => {
                self.data.borrow_mut().push(String::new());
                (Within::Data, RawKind::ScriptData)
            }
            "script" => {
                self.scripts.set(true);
                (Within::Other, RawKind::ScriptData)
            }
            "style" | "noframes" | "iframe" | "xmp" => (Within::Other, RawKind::Rawtext),
            "title" if self.title.borrow().is_empty() => (Within::Title, RawKind::Rcdata),
            "title" => (Within::Other, RawKind::Rcdata),
            "textarea" => (Within::Page, RawKind::Rcdata),
            _ => return TokenSinkResult::Continue,
        };
        self.within.set(within);
        TokenSinkResult::RawData(raw)
    }

    fn meta(&self, tag: &Tag) {
        if let Some((title, stated)) = catalogued(tag)
            && (self.catalogued.borrow().is_empty() || stated > self.stated.get())
        {
            self.catalogued.replace(title);
            self.stated.set(stated);
        }
        if value(tag, "http-equiv").is_some_and(|it| it.eq_ignore_ascii_case("refresh")) {
            self.refresh.replace(value(tag, "content").unwrap_or_default());
        }
    }
}

impl TokenSink for Flat {
    type Handle = ();

    fn process_token(&self, token: Token, _: u64) -> TokenSinkResult<()> {
        match token {
            CharacterTokens(letters) => match self.within.get() {
                Within::Page => self.text.borrow_mut().push_str(&letters),
                Within::Title => self.title.borrow_mut().push_str(&letters),
                Within::Data => {
                    if let Some(data) = self.data.borrow_mut().last_mut() {
                        data.push_str(&letters);
                    }
                }
                Within::Other => {}
            },
            TagToken(tag) => {
                if !INLINE.contains(&&*tag.name) {
                    self.text.borrow_mut().push('\n');
                }
                if tag.kind == StartTag {
                    return self.opened(&tag);
                }
                if !LIGHT.contains(&&*tag.name) {
                    self.depth.set(self.depth.get().saturating_sub(1));
                }
                self.within.set(Within::Page);
            }
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

fn value(tag: &Tag, name: &str) -> Option<String> {
    let attribute = tag.attrs.iter().find(|it| &*it.name.local == name)?;
    Some(attribute.value.trim().to_string())
}

fn canonical(link: &Tag) -> Option<String> {
    let rel = value(link, "rel")?;
    let is = rel.split_whitespace().any(|rel| rel.eq_ignore_ascii_case("canonical"));
    value(link, "href").filter(|_| is)
}

fn catalogued(meta: &Tag) -> Option<(String, Stated)> {
    let property = value(meta, "property").map(|names| (names, Stated::Property));
    let (names, stated) = property.or_else(|| Some((value(meta, "name")?, Stated::Name)))?;
    let names = names.to_ascii_lowercase();
    let is =
        |name: &str| matches!(name, "dc:title" | "dc.title" | "dcterms:title" | "dcterms.title");
    let title = value(meta, "content").filter(|_| names.split_whitespace().any(is))?;
    Some((title, stated))
}

/// Pages within a page that are told of.
const FRAMES: usize = 20;

/// Elements that have no end, or that end by themselves where the next of them begins.
const LIGHT: [&str; 30] = [
    "area", "base", "br", "col", "colgroup", "dd", "dt", "embed", "hr", "img", "input", "li",
    "link", "meta", "option", "optgroup", "p", "param", "path", "rp", "rt", "source", "tbody",
    "td", "tfoot", "th", "thead", "tr", "track", "wbr",
];

/// Elements within a line.
const INLINE: [&str; 28] = [
    "a", "abbr", "b", "bdi", "bdo", "cite", "code", "data", "del", "em", "font", "i", "ins", "kbd",
    "mark", "q", "s", "samp", "small", "span", "strike", "strong", "sub", "sup", "time", "u",
    "var", "wbr",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_what_is_not_markup() {
        let html = "<title>T &amp; U</title><script>var a = '<p>no</p>';</script><style>p{}</style>\
                    <p>One <b>t</b>wo<br>three</p><ul><li>a<li>b</ul><!-- no --><svg><title>x</title></svg>";
        assert_eq!(text(html), "One two\nthree\n\na\nb");
        assert_eq!(shape(html).title, "T & U");
        assert_eq!(text("<p"), "");
        assert_eq!(text("a &lt; b"), "a < b");
    }

    #[test]
    fn depth_costs_nothing() {
        let html = format!("<title>x</title>{}deep", "<div>".repeat(100_000));
        assert_eq!(text(&html), "deep");
        assert_eq!(shape(&html).deepest, 100_000);
        assert_eq!(shape(&"<li>a<p>b".repeat(1_000)).deepest, 0);
        assert_eq!(shape(&"<div><br><b>c</b></div>".repeat(1_000)).deepest, 2);
    }

    #[test]
    fn a_page_says_where_it_belongs() {
        let html = "<link rel=icon href=/i><LINK href=' https://x.org/a ' rel='x Canonical'>";
        assert_eq!(shape(html).canonical, "https://x.org/a");
        assert_eq!(shape("<a rel=canonical href=b>").canonical, "");
    }

    #[test]
    fn a_property_says_more_than_a_name() {
        let head = |lines: &str| shape(lines).catalogued;
        let (name, property) =
            ("<meta name=DC.title content=a>", "<meta property='og:x dc:title' content=b>");
        assert_eq!(head(&format!("{name}{property}")), "b");
        assert_eq!(head(&format!("{property}{name}")), "b");
        assert_eq!(head(&format!("{name}<meta name=dcterms.title content=c>")), "a");
        assert_eq!(head("<meta name=title content=a>"), "");
    }
}
