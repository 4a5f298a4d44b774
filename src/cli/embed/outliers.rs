//! `errand embed outliers`: texts that are like no other.

use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::json;
use vectors::Point;

use super::cluster::without_null;
use super::{Common, bar, draw, line, places, read, said};
use crate::cli::json::print;
use crate::cli::terminal::say;

/// The arguments of `errand embed outliers`.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The file: rows of a CSV, objects of JSON lines, lines of a .txt, passages of anything else
    file: PathBuf,
    /// The column of the CSV, or the field of the objects, that counts
    #[arg(long)]
    column: Option<String>,
    /// How many, the most unusual first
    #[arg(long, default_value_t = 10)]
    limit: usize,
    /// Draw a map of the texts: the larger a dot, the more unusual
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    #[command(flatten)]
    common: Common,
}

pub(super) fn main(args: Args) -> anyhow::Result<ExitCode> {
    let errand = args.common.open()?;
    let wanted = without_null(json!({ "column": args.column }));
    let found = read(&errand, errand::OUTLIERS, &[args.file], &wanted)?;
    let texts = said(&found);
    let made = args.common.vectors(&errand, &texts)?;
    let bar = bar(texts.len(), "texts compared");
    let scores = vectors::outliers(&made.vectors, &mut |done| bar.set_position(done as u64));
    bar.finish_and_clear();
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]).then(a.cmp(&b)));
    for &at in order.iter().take(args.limit) {
        let (text, score) = (&found.texts[at], scores[at]);
        if args.common.json {
            print(&json!({
                "path": text.path, "start": text.start, "score": score, "text": text.text,
            }));
        } else {
            say(&format!("{score:.3}  {}:{}  {}", text.path, text.start, line(&text.text, 90)));
        }
    }
    if let Some(path) = &args.svg {
        let most = scores.iter().copied().fold(f32::EPSILON, f32::max);
        let points = places(&made.vectors).into_iter().enumerate().map(|(at, place)| Point {
            at: place,
            group: order.iter().take(args.limit).any(|&odd| odd == at).then_some(0),
            weight: scores[at] / most,
            text: texts[at].clone(),
        });
        draw(path, &points.collect::<Vec<_>>(), &["unusual".to_string()])?;
    }
    Ok(ExitCode::SUCCESS)
}
