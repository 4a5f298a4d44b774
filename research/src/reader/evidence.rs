//! What a question's answer stands on: the passages worth reading, the sentences of the one that
//! says it, and the finding as far as they bear it out.

use std::ops::Range;

use text::sentences::sentences;
use text::{markdown, rank};

use super::super::{Extent, support};
use super::{Reader, Stage};
use crate::report::{Claim, Support};
use agent_core::strategy::Next;

/// Passages read at once.
const PASSAGES: usize = 6;
/// The least share of a question that a passage must be about to answer it.
const COVERED: f64 = 0.4;

impl Reader {
    /// The passages that fit the question best, of sources that no finding stands on yet.
    pub(super) fn best(&self) -> Vec<usize> {
        let used: Vec<usize> = self
            .notes
            .section
            .claims
            .iter()
            .flat_map(|claim| claim.citations.iter().map(|span| span.source as usize - 1))
            .collect();
        let texts: Vec<String> = self
            .passages
            .iter()
            .map(|passage| format!("{} {}", passage.context, passage.text))
            .collect();
        let question = self.question();
        let scores = rank::score(question, texts.iter().map(String::as_str));
        let about = |at: usize| {
            self.terms.about(question, &texts[at])
                && self.terms.coverage(question, &texts[at]) >= COVERED
        };
        let mut order: Vec<usize> = (0..self.passages.len())
            .filter(|at| scores[*at] > 0.0 && about(*at))
            .filter(|at| !self.of_another(&self.passages[*at], &texts[*at]))
            .collect();
        // Where the page on what is asked about speaks of it, one on "the lesser" of that name is not read.
        if order.iter().any(|at| !self.of_one_like_it(&self.passages[*at])) {
            order.retain(|at| !self.of_one_like_it(&self.passages[*at]));
        }
        order.retain(|at| !self.spent.contains(at) && !used.contains(&self.passages[*at].source));
        order.sort_by(|one, other| scores[*other].total_cmp(&scores[*one]));
        order.truncate(PASSAGES);
        order
    }

    /// The sentences of the holder that an answer stands on: the one that shares most with it, and
    /// one more where that holds what the first does not.
    pub(super) fn quote(&self) -> Vec<Range<usize>> {
        let passage = &self.passages[self.holder];
        let text = &self.notes.sources[passage.source].text;
        let sentences = sentences(text, &passage.range);
        let about = format!("{} {} {}", self.proposed, self.proposed, self.question());
        let plain: Vec<String> =
            sentences.iter().map(|range| markdown::plain(&text[range.clone()])).collect();
        let scores = rank::score(&about, plain.iter().map(String::as_str));
        let weight = |at: usize| support::overlap(&self.proposed, &plain[at]) * 100.0 + scores[at];
        let mut order: Vec<usize> = (0..sentences.len()).collect();
        order.sort_by(|one, other| weight(*other).total_cmp(&weight(*one)));
        let Some(first) = order.first().copied() else { return vec![passage.range.clone()] };
        let mut kept = vec![first];
        let alone = support::overlap(&self.proposed, &plain[first]);
        if let Some(second) = order.get(1).copied() {
            let both = format!("{} {}", plain[first], plain[second]);
            let asked = support::overlap(self.question(), &plain[first]);
            let better = support::overlap(&self.proposed, &both) > alone
                || (asked < 0.3 && support::overlap(self.question(), &both) > asked);
            if better {
                kept.push(second);
            }
        }
        kept.sort_unstable();
        kept.into_iter().map(|at| sentences[at].clone()).collect()
    }

    pub(super) fn quoted(&self) -> String {
        let text = &self.notes.sources[self.passages[self.holder].source].text;
        let quotes = self.quotes.iter().map(|range| &text[range.clone()]);
        quotes.collect::<Vec<_>>().join(" ")
    }

    /// The finding is put down as far as its quotes bear it out.
    pub(super) fn conclude(&mut self, extent: Extent, judged: Option<&str>) -> Next {
        let quoted = markdown::plain(&self.quoted());
        let verbatim = self.statement == quoted;
        // A number that the sentences do not have is no value of theirs.
        let there = support::numbers(&self.proposed, &quoted, "")
            && support::overlap(&self.proposed, &quoted) >= 0.5;
        let around = format!("{} {quoted}", self.passages[self.holder].context);
        let mut overlap = support::overlap(&self.statement, &around);
        let mut support = match verbatim {
            // The passage was asked whether it states the answer.
            true => Support::Supported,
            false => support::support(judged, overlap, self.grounded(&quoted)),
        };
        if support == Support::Unsupported {
            self.statement = quoted;
            (support, overlap) = (Support::Supported, 1.0);
        }
        let number = self.passages[self.holder].source;
        let source = &self.notes.sources[number];
        let spans = self.quotes.iter();
        let citations =
            spans.filter_map(|range| source.span(number as u32 + 1, range.start, range.end));
        let claim = Claim {
            text: self.statement.clone(),
            value: if there { self.proposed.clone() } else { String::new() },
            support,
            overlap,
            citations: citations.collect(),
        };
        self.notes.section.claims.push(claim);
        match self.notes.section.claims.len() {
            1 => self.more(extent),
            _ => self.turn(Stage::Compare),
        }
    }
}

/// All that a claim cites.
pub(super) fn quotes(claim: &Claim) -> String {
    let quotes = claim.citations.iter().map(|span| markdown::plain(&span.quote));
    quotes.collect::<Vec<_>>().join(" ")
}
