//! `files.search`: the passages that answer a question best.

use crate::folder::{self, Folder};
use crate::passages::{Piece, pieces};
use crate::row;
use crate::types::{Found, Passage, SearchArguments};
use text::search::{Index, Kind};

const LIMIT: u32 = 5;
/// Passages that fit far worse than the best one are noise.
const WORTH: f64 = 0.3;
/// Rows of one table are given together, up to this many.
const ROWS: usize = 8;
const SKIPPED: usize = 20;

pub(crate) fn search(arguments: SearchArguments) -> Result<Found, String> {
    if arguments.query.trim().is_empty() {
        return Err("`query` is empty: say what to look for".to_string());
    }
    let Folder { texts, skipped } = folder::texts(arguments.path.as_deref())?;
    let mut found = Found { skipped, ..Found::default() };
    found.skipped.truncate(SKIPPED);
    found.files = texts.len() as u32;
    let (skip, limit) = (arguments.skip.unwrap_or(0), arguments.limit.unwrap_or(LIMIT));
    found.passages = passages(&texts, &arguments.query, skip, limit);
    Ok(found)
}

fn passages(texts: &[(String, String)], query: &str, skip: u32, limit: u32) -> Vec<Passage> {
    let mut index = Index::default();
    let mut all: Vec<(&str, Piece<'_>)> = Vec::new();
    for (path, text) in texts {
        for piece in pieces(path, text) {
            index.add(path, piece.kind, &piece.context, &piece.text);
            all.push((path, piece));
        }
    }
    let mut ranked = index.rank(query);
    ranked.drain(..ranked.len().min(skip as usize));
    let best = ranked.first().map_or(0.0, |(_, score)| *score);
    let mut chosen: Vec<(f64, &str, Vec<&Piece<'_>>)> = Vec::new();
    for (number, score) in ranked {
        if score < best * WORTH {
            break;
        }
        let (path, piece) = &all[number];
        let room = chosen.len() < limit.clamp(1, 20) as usize;
        let together = chosen.iter_mut().find(|(_, other, rows)| {
            other == path
                && piece.kind == Kind::Row
                && rows[0].kind == Kind::Row
                && rows[0].context == piece.context
        });
        match together {
            Some((_, _, rows)) if rows.len() < ROWS => rows.push(piece),
            Some(_) => {}
            None if room => chosen.push((score, path, vec![piece])),
            None => {}
        }
    }
    chosen.into_iter().map(|(score, path, pieces)| passage(score, path, pieces)).collect()
}

fn passage(score: f64, path: &str, pieces: Vec<&Piece<'_>>) -> Passage {
    let rows = pieces.first().is_some_and(|piece| piece.kind == Kind::Row);
    let (mut context, mut lines) = (String::new(), Vec::new());
    for piece in &pieces {
        if rows {
            let (headings, header) =
                piece.context.rsplit_once('\n').unwrap_or(("", &piece.context));
            context = headings.to_string();
            lines.extend(piece.text.iter().map(|row| row::named(header, row)));
        } else {
            context = piece.context.clone();
            lines.extend(piece.text.iter().map(|line| line.to_string()));
        }
    }
    Passage {
        path: path.to_string(),
        start: pieces.iter().map(|piece| piece.start).min().unwrap_or(0),
        end: pieces.iter().map(|piece| piece.end).max().unwrap_or(0),
        score: (score * 100.0).round() / 100.0,
        context,
        text: lines.join("\n"),
        rows,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_with_their_header_and_together() {
        let texts = [
            ("a.csv", "city,country\nLyon,France\nRome,Italy\nNice,France\n"),
            ("b.md", "# Food\nFrance has cheese.\n"),
        ];
        let texts = texts.map(|(path, text)| (path.to_string(), text.to_string()));
        let found = passages(&texts, "cities in France", 0, 5);
        let found: Vec<(&str, u32, u32, &str)> =
            found.iter().map(|p| (p.path.as_str(), p.start, p.end, p.text.as_str())).collect();
        assert_eq!(
            found,
            [
                ("a.csv", 2, 4, "city: Lyon, country: France\ncity: Nice, country: France"),
                ("b.md", 2, 2, "France has cheese."),
            ]
        );
    }
}
