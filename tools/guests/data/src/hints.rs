//! What a query may have meant that found nothing, by the texts that it compares with as they stand in the tables;
//! and what it cannot have meant: a comparison that decides nothing.

use crate::base::Base;
use crate::words::{Kind, Word, quoted, words};

/// Texts of a query that are looked for.
const TEXTS: usize = 5;
/// Columns that they are looked for in.
const COLUMNS: usize = 100;
/// Letters of a text that is looked for or shown.
const LONGEST: usize = 80;

pub(crate) fn values(base: &Base, words: &[Word]) -> Vec<String> {
    compared(words).into_iter().take(TEXTS).filter_map(|text| hint(base, text)).collect()
}

/// The query with numbers in the place of texts that are compared with a column of numbers: to SQL each number comes
/// before each text, so that `year <= '2037'` keeps every row. A database's own columns see to that themselves.
///
/// # Errors
/// A text that is no number: what to write.
pub(crate) fn with_numbers(base: &Base, sql: &str) -> Result<String, String> {
    let words = words(sql);
    let mut changed = sql.to_string();
    for (at, word) in words.iter().enumerate().rev().filter(|(_, word)| word.kind == Kind::Text) {
        let text = word.text.trim();
        let Some(column) = held_against(&words[..at]) else { continue };
        let number = text.parse::<f64>().is_ok() && !text.contains(char::is_alphabetic);
        let Some(held) = base.holds_numbers(column, number) else { continue };
        if number {
            changed.replace_range(word.at.clone(), text);
            continue;
        }
        let begins = text.split(|c: char| !c.is_numeric()).next().unwrap_or_default();
        let text: String = text.chars().take(LONGEST).collect();
        let hint = match begins {
            "" => "compare it with a number".to_string(),
            begins => format!("write {begins} in the place of '{text}'"),
        };
        return Err(format!(
            "`{column}` holds numbers, such as {held}, and '{text}' is a text: {hint}"
        ));
    }
    Ok(changed)
}

/// The column that a text behind these words is compared with: `age < `, `age BETWEEN '1' AND `, `age IN ('1', `.
fn held_against(words: &[Word]) -> Option<&str> {
    let mut compared = false;
    for word in words.iter().rev() {
        let is = |texts: &[&str]| texts.iter().any(|it| it.eq_ignore_ascii_case(&word.text));
        match word.kind {
            Kind::Other if is(&["<", ">", "=", "!"]) => compared = true,
            Kind::Other if is(&["(", ",", "."]) || word.text.starts_with(char::is_numeric) => {}
            Kind::Other => return None,
            Kind::Text => {}
            Kind::Word if is(&["between", "and", "in", "not"]) => compared = true,
            Kind::Word | Kind::Quoted => return compared.then_some(&word.text),
        }
    }
    None
}

/// The texts after `=` and in the list after `IN`.
fn compared(words: &[Word]) -> Vec<&str> {
    let mut texts = Vec::new();
    let mut listed = false;
    for (at, word) in words.iter().enumerate() {
        let before = |back: usize| at.checked_sub(back).map_or("", |at| words[at].text.as_str());
        match word.text.as_str() {
            "(" if word.kind == Kind::Other => listed = before(1).eq_ignore_ascii_case("in"),
            ")" if word.kind == Kind::Other => listed = false,
            _ => {}
        }
        if word.kind == Kind::Text && (listed || before(1) == "=") {
            texts.push(word.text.as_str());
        }
    }
    texts.retain(|text| !text.is_empty() && text.len() <= LONGEST);
    texts
}

fn hint(base: &Base, text: &str) -> Option<String> {
    let mut near: Option<(u8, String, String)> = None;
    let mut left = COLUMNS;
    for (table, known) in base.named() {
        for column in
            known.columns.iter().filter(|it| !["integer", "number"].contains(&it.holds.as_str()))
        {
            left = left.checked_sub(1)?;
            let name = quoted(&column.name);
            let found = |condition: &str| -> Option<String> {
                let sql = format!("SELECT {name} FROM {table} WHERE {condition} LIMIT 1");
                base.connection.query_row(&sql, [text], |row| row.get(0)).ok()
            };
            if found(&format!("{name} = ?1")).is_some() {
                return None;
            }
            let same = format!("lower(trim({name})) = lower(trim(?1))");
            let within = format!("instr(lower({name}), lower(trim(?1))) > 0");
            let other = found(&same).map(|it| (0, it)).or_else(|| found(&within).map(|it| (1, it)));
            if let Some((rank, value)) = other
                && near.as_ref().is_none_or(|(best, ..)| rank < *best)
            {
                near = Some((rank, column.name.clone(), value));
            }
        }
    }
    Some(match near {
        Some((_, column, value)) => {
            let value: String = value.chars().take(LONGEST).collect();
            format!("no value is '{text}'; `{column}` holds '{value}'")
        }
        None => format!("no value is '{text}'"),
    })
}
