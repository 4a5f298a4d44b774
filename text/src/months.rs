//! Months by their names, in the languages that dates are read in.

/// The names of each month.
const MONTHS: [&[&str]; 12] = [
    &["january", "jan", "januar", "janvier", "enero", "gennaio", "janeiro", "januari"],
    &["february", "feb", "februar", "février", "febrero", "febbraio", "fevereiro", "februari"],
    &["march", "mar", "märz", "mars", "marzo", "março", "maart"],
    &["april", "apr", "avril", "abril", "aprile"],
    &["may", "mai", "mayo", "maggio", "maio", "mei"],
    &["june", "jun", "juni", "juin", "junio", "giugno", "junho"],
    &["july", "jul", "juli", "juillet", "julio", "luglio", "julho"],
    &["august", "aug", "août", "agosto", "augustus"],
    &["september", "sep", "sept", "septembre", "septiembre", "settembre", "setembro"],
    &["october", "oct", "oktober", "okt", "octobre", "octubre", "ottobre", "outubro"],
    &["november", "nov", "novembre", "noviembre", "novembro"],
    &["december", "dec", "dezember", "dez", "décembre", "diciembre", "dicembre", "dezembro"],
];

/// Which month a word is, from 1 on.
pub fn month(word: &str) -> Option<u32> {
    let word = word.to_lowercase();
    let names = MONTHS.iter().position(|names| names.contains(&word.as_str()))?;
    u32::try_from(names + 1).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_known_by_each_of_its_names() {
        for (word, number) in [("June", 6), ("juin", 6), ("MÄRZ", 3), ("dez", 12)] {
            assert_eq!(month(word), Some(number));
        }
        assert_eq!(month("moon"), None);
    }
}
