//! Months and days of the week by their names, in the languages that dates are read in.

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

/// The names of the days of the week.
const WEEKDAYS: [&[&str]; 7] = [
    &["monday", "montag", "lundi", "lunes", "lunedì", "maandag"],
    &["tuesday", "dienstag", "mardi", "martes", "martedì", "dinsdag"],
    &["wednesday", "mittwoch", "mercredi", "miércoles", "mercoledì", "woensdag"],
    &["thursday", "donnerstag", "jeudi", "jueves", "giovedì", "donderdag"],
    &["friday", "freitag", "vendredi", "viernes", "venerdì", "vrijdag"],
    &["saturday", "samstag", "sonnabend", "samedi", "sábado", "sabato", "zaterdag"],
    &["sunday", "sonntag", "dimanche", "domingo", "domenica", "zondag"],
];

/// Whether a word is a day of the week, also as one of many.
pub fn is_weekday(word: &str) -> bool {
    let word = word.to_lowercase();
    let one = word.strip_suffix('s').unwrap_or(&word);
    WEEKDAYS.iter().any(|names| names.contains(&one) || names.contains(&word.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_of_the_week_is_known_by_its_names() {
        for word in ["Tuesday", "tuesdays", "Dienstags", "martes", "lundi"] {
            assert!(is_weekday(word), "{word}");
        }
        assert!(!is_weekday("day") && !is_weekday("s") && !is_weekday(""));
    }

    #[test]
    fn a_month_is_known_by_each_of_its_names() {
        for (word, number) in [("June", 6), ("juin", 6), ("MÄRZ", 3), ("dez", 12)] {
            assert_eq!(month(word), Some(number));
        }
        assert_eq!(month("moon"), None);
    }
}
