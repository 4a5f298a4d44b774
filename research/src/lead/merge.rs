//! What readers bring home, in one report: their sources get its numbers, and the same text from
//! two addresses is one source.

use super::Lead;
use crate::report::{Report, Source, Span};
use crate::{Notes, near_duplicate};

impl Lead {
    /// Takes in a reader's notes.
    pub(super) fn take(&mut self, notes: Notes) {
        let Notes { mut section, sources, troubles } = notes;
        let claims = section.claims.iter_mut();
        let mut spans: Vec<&mut Span> = claims.flat_map(|claim| &mut claim.citations).collect();
        for (number, source) in (1..).zip(sources) {
            let (own, others): (Vec<_>, Vec<_>) =
                spans.into_iter().partition(|span| span.source == number);
            spans = others;
            place(&mut self.report, source, own);
        }
        // What cites a source that the notes do not have is one that the check finds.
        spans.into_iter().for_each(|span| span.source = 0);
        self.report.sections.push(section);
        for trouble in troubles {
            if !self.report.troubles.contains(&trouble) {
                self.report.troubles.push(trouble);
            }
        }
    }
}

/// Puts a source where it belongs: with one that has the same text, also where only links and
/// spaces differ, as long as every quote stands there too; or behind the others.
fn place(report: &mut Report, source: Source, spans: Vec<&mut Span>) {
    for (number, known) in (1..).zip(&mut report.sources) {
        if known.text_sha256 != source.text_sha256
            && !near_duplicate::twins(&known.text, &source.text)
        {
            continue;
        }
        let there: Option<Vec<Span>> =
            spans.iter().map(|span| moved(span, number, known)).collect();
        if let Some(there) = there {
            known.also(&source);
            spans.into_iter().zip(there).for_each(|(span, moved)| *span = moved);
            return;
        }
    }
    report.sources.push(source);
    let number = report.sources.len() as u32;
    spans.into_iter().for_each(|span| span.source = number);
}

/// The same quote in another source: where it stood, or else where it first stands.
fn moved(span: &Span, number: u32, source: &Source) -> Option<Span> {
    let start = usize::try_from(span.start).ok()?;
    let at = |start: usize| source.span(number, start, start.checked_add(span.quote.len())?);
    let same = |moved: &Span| moved.quote == span.quote;
    at(start).filter(same).or_else(|| at(source.text.find(&span.quote)?))
}
