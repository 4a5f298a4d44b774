//! Which lines of a file a text is made of: the open items of a list, the errors of a log. A small model that writes
//! from the whole file takes lines that are not wanted, so each is judged by itself first, and where the lines
//! fall apart into two groups the text is written from the likelier ones. What is likely for one line is only
//! held against the other lines of the same file.

use super::arguments::Draft;
use super::fitting::log_odds;
use super::{READ, Stage, Stepwise, Taken, WRITE, odds, prompts};
use agent_core::agent::Agent;
use agent_core::event::Status;
use agent_core::message::Message;
use agent_core::model::Reply;
use agent_core::strategy::Decision;
use text::rank;

/// Of so many lines each is judged.
const LINES: std::ops::RangeInclusive<usize> = 3..=40;
/// The least difference of log odds between two groups of lines. Measured on twelve files: docs/performance.md.
const GAP: f32 = 0.3;
/// The least one between lines that have a word of the task and those that have not.
const MARGIN: f32 = 0.1;
/// The longest name of a column in a text.
const NAME: usize = 32;

/// The lines of a file, while they are judged.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Lines {
    /// What waits for them.
    draft: Draft,
    /// The step that read them.
    step: usize,
    lines: Vec<String>,
    /// The log odds of the first ones.
    odds: Vec<f32>,
}

impl Stepwise {
    /// What comes first for a text: the text, or the lines that it is made of.
    pub(super) fn before_text(&mut self, agent: &Agent, draft: Draft) -> Stage {
        let one = draft.tool == WRITE && self.owed(agent).len() <= 1 && self.judged.is_none();
        let mut read = (0..self.taken.len()).filter(|at| {
            let Taken { tool, status, .. } = &self.taken[*at];
            tool == READ && *status == Status::Ok
        });
        let (Some(step), None, true) = (read.next(), read.next(), one) else {
            return Stage::Text(draft);
        };
        let lines = self.taken[step].whole.lines().filter(|line| !line.trim().is_empty());
        let lines: Vec<String> = lines.map(str::to_string).collect();
        match LINES.contains(&lines.len()) {
            true => Stage::Lines(Lines { draft, step, lines, odds: Vec::new() }),
            false => Stage::Text(draft),
        }
    }

    pub(super) fn ask_for_line(&self, agent: &Agent, lines: &Lines) -> Vec<Message> {
        let line = named_cells(&lines.lines).into_iter().nth(lines.odds.len());
        line.map(|line| prompts::line(agent, &line)).unwrap_or_default()
    }

    /// A line was judged. Once all are, the text is written from those that are wanted.
    pub(super) fn judged(&mut self, agent: &Agent, mut lines: Lines, reply: &Reply) -> Decision {
        lines.odds.push(log_odds(odds(reply, "yes")));
        if lines.odds.len() < lines.lines.len() {
            self.stage = Stage::Lines(lines);
            return Decision::default();
        }
        let Lines { draft, step, lines, odds } = lines;
        let wanted = wanted(&lines, &odds, &agent.task);
        let plan = (wanted.len() < lines.len())
            .then(|| format!("take {} of the {} lines", wanted.len(), lines.len()));
        let wanted: Vec<&str> = wanted.into_iter().map(|at| lines[at].as_str()).collect();
        self.judged = Some((step, wanted.join("\n")));
        self.stage = Stage::Text(draft);
        Decision { plan, ..Decision::default() }
    }
}

/// The lines as they are shown: the rows of a table in a text with what their cells are called, so that
/// `Bo | no | ` is `name: Bo, coming: no`.
fn named_cells(lines: &[String]) -> Vec<String> {
    let mut shown = lines.to_vec();
    for mark in ['|', ';', '\t'] {
        let cells = |line: &str| -> Vec<String> {
            let line = line
                .trim_matches(|c| c == ' ' || c == mark && mark == '|' && line.starts_with('|'));
            line.split(mark).map(|cell| cell.trim().to_string()).collect()
        };
        let table = lines.iter().map(|line| cells(line)).collect::<Vec<_>>();
        // A name and two rows at least.
        let header = table.windows(3).position(|rows| {
            rows[0].len() > 1
                && rows.iter().all(|row| row.len() == rows[0].len())
                && rows[0].iter().all(|name| !name.is_empty() && name.chars().count() <= NAME)
        });
        let Some(header) = header else { continue };
        let names = &table[header];
        let rows = table.iter().enumerate().skip(header + 1);
        for (at, row) in rows.take_while(|(_, row)| row.len() == names.len()) {
            let told = names.iter().zip(row).filter(|(_, cell)| !cell.is_empty());
            let told: Vec<String> = told.map(|(name, cell)| format!("{name}: {cell}")).collect();
            shown[at] = told.join(", ");
        }
        break;
    }
    shown
}

/// The places of the lines that are wanted, in their order.
fn wanted(lines: &[String], odds: &[f32], task: &str) -> Vec<usize> {
    let mut order: Vec<usize> = (0..lines.len()).collect();
    order.sort_by(|one, other| odds[*other].total_cmp(&odds[*one]));
    let gaps = order.windows(2).map(|two| odds[two[0]] - odds[two[1]]).enumerate();
    let widest = gaps.max_by(|(_, one), (_, other)| one.total_cmp(other));
    if let Some((last, _)) = widest.filter(|(_, gap)| *gap >= GAP) {
        order.truncate(last + 1);
    }
    // Of what is left, a word of the task may be what tells the wanted ones from the others.
    let words = rank::words(task);
    let said: Vec<Vec<String>> = lines.iter().map(|line| rank::words(line)).collect();
    let having = words.iter().filter_map(|word| {
        let has = |at: &&usize| said[**at].contains(word);
        let having = order.iter().take_while(has).count();
        let others = &order[having..];
        let apart = odds[*order[..having].last()?] - odds[*others.first()?] >= MARGIN;
        (apart && !others.iter().any(|at| has(&at))).then_some(having)
    });
    if let Some(least) = having.min() {
        order.truncate(least);
    }
    order.sort_unstable();
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(task: &str, lines: &[(&str, f32)], expected: &[usize]) {
        let (lines, odds): (Vec<String>, Vec<f32>) =
            lines.iter().map(|(line, odds)| (line.to_string(), *odds)).unzip();
        assert_eq!(wanted(&lines, &odds, task), expected, "{task}");
    }

    #[test]
    fn lines_fall_apart_where_the_gap_is_widest() {
        let list = [("# Plan", -1.1), ("[x] dig", 0.1), ("[ ] sow", 2.0), ("[ ] mow", 1.8)];
        check("Write what is open into open.txt.", &list, &[2, 3]);
        // Where none stands out, all are wanted.
        let menu = [("Soup", 0.4), ("Trout", 0.3), ("Pie", 0.5)];
        check("Write menu.txt in Welsh into bwydlen.txt.", &menu, &[0, 1, 2]);
    }

    #[test]
    fn rows_are_shown_with_the_names_of_their_cells() {
        let shown = |text: &str| {
            named_cells(&text.lines().map(str::to_string).collect::<Vec<_>>()).join("\n")
        };
        let party = "Party | 9 May\nname | coming? | remark\nIda | yes | \nBo | no | ill\nAt six.";
        let expected = "Party | 9 May\nname | coming? | remark\nname: Ida, coming?: yes\nname: Bo, coming?: no, \
                        remark: ill\nAt six.";
        assert_eq!(shown(party), expected);
        let markdown = "| who | what |\n| --- | --- |\n| Ida | soup |";
        assert!(shown(markdown).ends_with("who: Ida, what: soup"));
        for text in ["Ida; soup\nBo; cake", "a\nb\nc", "Yes; he came.\nNo.\nWell; so it goes."] {
            assert_eq!(shown(text), text);
        }
    }

    #[test]
    fn a_word_of_the_task_tells_lines_apart_that_are_likelier_as_well() {
        let crew = [("Crew", 0.4), ("Bo, cook", 2.5), ("Al, mate", 2.2), ("Ida, cook", 2.4)];
        check("Write the cooks of crew.txt into cooks.txt.", &crew, &[1, 3]);
        // One that has the word and is less likely says that it is not about that word.
        let letter = [("Could I have my boots?", 0.9), ("Mill Lane 3", 1.6), ("1234 Ham", 1.4)];
        check("He wants his boots: write his address.", &letter, &[1, 2]);
        let letter = [("Could I have my boots?", 1.2), ("Mill Lane 3", 1.3), ("1234 Ham", 1.1)];
        check("He wants his boots: write his address.", &letter, &[0, 1, 2]);
    }
}
