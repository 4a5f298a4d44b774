//! A report as one HTML file: no script, no font and no picture from anywhere. A citation shows its
//! quote, in the text around it, on hover or keyboard focus.

use crate::report::{Claim, Report, Section, Source, Span, Support, TroubleKind};
use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, Value, context};

use super::phrases::Phrases;
use super::words;

const TEMPLATE: &str = include_str!("report.html");
/// How much of a source's text is shown on either side of a quote, in bytes.
const AROUND: usize = 240;

/// The whole file.
pub(crate) fn render(report: &Report) -> Result<String, minijinja::Error> {
    let mut layout = Environment::new();
    layout.set_auto_escape_callback(|_| AutoEscape::Html);
    layout.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    let phrases = Phrases::of(&report.language);
    let shown = Shown { report, phrases };
    let sources: Vec<Value> = (1..).zip(&report.sources).map(|it| shown.source(it)).collect();
    let troubles: Vec<Value> = report
        .troubles
        .iter()
        .map(|trouble| {
            let [before, after] = phrases.trouble(trouble.kind);
            let (about, text) = (words::plain(&trouble.about), words::plain(&trouble.text));
            let order = trouble.kind == TroubleKind::Injection;
            context! { before, about, after, text, order }
        })
        .collect();
    let stopped = report.stopped.as_deref().map(words::plain);
    layout.render_str(
        TEMPLATE,
        context! {
            words => fixed(phrases),
            question => words::plain(&report.question),
            stopped => stopped.map(|stopped| phrases.unfinished.replace("{}", &stopped)),
            made => words::date(report.made),
            answer => report.answer.as_ref().map(|answer| shown.claim(answer)),
            sections => report.sections.iter().map(|it| shown.section(it)).collect::<Vec<_>>(),
            evidence => shown.evidence(), sources, troubles,
        },
    )
}

/// What the layout says by itself.
fn fixed(phrases: &Phrases) -> Value {
    let Phrases { language, report, not_found, evidence, sources, troubles, .. } = *phrases;
    let Phrases { claim, borne_out, quote, source, stands_not, also, footer, .. } = *phrases;
    context! {
        language, report, not_found, evidence, sources, troubles, claim, borne_out, quote, source,
        stands_not, also, footer,
    }
}

/// A report in the words of a language.
struct Shown<'a> {
    report: &'a Report,
    phrases: &'a Phrases,
}

impl Shown<'_> {
    fn section(&self, section: &Section) -> Value {
        let disputed = |claim: &&Claim| claim.support == Support::Disputed;
        let queries = section.searches.iter().map(|search| words::plain(&search.query));
        let queries: Vec<String> = queries.map(|query| format!("“{query}”")).collect();
        let nothing = match queries.is_empty() {
            true => self.phrases.not_looked.to_string(),
            false => self.phrases.searched(section.pages, &queries.join(", ")),
        };
        let claims = |those: &dyn Fn(&&Claim) -> bool| -> Vec<Value> {
            section.claims.iter().filter(those).map(|said| self.claim(said)).collect()
        };
        // The question stands above all already.
        let heading = match section.question == self.report.question {
            true => self.phrases.findings.to_string(),
            false => words::plain(&section.question),
        };
        context! {
            heading,
            // What contradicts each other stands side by side.
            disputed => claims(&disputed),
            claims => claims(&|claim| !disputed(claim)),
            nothing => section.claims.is_empty().then_some(nothing),
        }
    }

    /// Each claim with each of its quotes, once: the answer is often a finding's own.
    fn evidence(&self) -> Vec<Value> {
        let mut seen = Vec::new();
        let mut rows = Vec::new();
        for (_, said) in self.report.claims() {
            if !seen.contains(&said) {
                seen.push(said);
                rows.push(self.claim(said));
            }
        }
        rows
    }

    fn claim(&self, claim: &Claim) -> Value {
        let citations: Vec<Value> =
            claim.citations.iter().map(|span| self.citation(span)).collect();
        let support = self.phrases.support(claim.support);
        let overlap = format!("{:.0}", claim.overlap.clamp(0.0, 1.0) * 100.0);
        context! {
            text => words::plain(&claim.text),
            support,
            // What the colon leads to is shown on hover.
            short => support.split(':').next().unwrap_or_default().trim_end(),
            class => class(claim.support),
            overlap => self.phrases.overlap.replace("{}", &overlap),
            citations,
        }
    }

    /// A quote with the text around it; one that does not stand in its source has nothing around
    /// it.
    fn citation(&self, span: &Span) -> Value {
        let at = (span.source as usize).checked_sub(1);
        let source = at.and_then(|at| self.report.sources.get(at));
        let place = source.and_then(|source| {
            let (start, end) = (usize::try_from(span.start).ok()?, usize::try_from(span.end).ok()?);
            let stands = source.text.get(start..end)? == span.quote;
            stands.then_some((source.text.as_str(), start, end))
        });
        let (before, after) =
            place.map(|(text, start, end)| around(text, start, end)).unwrap_or_default();
        let page = source.and_then(|source| source.page(span.start));
        context! {
            number => span.source,
            title => source.map(|source| words::plain(words::title(source))),
            host => source.and_then(host),
            quote => shown(&span.quote),
            before => shown(&unheaded(before)),
            after => shown(&unheaded(after)),
            stands => place.is_some(),
            page => page.map(|page| self.phrases.page.replace("{}", &page.to_string())),
        }
    }

    fn source(&self, (number, source): (u32, &Source)) -> Value {
        let retrieved = words::date(source.retrieved);
        let read = (!retrieved.is_empty()).then(|| self.phrases.read.replace("{}", &retrieved));
        context! {
            number,
            title => words::plain(words::title(source)),
            at => address(&source.url),
            also => source.also.iter().map(|url| address(url)).collect::<Vec<_>>(),
            by => words::plain(&source.author),
            date => words::plain(&source.date),
            site => words::plain(&source.site),
            read,
            sha256 => words::plain(&source.sha256),
        }
    }
}

/// What colours a claim.
fn class(support: Support) -> &'static str {
    match support {
        Support::Supported => "supported",
        Support::Partly => "partly",
        Support::Disputed => "disputed",
        Support::Unsupported => "unsupported",
    }
}

/// An address, and whether it may be a link: nothing but a page on the web is; no `javascript:`, no
/// `file:`.
fn address(url: &str) -> Value {
    let url = words::plain(url);
    let link = words::web(&url);
    context! { url, link }
}

/// The host of a source's address, for a reader who knows it.
fn host(source: &Source) -> Option<String> {
    let (_, rest) = source.url.split_once("://")?;
    let host = rest.split(['/', '?', '#']).next().filter(|host| !host.is_empty())?;
    Some(words::plain(host.strip_prefix("www.").unwrap_or(host)))
}

/// A piece of a page as a person reads it, without its Markdown's signs and links.
fn shown(text: &str) -> String {
    words::plain(&crate::plain(text))
}

/// Without the signs of headings, which mean nothing within a line.
fn unheaded(text: &str) -> String {
    let line = |line: &str| match line.trim_start_matches('#') {
        rest if rest.len() < line.len() && rest.starts_with(' ') => rest[1..].to_string(),
        _ => line.to_string(),
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// What stands before and after a piece of a text, cut between words.
fn around(text: &str, start: usize, end: usize) -> (&str, &str) {
    let from = text.ceil_char_boundary(start.saturating_sub(AROUND));
    let to = text.floor_char_boundary((end + AROUND).min(text.len()));
    let (mut before, mut after) = (&text[from..start], &text[end..to]);
    if from > 0 {
        before = before.split_once(char::is_whitespace).map_or("", |(_, rest)| rest);
    }
    if to < text.len() {
        after = after.rsplit_once(char::is_whitespace).map_or("", |(rest, _)| rest);
    }
    (before, after)
}

#[cfg(test)]
mod tests {
    use crate::report::Trouble;

    use super::*;

    fn report(url: &str, title: &str, text: &str, quote: &str) -> Report {
        let start = text.find(quote).unwrap_or_default();
        let source = Source {
            url: url.into(),
            title: title.into(),
            text: text.into(),
            sha256: "ab".into(),
            retrieved: 1_795_536_000_000,
            ..Source::default()
        }
        .sealed();
        let span = Span {
            source: 1,
            start: start as u64,
            end: (start + quote.len()) as u64,
            quote: quote.into(),
        };
        let claim = Claim {
            text: format!("It says {quote}"),
            value: String::new(),
            support: Support::Partly,
            overlap: 0.5,
            citations: vec![span],
        };
        let trouble =
            Trouble { kind: TroubleKind::Injection, about: url.into(), text: title.into() };
        Report {
            question: title.into(),
            answer: Some(claim.clone()),
            sections: vec![Section { claims: vec![claim], ..Section::default() }],
            sources: vec![source],
            troubles: vec![trouble],
            ..Report::default()
        }
    }

    #[test]
    fn what_pages_write_is_text() -> Result<(), minijinja::Error> {
        let evil = "<script>alert(1)</script>\" onmouseover=\"alert(2)' {{ 7 * 7 }} &lt;";
        for url in ["javascript:alert(1)", "https://x.org/\"><img src=x onerror=alert(1)>"] {
            let text = format!("{evil} and more");
            let page = render(&report(url, evil, &text, evil))?;
            assert!(!page.contains("<script") && !page.contains("<img"), "{page}");
            assert!(
                !page.contains("\" onmouseover") && !page.contains("href=\"javascript"),
                "{page}"
            );
            assert!(page.contains("{{ 7 * 7 }}") && page.contains("&amp;lt;"), "{page}");
        }
        Ok(())
    }

    #[test]
    fn a_quote_stands_in_its_text() -> Result<(), minijinja::Error> {
        let text =
            format!("{}The tower is 47 m high. It is old.{}", "far ".repeat(99), " off".repeat(99));
        let page = render(&report("https://x.org/", "Towers", &text, "The tower is 47 m high."))?;
        assert!(page.contains("<mark>The tower is 47 m high.</mark> It is old."), "{page}");
        assert!(
            page.matches("far ").count() <= 2 * AROUND / 4 && page.contains("partly supported"),
            "{page}"
        );
        assert!(page.contains("href=\"https:&#x2f;&#x2f;x.org&#x2f;\""), "{page}");
        let mut wrong = report("https://x.org/", "Towers", &text, "The tower is 47 m high.");
        wrong.sections[0].claims[0].citations[0].quote = "The tower is 48 m high.".into();
        assert!(render(&wrong)?.contains("does not stand in its source"));
        Ok(())
    }

    #[test]
    fn nothing_comes_from_elsewhere() -> Result<(), minijinja::Error> {
        let page = render(&report("https://x.org/", "Towers", "One. Two.", "One."))?;
        for outside in ["src=", "@import", "url(", "<link", "<script", "<iframe"] {
            assert!(!page.contains(outside), "{outside}");
        }
        Ok(())
    }
}
