//! A run in a list: what can be said of it without reading its events.

use agent_core::action::Decision;
use agent_core::event::{Event, Outcome, Reason, RunId, What};
use rusqlite::Connection;

/// One run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRow {
    /// Its name.
    pub id: RunId,
    /// The agent's name.
    pub agent: String,
    /// Milliseconds since 1970 of its first event.
    pub created: u64,
    /// Milliseconds since 1970 of its last event.
    pub updated: u64,
    /// How many events it has.
    pub events: u64,
    /// How it stands.
    pub status: Status,
}

/// How a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// A process drives it.
    Running,
    /// It has not ended, and nobody drives it: it can be resumed.
    Interrupted,
    /// It waits for a person's yes or no.
    Waiting,
    /// It has an outcome.
    Done,
    /// It ended without one.
    Ended(Reason),
}

impl Status {
    /// One word for it, as the database and `errand runs list` write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Running => "running",
            Status::Interrupted => "interrupted",
            Status::Waiting | Status::Ended(Reason::Approval) => "approval",
            Status::Done => "done",
            Status::Ended(Reason::Steps) => "steps",
            Status::Ended(Reason::Tokens) => "tokens",
            Status::Ended(Reason::Time) => "time",
            Status::Ended(Reason::Cost) => "cost",
            Status::Ended(Reason::Fault) => "fault",
            Status::Ended(Reason::Cancelled) => "cancelled",
            Status::Ended(Reason::Unsupported) => "unsupported",
        }
    }

    fn parse(word: &str) -> Status {
        match word {
            "done" => Status::Done,
            "approval" => Status::Waiting,
            "steps" => Status::Ended(Reason::Steps),
            "tokens" => Status::Ended(Reason::Tokens),
            "time" => Status::Ended(Reason::Time),
            "cost" => Status::Ended(Reason::Cost),
            "fault" => Status::Ended(Reason::Fault),
            "cancelled" => Status::Ended(Reason::Cancelled),
            "unsupported" => Status::Ended(Reason::Unsupported),
            _ => Status::Running,
        }
    }

    /// How a run stands after this event.
    pub(crate) fn after(event: &Event) -> Status {
        match &event.what {
            What::Ended { outcome: Outcome { reason: None, .. } } => Status::Done,
            What::Judged { action, verdict }
                if verdict.decision == Decision::Ask && action.id.parent().is_none() =>
            {
                Status::Waiting
            }
            What::Ended { outcome: Outcome { reason: Some(reason), .. } } => Status::Ended(*reason),
            _ => Status::Running,
        }
    }
}

/// The latest runs, newest first; [`Status::Running`] where the run has not ended.
pub(crate) fn list(connection: &Connection, limit: i64) -> rusqlite::Result<Vec<RunRow>> {
    rows(connection, "ORDER BY created DESC, id DESC LIMIT ?1", [limit])
}

/// The runs that do the work of this run's calls, oldest first.
pub(crate) fn children(connection: &Connection, run: &RunId) -> rusqlite::Result<Vec<RunRow>> {
    // `.` comes right after `-`: all names that begin with this one and a `-`.
    let (from, to) = (format!("{run}-"), format!("{run}."));
    let mut found = rows(connection, "WHERE id > ?1 AND id < ?2 ORDER BY created, id", [from, to])?;
    found.retain(|row| row.id.parent().as_ref() == Some(run));
    Ok(found)
}

fn rows(
    connection: &Connection,
    which: &str,
    values: impl rusqlite::Params,
) -> rusqlite::Result<Vec<RunRow>> {
    let mut query = connection.prepare_cached(&format!(
        "SELECT id, agent, created, updated, status,
                (SELECT coalesce(max(seq) + 1, 0) FROM events WHERE run = id)
         FROM runs {which}"
    ))?;
    let number = |row: &rusqlite::Row<'_>, column| {
        row.get::<_, i64>(column).map(|number| u64::try_from(number).unwrap_or(0))
    };
    let rows = query.query_map(values, |row| {
        Ok(RunRow {
            id: RunId(row.get(0)?),
            agent: row.get(1)?,
            created: number(row, 2)?,
            updated: number(row, 3)?,
            status: Status::parse(&row.get::<_, String>(4)?),
            events: number(row, 5)?,
        })
    })?;
    rows.collect()
}
