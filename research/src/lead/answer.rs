//! The answer to the question, from what was found: only what the findings bear out.

use super::super::{line, no_answer, support};
use super::{Kind, Lead, Stage};
use crate::report::{Claim, Span, Support};
use agent_core::model::Reply;
use agent_core::strategy::Next;
use text::markdown::plain;
use text::{one_line, rank};

impl Lead {
    /// The answer: the one finding on the question itself, or what a model makes of all.
    pub(super) fn answer(&mut self, now: u64) -> Next {
        let direct = self.direct().cloned();
        let found = self.report.sections.iter().map(|section| section.claims.len()).sum::<usize>();
        if let Some(claim) = self.chained() {
            self.report.answer = Some(claim);
            return self.done(now);
        }
        match (direct, found) {
            (None, 0) => self.done(now),
            // Half of a comparison is no answer, and neither is a name by itself.
            (None, _) if self.kind != Kind::Subject && !self.unanswered().is_empty() => {
                self.done(now)
            }
            (Some(claim), 1) => {
                self.report.answer = Some(claim);
                self.done(now)
            }
            _ if self.kind == Kind::Compare => {
                self.compare().unwrap_or_else(|| self.turn(Stage::Answer))
            }
            _ => self.turn(Stage::Answer),
        }
    }

    /// The first finding on the question as it was asked.
    fn direct(&self) -> Option<&Claim> {
        self.claim(&self.report.question)
    }

    /// The first finding on a question.
    pub(super) fn claim(&self, question: &str) -> Option<&Claim> {
        let asked = self.report.sections.iter().filter(|section| section.question == question);
        asked.flat_map(|section| &section.claims).next()
    }

    pub(super) fn drafted(&mut self, reply: &Reply, now: u64) -> Next {
        let draft = one_line(&reply.content);
        if no_answer(&line(reply)) || draft.is_empty() {
            // A finding on the question itself was checked against its page; this was not.
            return self.fall_back(now);
        }
        // A finding belongs to the answer if the answer has something from it that the question
        // does not have.
        let asked = rank::words(&self.report.question);
        let said: Vec<String> =
            rank::words(&draft).into_iter().filter(|word| !asked.contains(word)).collect();
        let claims = self.report.sections.iter().flat_map(|section| &section.claims);
        let shares = |claim: &&Claim| {
            let own = rank::words(&quoted(claim));
            said.iter().any(|word| own.contains(word))
        };
        self.basis = claims.filter(shares).cloned().collect();
        if self.basis.is_empty() {
            return self.fall_back(now);
        }
        self.draft = draft;
        self.turn(Stage::Judge)
    }

    pub(super) fn judged(&mut self, judged: Option<&str>) {
        let quotes: Vec<String> = self.basis.iter().map(quoted).collect();
        let quotes = quotes.join(" ");
        let question = self.report.question.clone();
        let overlap = support::overlap(&self.draft, &format!("{quotes} {question}"));
        let numbers = support::numbers(&self.draft, &quotes, &question);
        let mut support = support::support(judged, overlap, numbers);
        if !self.named(&quotes) {
            // German writes every noun as a name.
            support = match (support, self.report.language.as_str()) {
                (Support::Supported | Support::Partly, "de") => Support::Partly,
                _ => Support::Unsupported,
            };
        }
        let (worst, citations) = together(&self.basis.iter().collect::<Vec<_>>());
        if worst == Support::Disputed && support != Support::Unsupported {
            support = worst;
        }
        if support == Support::Unsupported {
            self.report.answer = self.direct().cloned();
            return;
        }
        self.report.answer = Some(Claim {
            text: self.draft.clone(),
            value: String::new(),
            support,
            overlap,
            citations,
        });
    }

    /// Whether the draft names nothing but what the question, the findings, or the titles of their
    /// sources do.
    fn named(&self, quotes: &str) -> bool {
        let titles = self.report.sources.iter().map(|source| source.title.as_str());
        let findings = self.basis.iter().map(|claim| claim.text.as_str());
        let known: Vec<&str> =
            titles.chain(findings).chain([quotes, self.report.question.as_str()]).collect();
        support::names(&self.draft, &known)
    }

    /// What the model wrote stands on nothing: the finding on the question itself, if there is one.
    fn fall_back(&mut self, now: u64) -> Next {
        self.report.answer = self.direct().cloned();
        self.done(now)
    }
}

/// How far several claims are borne out together, and what they stand on.
pub(super) fn together(claims: &[&Claim]) -> (Support, Vec<Span>) {
    let order = [Support::Supported, Support::Partly, Support::Disputed, Support::Unsupported];
    let worst = order.into_iter().rfind(|one| claims.iter().any(|claim| claim.support == *one));
    let mut citations: Vec<Span> = Vec::new();
    for span in claims.iter().flat_map(|claim| &claim.citations) {
        if !citations.contains(span) {
            citations.push(span.clone());
        }
    }
    (worst.unwrap_or(Support::Unsupported), citations)
}

/// All that a claim cites, as it is read.
pub(super) fn quoted(claim: &Claim) -> String {
    let quotes = claim.citations.iter().map(|span| plain(&span.quote));
    quotes.collect::<Vec<_>>().join(" ")
}
