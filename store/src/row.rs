//! A run in a list: what can be said of it without reading its events.

use agent_core::action::Decision;
use agent_core::event::{Event, Outcome, Reason, RunId, What};
use agent_core::run::ended;
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
    /// It has not ended, and no process drives it: it can be resumed.
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

    /// How a run stands after these events.
    pub(crate) fn of(events: &[Event]) -> Status {
        ended(events).map_or(Status::Running, Status::with)
    }

    /// How a run stands after this event, whatever came before; `None` where that decides.
    pub(crate) fn after(event: &Event) -> Option<Status> {
        Some(match &event.what {
            What::Undone => return None,
            What::Ended { outcome } => Status::with(outcome),
            What::Judged { action, verdict }
                if verdict.decision == Decision::Ask && action.id.parent().is_none() =>
            {
                Status::Waiting
            }
            _ => Status::Running,
        })
    }

    fn with(outcome: &Outcome) -> Status {
        outcome.reason.map_or(Status::Done, Status::Ended)
    }
}

/// Which runs, by who began them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Whose {
    /// All.
    #[default]
    All,
    /// Those that no other run began.
    Own,
    /// Of those the ones that were begun here: none that was imported.
    Here,
}

impl Whose {
    /// What holds of them: the name of a run that another one began has a `-`.
    fn sql(self) -> &'static str {
        match self {
            Whose::All => "TRUE",
            Whose::Own => "instr(id, '-') = 0",
            Whose::Here => "instr(id, '-') = 0 AND imported = 0",
        }
    }
}

/// Which runs are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Which {
    /// Those whose names begin so.
    pub begin: String,
    /// Those of the agent of this name.
    pub agent: Option<String>,
    /// Those that stand so, as [`Status::as_str`] says it.
    pub status: Option<String>,
    /// Those that began at this moment or later, in milliseconds since 1970.
    pub since: u64,
    /// Those that began before this moment, in milliseconds since 1970.
    pub before: Option<u64>,
    /// By whom they were begun.
    pub whose: Whose,
    /// The most of them, the latest.
    pub limit: usize,
}

/// The latest runs, newest first; [`Status::Running`] where the run has not ended, so that a status
/// is still to be looked at by the caller that knows which are driven.
pub(crate) fn list(connection: &Connection, which: &Which) -> rusqlite::Result<Vec<RunRow>> {
    let since = i64::try_from(which.since).unwrap_or(i64::MAX);
    let before = which.before.and_then(|before| i64::try_from(before).ok()).unwrap_or(i64::MAX);
    // `{` comes after all that a name can hold.
    let (begin, to) = (&which.begin, format!("{}{{", which.begin));
    // Whether a run is driven is not in the database.
    let (limit, status) = match which.status.as_deref() {
        Some("running" | "interrupted") => (usize::MAX, Some("running")),
        status => (which.limit, status),
    };
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let whose = which.whose.sql();
    rows(
        connection,
        &format!(
            "WHERE created >= ?1 AND (?2 IS NULL OR agent = ?2) AND (?3 IS NULL OR status = ?3)
             AND created < ?5 AND id >= ?6 AND id < ?7 AND {whose}
             ORDER BY created DESC, id DESC LIMIT ?4"
        ),
        rusqlite::params![since, which.agent, status, limit, before, begin, to],
    )
}

/// The runs whose names begin so, at most so many: the one of that very name, then the latest.
pub(crate) fn named(
    connection: &Connection,
    begin: &str,
    whose: Whose,
    most: u32,
) -> rusqlite::Result<Vec<RunRow>> {
    // `{` comes after all that a name can hold.
    let to = format!("{begin}{{");
    rows(
        connection,
        &format!(
            "WHERE id >= ?1 AND id < ?2 AND {}
             ORDER BY id = ?1 DESC, created DESC, id DESC LIMIT ?3",
            whose.sql()
        ),
        rusqlite::params![begin, to, most],
    )
}

/// Bytes of the events of a run, and of the runs that do the work of its calls.
pub(crate) fn bytes(connection: &Connection, run: &RunId) -> rusqlite::Result<u64> {
    let mut query = connection.prepare_cached(
        "SELECT coalesce(sum(length(CAST(json AS BLOB))), 0) FROM events
         WHERE run = ?1 OR (run > ?2 AND run < ?3)",
    )?;
    let (from, to) = below(run);
    let sum: i64 = query.query_row([&run.0, &from, &to], |row| row.get(0))?;
    Ok(u64::try_from(sum).unwrap_or(0))
}

/// Whether there is a run of this name.
pub(crate) fn there(connection: &Connection, run: &RunId) -> rusqlite::Result<bool> {
    connection
        .query_row("SELECT EXISTS (SELECT 1 FROM runs WHERE id = ?1)", [&run.0], |row| row.get(0))
}

/// Removes a run, and the runs that do the work of its calls.
pub(crate) fn remove(connection: &Connection, run: &RunId) -> rusqlite::Result<()> {
    let (from, to) = below(run);
    for (table, name) in [("events", "run"), ("runs", "id")] {
        connection.execute(
            &format!("DELETE FROM {table} WHERE {name} = ?1 OR ({name} > ?2 AND {name} < ?3)"),
            [&run.0, &from, &to],
        )?;
    }
    Ok(())
}

/// Before and after all names of the runs that do the work of this run's calls.
fn below(run: &RunId) -> (String, String) {
    // `.` comes right after `-`: all names that begin with this one and a `-`.
    (format!("{run}-"), format!("{run}."))
}

/// The runs that do the work of this run's calls, oldest first.
pub(crate) fn children(connection: &Connection, run: &RunId) -> rusqlite::Result<Vec<RunRow>> {
    let (from, to) = below(run);
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
        "SELECT id, agent, created,
                coalesce((SELECT at FROM events WHERE run = id ORDER BY seq DESC LIMIT 1), updated),
                status,
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
