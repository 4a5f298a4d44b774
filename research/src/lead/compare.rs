//! A comparison of quantities: the model says what is asked, and which way round; which of two numbers is
//! the larger is worked out here.

use super::answer::{quoted, together};
use super::{Lead, Stage};
use crate::quantity::{Dimension, Quantity, quantities, written_as};
use crate::render::phrases::Phrases;
use crate::report::Claim;
use crate::support;
use agent_core::strategy::Next;

/// What a comparison asks for: one of the things, how far they are apart, or yes or no.
pub(super) const ASKS: [&str; 3] = ["which", "difference", "whether"];
pub(super) const ENDS: [&str; 2] = ["larger", "smaller"];

/// The things that are compared, with what was found on each.
#[derive(Debug, Clone, Default)]
pub(super) struct Compared {
    measured: Vec<(String, Quantity, Claim)>,
    asks: &'static str,
}

impl Lead {
    /// The comparison by its numbers, where every thing has one and all are of one kind.
    pub(super) fn compare(&mut self) -> Option<Next> {
        let claims: Option<Vec<&Claim>> = self.parts.iter().map(|part| self.claim(part)).collect();
        let claims = claims.filter(|claims| claims.len() > 1)?;
        let point = if self.report.language == "en" { b'.' } else { b',' };
        let read = |text: &str| {
            let known = quantities(&self.report.question, point);
            let found = quantities(text, point).into_iter();
            found.filter(|one| !known.iter().any(|old| old.written == one.written)).collect()
        };
        let short: Vec<Vec<Quantity>> = claims.iter().map(|claim| read(&claim.value)).collect();
        let whole: Vec<Vec<Quantity>> = claims.iter().map(|claim| read(&claim.text)).collect();
        let numbers = alike(&short).or_else(|| alike(&whole))?;
        let measured = self.things.iter().cloned().zip(numbers).zip(claims);
        let measured =
            measured.map(|((thing, number), claim)| (thing, number, claim.clone())).collect();
        self.compared = Compared { measured, asks: ASKS[0] };
        Some(self.turn(Stage::Asks))
    }

    /// What was found, as the model sees it.
    pub(super) fn compared_numbers(&self) -> String {
        let one =
            |(thing, number, _): &(String, Quantity, Claim)| format!("{thing}: {}", number.written);
        self.compared.measured.iter().map(one).collect::<Vec<_>>().join("; ")
    }

    pub(super) fn asks(&mut self, chosen: Option<&'static str>, now: u64) -> Next {
        let Some(asks) = chosen else { return self.turn(Stage::Answer) };
        self.compared.asks = asks;
        match asks {
            "difference" => self.apart(now),
            _ => self.turn(Stage::End),
        }
    }

    /// How far two things are apart.
    fn apart(&mut self, now: u64) -> Next {
        self.compared.measured.sort_by(|one, other| other.1.value.total_cmp(&one.1.value));
        let [(_, more, _), (_, less, _)] = self.compared.measured.as_slice() else {
            return self.turn(Stage::Answer);
        };
        let head = format!("{}. ", written_as(more.value - less.value, more));
        self.concluded(&head, false, now)
    }

    /// Which of the things is at the end that decides, or whether the first one is.
    pub(super) fn at_the_end(&mut self, chosen: Option<&'static str>, now: u64) -> Next {
        let first = self.compared.measured.first().map(|(thing, ..)| thing.clone());
        self.compared.measured.sort_by(|one, other| match chosen {
            Some("smaller") => one.1.value.total_cmp(&other.1.value),
            _ => other.1.value.total_cmp(&one.1.value),
        });
        let measured = &self.compared.measured;
        let same = |at: usize| measured.get(at).map(|(_, number, _)| number.value);
        if chosen.is_none() || same(0) == same(1) {
            return self.turn(Stage::Answer);
        }
        match self.compared.asks {
            "whether" => {
                let [yes, no] = Phrases::of(&self.report.language).yes_no;
                let first = measured.first().map(|(thing, ..)| thing) == first.as_ref();
                self.concluded(&format!("{}. ", if first { yes } else { no }), false, now)
            }
            _ => self.concluded("", true, now),
        }
    }

    fn concluded(&mut self, head: &str, winner: bool, now: u64) -> Next {
        let told =
            self.compared.measured.iter().enumerate().map(|(at, (thing, number, _))| {
                match (winner, at) {
                    (true, 0) => format!("{thing} ({})", number.written),
                    _ => format!("{thing}: {}", number.written),
                }
            });
        let told = told.collect::<Vec<_>>().join("; ");
        let text = format!("{head}{}.", capital(&told));
        let claims: Vec<&Claim> = self.compared.measured.iter().map(|(.., claim)| claim).collect();
        let quotes: Vec<String> = claims.iter().map(|claim| quoted(claim)).collect();
        let around = format!("{} {}", quotes.join(" "), self.report.question);
        let overlap = support::overlap(&text, &around);
        let (support, citations) = together(&claims);
        self.report.answer =
            Some(Claim { text, value: String::new(), support, overlap, citations });
        self.done(now)
    }
}

/// One number of each, all of the first dimension of which each has just one. Where that is no other, what
/// might be a year is a number.
fn alike(found: &[Vec<Quantity>]) -> Option<Vec<Quantity>> {
    let of = |dimension: Dimension, found: &[Vec<Quantity>]| {
        let one = |list: &Vec<Quantity>| {
            let mut own = list.iter().filter(|one| one.dimension == dimension);
            let first = own.next()?;
            own.all(|other| other.value == first.value).then(|| first.clone())
        };
        found.iter().map(one).collect::<Option<Vec<_>>>()
    };
    let mut dimensions: Vec<Dimension> =
        found.iter().flatten().map(|quantity| quantity.dimension).collect();
    dimensions.sort_unstable();
    dimensions.dedup();
    dimensions.iter().find_map(|dimension| of(*dimension, found)).or_else(|| {
        let counts = |list: &Vec<Quantity>| {
            let count = |one: &Quantity| Quantity { dimension: Dimension::Count, ..one.clone() };
            let plain = |one: &&Quantity| match one.dimension {
                Dimension::Date => one.value.fract() == 0.0 && one.written.len() == 4,
                dimension => dimension == Dimension::Count,
            };
            list.iter().filter(plain).map(count).collect::<Vec<_>>()
        };
        of(Dimension::Count, &found.iter().map(counts).collect::<Vec<_>>())
    })
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(texts: [&str; 2]) -> Option<Vec<f64>> {
        let found = texts.map(|text| quantities(text, b'.'));
        alike(&found).map(|numbers| numbers.into_iter().map(|number| number.value).collect())
    }

    #[test]
    fn numbers_of_one_kind_are_compared() {
        assert_eq!(of(["Built in 1891, it is 1,284 m long", "980 m"]), Some(vec![1284.0, 980.0]));
        assert_eq!(of(["opened on 1 January 1891", "1904"]), Some(vec![1891.0, 1904.0]));
        assert_eq!(of(["1284 seats", "11,000 seats"]), Some(vec![1284.0, 11_000.0]));
        assert_eq!(of(["12 km and 15 km", "3 km"]), None);
        assert_eq!(of(["12 km", "in 1891"]), None);
    }
}
