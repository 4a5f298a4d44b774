//! `errand embed cluster`: groups of texts.

use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::json;
use vectors::{Method, Point, cluster};

use super::{Common, draw, line, places, read, said};
use crate::cli::json::print;
use crate::cli::terminal::{Usage, say};

/// Texts of a group that a person is shown.
const SHOWN: usize = 3;

/// The arguments of `errand embed cluster`.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The file: rows of a CSV, objects of JSON lines, lines of a .txt, passages of anything else
    file: PathBuf,
    /// The column of the CSV, or the field of the objects, that counts
    #[arg(long)]
    column: Option<String>,
    /// How many groups; as many as fit best where it is not said
    #[arg(long, conflicts_with = "density")]
    groups: Option<usize>,
    /// Groups by density (HDBSCAN) of at least this many texts; what lies between is in none
    #[arg(long, value_name = "LEAST")]
    density: Option<usize>,
    /// Draw a map of the texts
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    #[command(flatten)]
    common: Common,
}

pub(super) fn main(args: Args) -> anyhow::Result<ExitCode> {
    if args.groups == Some(0) || args.density.is_some_and(|least| least < 2) {
        return Err(Usage("`--groups` is at least 1, and `--density` at least 2".into()).into());
    }
    let errand = args.common.open()?;
    let wanted = json!({ "column": args.column });
    let found = read(&errand, errand::CLUSTER, &[args.file], &without_null(wanted))?;
    let texts = said(&found);
    if let Some(groups) = args.groups.filter(|groups| *groups > texts.len()) {
        let problem = format!("{groups} groups cannot be made of {} texts", texts.len());
        return Err(Usage(problem).into());
    }
    let made = args.common.vectors(&errand, &texts)?;
    let method = args.density.map_or(Method::Kmeans(args.groups), Method::Density);
    let said: Vec<&str> = texts.iter().map(String::as_str).collect();
    let groups = cluster(&made.vectors, &said, method);
    for (number, group) in groups.groups.iter().enumerate() {
        let place = |at: usize| &found.texts[at];
        if args.common.json {
            let members = group.members.iter().map(|&at| {
                let text = place(at);
                json!({ "path": text.path, "start": text.start, "text": text.text })
            });
            print(&json!({
                "group": number + 1, "label": group.label, "size": group.members.len(),
                "cohesion": group.cohesion, "members": members.collect::<Vec<_>>(),
            }));
            continue;
        }
        let size = group.members.len();
        say(&format!(
            "{}. {} ({size} texts, cohesion {:.2})",
            number + 1,
            group.label,
            group.cohesion
        ));
        for &at in group.members.iter().take(SHOWN) {
            say(&format!("    {}: {}", place(at).start, line(&place(at).text, 90)));
        }
    }
    let none = groups.of.iter().filter(|of| of.is_none()).count();
    match (none, args.common.json) {
        (0, _) => {}
        (_, true) => print(&json!({ "group": null, "size": none })),
        (_, false) => say(&format!("{none} texts are in no group")),
    }
    if let Some(path) = &args.svg {
        let points = places(&made.vectors).into_iter().enumerate().map(|(at, place)| Point {
            at: place,
            group: groups.of[at],
            weight: 0.2,
            text: texts[at].clone(),
        });
        let legend: Vec<String> = groups.groups.iter().map(|group| group.label.clone()).collect();
        draw(path, &points.collect::<Vec<_>>(), &legend)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Arguments as a tool takes them: what is not said is left out.
pub(super) fn without_null(mut arguments: serde_json::Value) -> serde_json::Value {
    if let Some(fields) = arguments.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    arguments
}
