//! A report as one HTML file: no script, no font and no picture from anywhere. A citation shows its
//! quote, in the text around it, to whoever points at it or reaches it with the keyboard.

use agent_core::report::{Claim, Report, Source, Span};
use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, Value, context};

use crate::words;

const TEMPLATE: &str = include_str!("report.html");
/// How much of a source's text is shown on either side of a quote, in bytes.
const AROUND: usize = 240;

/// The whole file.
pub(crate) fn render(report: &Report) -> Result<String, minijinja::Error> {
    let mut layout = Environment::new();
    layout.set_auto_escape_callback(|_| AutoEscape::Html);
    layout.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    let sections: Vec<Value> = report
        .sections
        .iter()
        .map(|section| {
            let searches = section.searches.iter().map(|search| words::plain(&search.query));
            context! {
                question => words::plain(&section.question),
                claims => claims(&section.claims, report),
                searches => searches.collect::<Vec<_>>(),
                pages => section.pages,
            }
        })
        .collect();
    let sources: Vec<Value> = (1..).zip(&report.sources).map(source).collect();
    let troubles: Vec<Value> = report
        .troubles
        .iter()
        .map(|trouble| {
            let (before, after) = words::trouble(trouble);
            let (about, text) = (words::plain(&trouble.about), words::plain(&trouble.text));
            context! { before, about, after, text }
        })
        .collect();
    layout.render_str(
        TEMPLATE,
        context! {
            question => words::plain(&report.question),
            stopped => report.stopped.as_deref().map(words::plain),
            made => words::date(report.made),
            answer => report.answer.as_ref().map(|answer| claim(answer, report)),
            evidence => evidence(report), sections, sources, troubles,
        },
    )
}

fn claims(claims: &[Claim], report: &Report) -> Vec<Value> {
    claims.iter().map(|said| claim(said, report)).collect()
}

/// Each claim with each of its quotes, once: the answer is often a finding's own.
fn evidence(report: &Report) -> Vec<Value> {
    let mut seen = Vec::new();
    let mut rows = Vec::new();
    for (_, said) in report.claims() {
        if !seen.contains(&said) {
            seen.push(said);
            rows.push(claim(said, report));
        }
    }
    rows
}

fn claim(claim: &Claim, report: &Report) -> Value {
    let citations: Vec<Value> = claim.citations.iter().map(|span| citation(span, report)).collect();
    context! {
        text => words::plain(&claim.text),
        support => words::support(claim.support),
        // The first word is the class that colours it.
        class => words::support(claim.support).split([' ', ':']).next(),
        overlap => format!("{:.0}", claim.overlap.clamp(0.0, 1.0) * 100.0),
        citations,
    }
}

/// A quote with the text around it; one that does not stand in its source has nothing around it.
fn citation(span: &Span, report: &Report) -> Value {
    let source = (span.source as usize).checked_sub(1).and_then(|at| report.sources.get(at));
    let place = source.and_then(|source| {
        let (start, end) = (usize::try_from(span.start).ok()?, usize::try_from(span.end).ok()?);
        (source.text.get(start..end)? == span.quote).then_some((source.text.as_str(), start, end))
    });
    let (before, after) =
        place.map(|(text, start, end)| around(text, start, end)).unwrap_or_default();
    context! {
        number => span.source,
        quote => words::plain(&span.quote),
        before => words::plain(before),
        after => words::plain(after),
        stands => place.is_some(),
        page => source.and_then(|source| source.page(span.start)),
    }
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

fn source((number, source): (u32, &Source)) -> Value {
    let url = words::plain(&source.url);
    // Nothing but a page on the web is a link: no `javascript:`, no `file:`.
    let link = ["http://", "https://"].iter().any(|scheme| url.starts_with(scheme));
    context! {
        number,
        title => words::plain(words::title(source)),
        url,
        link,
        by => words::plain(&source.author),
        date => words::plain(&source.date),
        site => words::plain(&source.site),
        retrieved => words::date(source.retrieved),
        sha256 => words::plain(&source.sha256),
    }
}

#[cfg(test)]
mod tests {
    use agent_core::report::{Section, Support, Trouble, TroubleKind};

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
        assert!(page.len() < 12_000 && page.contains("partly supported"), "{page}");
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
