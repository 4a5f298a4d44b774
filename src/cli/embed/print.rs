//! `errand embed TEXT… | FILE | -`: the vectors themselves.

use std::io::Read;
use std::path::Path;
use std::process::ExitCode;

use serde_json::json;

use super::{Common, line};
use crate::cli::json::print;
use crate::cli::terminal::{Usage, say};

/// The most bytes that are read of a file or of standard input.
const LARGE: u64 = 64 << 20;

/// The arguments of `errand embed`.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Texts; or one text file, or `-` for standard input, whose lines are the texts
    #[arg(value_name = "TEXT")]
    texts: Vec<String>,
    #[command(flatten)]
    common: Common,
}

pub(super) fn main(args: Args) -> anyhow::Result<ExitCode> {
    let texts = texts(&args.texts)?;
    let errand = args.common.open()?;
    let made = args.common.vectors(&errand, &texts)?;
    for (at, (text, vector)) in texts.iter().zip(&made.vectors).enumerate() {
        if args.common.json {
            print(&json!({
                "text": text, "tokens": made.tokens[at], "cut": made.cut.contains(&at),
                "vector": vector,
            }));
        } else {
            let first: Vec<String> = vector.iter().take(4).map(|x| format!("{x:+.4}")).collect();
            let shown = line(text, 50);
            say(&format!("{:<52} {} numbers: {} …", shown, vector.len(), first.join(" ")));
        }
    }
    // What two texts have in common is what a person wants to know of a few of them.
    if !args.common.json && (2..=8).contains(&texts.len()) {
        say("cosines:");
        for vector in &made.vectors {
            let near = |other: &Vec<f32>| vector.iter().zip(other).map(|(a, b)| a * b).sum::<f32>();
            let row = made.vectors.iter().map(|other| format!("{:>7.3}", near(other)));
            say(&row.collect::<String>());
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn texts(given: &[String]) -> anyhow::Result<Vec<String>> {
    let lines = |text: String| -> Vec<String> {
        text.lines().filter(|line| !line.trim().is_empty()).map(str::to_string).collect()
    };
    let hint = "hint: `errand embed \"a text\"`, `errand embed FILE` or `errand embed -`";
    let found = match given {
        [] => return Err(Usage(format!("there is no text\n{hint}")).into()),
        [one] if one == "-" => {
            let mut text = String::new();
            std::io::stdin().take(LARGE).read_to_string(&mut text)?;
            lines(text)
        }
        [one] if Path::new(one).is_file() => {
            let size = std::fs::metadata(one).map_or(0, |meta| meta.len());
            let bytes =
                if size > LARGE { Vec::new() } else { guard::file::read(one.as_ref(), LARGE)? };
            let text = String::from_utf8(bytes).ok().filter(|text| !text.is_empty());
            let text = text.filter(|text| !text.contains('\0'));
            lines(text.ok_or_else(|| {
                Usage(format!(
                    "`{one}` is no UTF-8 text, or is larger than {} MB\nhint: `errand embed search` and \
                     `cluster` read documents too",
                    LARGE >> 20
                ))
            })?)
        }
        texts => texts.to_vec(),
    };
    match found.iter().all(|text| text.trim().is_empty()) {
        true => Err(Usage(format!("there is no text\n{hint}")).into()),
        false => Ok(found),
    }
}
