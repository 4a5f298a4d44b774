//! A rate that a question says and no table has: "0.38 for every kilometre".

use serde_json::Value;

/// What says that a number is one of each.
const EACH: [&str; 21] = [
    "each", "every", "per", "apiece", "je", "jede", "jeden", "jeder", "jedes", "pro", "par",
    "chaque", "por", "cada", "ogni", "elk", "elke", "varje", "hver", "każdy", "każda",
];

/// The one of a question's numbers that is so much for each, in a sentence that says so; none of two.
pub(super) fn rate(numbers: &[Value], question: &str) -> Option<Value> {
    let sentences = question.split_inclusive(['?', '!', '\n']).flat_map(|text| text.split(". "));
    let each = sentences.filter(|sentence| {
        let mut words = sentence.split(|c: char| !c.is_alphanumeric());
        words.any(|word| EACH.contains(&word.to_lowercase().as_str()))
    });
    let said: Vec<f64> = each.flat_map(str::split_whitespace).filter_map(number).collect();
    let is_said = |number: &&Value| number.as_f64().is_some_and(|number| said.contains(&number));
    let mut rates = numbers.iter().filter(is_said);
    let rate = rates.next()?.clone();
    rates.next().is_none().then_some(rate)
}

/// The number that a word is, whatever stands around it: `€0,38`.
fn number(word: &str) -> Option<f64> {
    word.trim_matches(|c: char| !c.is_ascii_digit()).replace(',', ".").parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::rate;

    #[test]
    fn a_rate_is_the_only_number_of_what_each_is() {
        let check = |numbers: Value, question: &str| {
            rate(numbers.as_array().map_or(&[], Vec::as_slice), question)
        };
        let paid = "The firm pays me 0.38 for every kilometre. How much is that for 2036?";
        assert_eq!(check(json!([0.38, 2036]), paid), Some(json!(0.38)));
        let german = "Pro Nacht kostet das Zimmer 45,50 €. Was kosten alle im Mai?";
        assert_eq!(check(json!([45.5]), german), Some(json!(45.5)));
        // What is said elsewhere is a condition, and of two there is no telling.
        assert_eq!(check(json!([30]), "How many each? Of those over 30."), None);
        assert_eq!(check(json!([30, 2]), "Over 30, at 2 each: how much?"), None);
    }
}
