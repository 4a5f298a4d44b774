//! A research report: what was asked, what was found, and the stored text that each finding stands
//! on. Plain data with a JSON Schema. A citation is a span of a source's text, so a reader of the
//! report can check it ([`Report::faults`]); how it is printed is not decided here.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The version of the form.
pub const VERSION: u32 = 1;

/// What a research run comes to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// The version of this form: 1.
    pub version: u32,
    /// What was asked.
    pub question: String,
    /// The language that its fixed words are in, the question's where that is one of `de`, `en`,
    /// `es`, `fr`, `it`, `nl`, `pt`; English otherwise, and where nothing is said.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub language: String,
    /// When it was written, in milliseconds since 1970.
    pub made: u64,
    /// Why it is not finished; `null` where it is.
    pub stopped: Option<String>,
    /// The answer in short; `null` where none was found.
    pub answer: Option<Claim>,
    /// What was found, by sub-question.
    pub sections: Vec<Section>,
    /// The pages that are cited, numbered from 1 in this order.
    pub sources: Vec<Source>,
    /// What went wrong, and what pages tried.
    pub troubles: Vec<Trouble>,
}

/// A sub-question, and what was found on it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Section {
    /// The sub-question.
    pub question: String,
    /// The findings; none where nothing was found.
    pub claims: Vec<Claim>,
    /// What was searched for.
    pub searches: Vec<Search>,
    /// How many pages were read.
    pub pages: u32,
}

/// One search.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Search {
    /// The words.
    pub query: String,
    /// How many results came.
    pub results: u32,
}

/// One statement, and what it stands on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// The statement.
    pub text: String,
    /// What answers the question in it, in a few words of the source, where it was asked for so.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub value: String,
    /// How far its citations bear it out.
    pub support: Support,
    /// The share of its words and numbers that its citations hold, from 0 to 1.
    pub overlap: f64,
    /// What it stands on.
    pub citations: Vec<Span>,
}

/// How far the cited spans bear out a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Support {
    /// They state it.
    Supported,
    /// They state a part of it, or something near to it.
    Partly,
    /// They state it, and another source says otherwise.
    Disputed,
    /// They do not state it.
    Unsupported,
}

/// A piece of a source's text, word for word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// The source's number, from 1.
    pub source: u32,
    /// Where it begins in the source's `text`, in bytes of UTF-8.
    pub start: u64,
    /// Where it ends.
    pub end: u64,
    /// What stands there.
    pub quote: String,
}

/// A page as it was read.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Where it was found, after redirects.
    pub url: String,
    /// Where else the same text was found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
    /// Its title; may be empty.
    pub title: String,
    /// Who wrote it, as the page says; may be empty.
    #[serde(default)]
    pub author: String,
    /// When it was published, as the page says; may be empty.
    #[serde(default)]
    pub date: String,
    /// The site's name, as the page says; may be empty.
    #[serde(default)]
    pub site: String,
    /// When it was fetched, in milliseconds since 1970.
    pub retrieved: u64,
    /// SHA-256 of its bytes as they came, in lower-case hex: the name of its copy in the store.
    pub sha256: String,
    /// SHA-256 of `text`.
    pub text_sha256: String,
    /// What was read of it.
    pub text: String,
    /// Where each page of a document with pages begins in `text`, in bytes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pages: Vec<u64>,
}

/// Something that a reader of the report should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Trouble {
    /// What kind.
    pub kind: TroubleKind,
    /// The search provider, or the page.
    pub about: String,
    /// What happened, or what the page says.
    pub text: String,
}

/// What kind of trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TroubleKind {
    /// A search failed.
    Search,
    /// A page could not be read.
    Page,
    /// A page holds instructions for machine readers. Nothing of them was followed.
    Injection,
    /// A researcher failed.
    Agent,
}

impl Source {
    /// The source with the hash of its text.
    pub fn sealed(mut self) -> Self {
        self.text_sha256 = sha256(&self.text);
        self
    }

    /// Notes that another source has the same text.
    pub(crate) fn also(&mut self, other: &Source) {
        for url in std::iter::once(&other.url).chain(&other.also) {
            if *url != self.url && !self.also.contains(url) {
                self.also.push(url.clone());
            }
        }
    }

    /// A piece of its text; `None` where there is none at these bytes.
    pub fn span(&self, number: u32, start: usize, end: usize) -> Option<Span> {
        let quote = self.text.get(start..end)?.to_string();
        Some(Span { source: number, start: start as u64, end: end as u64, quote })
    }

    /// The number of the page that this byte stands on, from 1, in a document with pages.
    pub fn page(&self, at: u64) -> Option<usize> {
        Some(self.pages.partition_point(|begin| *begin <= at)).filter(|page| *page > 0)
    }
}

impl Report {
    /// The JSON Schema of a report.
    pub fn schema() -> serde_json::Value {
        schemars::schema_for!(Report).to_value()
    }

    /// Every claim with the name of its place: the answer first.
    pub fn claims(&self) -> impl Iterator<Item = (String, &Claim)> {
        let answer = self.answer.iter().map(|claim| ("the answer".to_string(), claim));
        let sections = self.sections.iter().enumerate().flat_map(|(section, found)| {
            let place = move |claim| format!("claim {} of section {}", claim + 1, section + 1);
            found.claims.iter().enumerate().map(move |(at, claim)| (place(at), claim))
        });
        answer.chain(sections)
    }

    /// Everything in the report that its own evidence does not bear out: a quote that is not in its
    /// source word for word, a source that is not there or that has another text than its hash
    /// says, a claim that is called supported and cites nothing. None in a report of errand's own
    /// making.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.version != VERSION {
            faults.push(format!("version {} is not one that this errand knows", self.version));
        }
        for (at, source) in self.sources.iter().enumerate() {
            if sha256(&source.text) != source.text_sha256 {
                faults.push(format!("the text of source {} is not the one that was read", at + 1));
            }
        }
        for (place, claim) in self.claims() {
            if claim.citations.is_empty() && claim.support != Support::Unsupported {
                faults.push(format!("{place} cites nothing, and is not called unsupported"));
            }
            for span in &claim.citations {
                if let Err(problem) = self.stands(span) {
                    faults.push(format!("{place}: {problem}"));
                }
            }
        }
        faults
    }

    fn stands(&self, span: &Span) -> Result<(), String> {
        let number = span.source;
        let source = (number as usize).checked_sub(1).and_then(|at| self.sources.get(at));
        let source = source.ok_or_else(|| format!("there is no source {number}"))?;
        let range = usize::try_from(span.start).ok().zip(usize::try_from(span.end).ok());
        let there = range.and_then(|(start, end)| source.text.get(start..end));
        match there {
            Some(there) if there == span.quote && !there.trim().is_empty() => Ok(()),
            _ => Err(format!("`{}` does not stand in source {number} there", span.quote)),
        }
    }
}

/// SHA-256 of a text, in lower-case hex.
pub fn sha256(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let source = Source {
            url: "https://example.org/".into(),
            text: "The tower is 47 m high. It was built in 1746.".into(),
            ..Source::default()
        }
        .sealed();
        let citations = source.span(1, 0, 23).into_iter().collect();
        let claim = Claim {
            text: "The tower is 47 m high.".into(),
            value: String::new(),
            support: Support::Supported,
            overlap: 1.0,
            citations,
        };
        let section = Section { claims: vec![claim.clone()], ..Section::default() };
        Report {
            version: VERSION,
            answer: Some(claim),
            sections: vec![section],
            sources: vec![source],
            ..Report::default()
        }
    }

    #[test]
    fn what_stands_in_its_source_has_no_fault() {
        assert_eq!(report().faults(), Vec::<String>::new());
    }

    #[test]
    fn what_was_changed_is_found() {
        let check = |change: fn(&mut Report), expected: &[&str]| {
            let mut report = report();
            change(&mut report);
            assert_eq!(report.faults(), expected);
        };
        check(
            |report| report.sections[0].claims[0].citations[0].quote = "The tower is 48 m".into(),
            &["claim 1 of section 1: `The tower is 48 m` does not stand in source 1 there"],
        );
        check(
            |report| report.sections[0].claims[0].citations[0].end = 999,
            &["claim 1 of section 1: `The tower is 47 m high.` does not stand in source 1 there"],
        );
        check(
            |report| report.sections[0].claims[0].citations[0].source = 2,
            &["claim 1 of section 1: there is no source 2"],
        );
        check(
            |report| report.sources[0].text = report.sources[0].text.replace("1746", "1747"),
            &["the text of source 1 is not the one that was read"],
        );
        check(
            |report| report.sections[0].claims[0].citations.clear(),
            &["claim 1 of section 1 cites nothing, and is not called unsupported"],
        );
    }

    #[test]
    fn a_place_has_a_page() {
        let source = Source { pages: vec![0, 100, 250], ..Source::default() };
        assert_eq!([0, 99, 100, 400].map(|at| source.page(at)), [1, 1, 2, 3].map(Some));
        assert_eq!(Source::default().page(3), None);
    }
}
