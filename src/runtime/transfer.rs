//! Runs that leave this journal as a file, and come into another one: a line for each run, and one for each
//! of its events as the journal holds it, with what the chain comes to; then the bytes of what those name.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, Read, Write};

use agent_core::content::Content;
use agent_core::event::{Event, RunId};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use store::{Audit, Foreign, Kept, hex};

use super::Errand;
use super::runs::told;

/// The latest form of the file.
const FORM: u32 = 2;

/// The form of a run whose events name no bytes.
const TEXT: u32 = 1;

/// The longest line that is read: an event holds a reply or an output.
const MOST_LINE: u64 = 64 << 20;

/// The most that is read of a file.
const MOST: u64 = 1 << 30;

/// The line that begins a run.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    errand_run: u32,
    id: RunId,
    events: u64,
    head: String,
}

/// The line of an event.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    seq: u64,
    hash: String,
    event: Box<RawValue>,
}

/// The line of bytes that events name.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Blob {
    sha256: String,
    base64: String,
}

impl Errand {
    /// Holds a run against its chain.
    ///
    /// # Errors
    /// There is no such run, or the journal cannot be read.
    pub async fn verify(&self, id: &RunId) -> anyhow::Result<Audit> {
        told(self.store()?.audit(id).await)
    }

    /// Writes a run, and those of the agents that it called, and says how many they are.
    ///
    /// # Errors
    /// There is no such run, its chain does not hold or it has none, or it cannot be written.
    pub async fn export(&self, id: &RunId, file: &mut dyn Write) -> anyhow::Result<usize> {
        let store = self.store()?;
        let mut wanted = vec![id.clone()];
        let mut at = 0;
        while let Some(run) = wanted.get(at).cloned() {
            wanted.extend(store.children(&run).await?.into_iter().map(|row| row.id));
            at += 1;
            let (events, head) = match told(store.audit(&run).await)? {
                Audit::Whole { events, head } => (events, head),
                Audit::Changed { problem } => anyhow::bail!("run `{run}` was changed: {problem}"),
                Audit::Unchained { .. } => anyhow::bail!(
                    "run `{run}` began before runs had a chain, and no file could be verified\nhint: \
                     `errand runs show {run} --json` prints its events"
                ),
            };
            let kept = store.kept(&run).await?;
            let named = named(&kept);
            let form = if named.is_empty() { TEXT } else { FORM };
            line(file, &Head { errand_run: form, id: run.clone(), events, head })?;
            for Kept { seq, json, hash, .. } in kept {
                let hash = hex(&hash.unwrap_or_default());
                line(file, &Line { seq, hash, event: RawValue::from_string(json)? })?;
            }
            for sha256 in named {
                let content = store.blob(&run, &sha256).await?;
                let base64 = STANDARD.encode(content.as_bytes());
                line(file, &Blob { sha256, base64 })?;
            }
        }
        file.flush()?;
        Ok(wanted.len())
    }

    /// Takes in runs that were written by [`Errand::export`], all or none, and gives back their names. They
    /// can be looked at and gone through again, and are not gone on with.
    ///
    /// # Errors
    /// What of the file is not what was written, by its line; or the journal cannot be written.
    pub async fn import(&self, file: impl BufRead) -> anyhow::Result<Vec<RunId>> {
        let runs = read(file)?;
        self.store()?.import(&runs).await?;
        Ok(runs.into_iter().map(|foreign| foreign.run).collect())
    }
}

/// The SHA-256 of all bytes that these events name.
fn named(events: &[Kept]) -> BTreeSet<String> {
    let parsed = events.iter().filter_map(|event| Event::parse(&event.json).ok());
    let names =
        |event: Event| event.what.parts().iter().map(|p| p.sha256.clone()).collect::<Vec<_>>();
    parsed.flat_map(names).collect()
}

fn line(file: &mut dyn Write, value: &impl Serialize) -> anyhow::Result<()> {
    let mut text = serde_json::to_string(value)?;
    text.push('\n');
    Ok(file.write_all(text.as_bytes())?)
}

fn read(file: impl BufRead) -> anyhow::Result<Vec<Foreign>> {
    let mut file = file.take(MOST + 1);
    let (mut runs, mut number) = (Vec::<(Head, Foreign)>::new(), 0);
    loop {
        let mut text = Vec::new();
        let length = file.by_ref().take(MOST_LINE + 1).read_until(b'\n', &mut text)?;
        number += 1;
        anyhow::ensure!(length as u64 <= MOST_LINE, "line {number} is longer than 64 MiB");
        if length == 0 {
            break;
        }
        anyhow::ensure!(file.limit() > 0, "the file is longer than 1 GiB");
        if let Ok(head) = serde_json::from_slice::<Head>(&text) {
            anyhow::ensure!(
                (TEXT..=FORM).contains(&head.errand_run),
                "line {number} is of form {}, and this errand reads up to {FORM}: update errand",
                head.errand_run
            );
            let foreign =
                Foreign { run: head.id.clone(), events: Vec::new(), blobs: BTreeMap::new() };
            runs.push((head, foreign));
            continue;
        }
        let Some((_, foreign)) = runs.last_mut() else {
            anyhow::bail!(
                "line {number} begins no run\nhint: `errand runs export` writes what can be imported"
            )
        };
        if let Ok(Blob { sha256, base64 }) = serde_json::from_slice::<Blob>(&text) {
            let bytes = STANDARD.decode(base64).ok();
            let content = bytes.and_then(|bytes| Content::checked(bytes, &sha256));
            let content = content.ok_or_else(|| {
                anyhow::anyhow!("line {number}: the bytes are not those of {sha256}")
            })?;
            foreign.blobs.insert(sha256, content);
            continue;
        }
        let kept = event(&text).map_err(|problem| anyhow::anyhow!("line {number}: {problem}"))?;
        foreign.events.push(kept);
    }
    anyhow::ensure!(!runs.is_empty(), "the file holds no run");
    for (head, foreign) in &runs {
        let last = foreign.events.last().and_then(|event| event.hash.as_deref());
        anyhow::ensure!(
            foreign.events.len() as u64 == head.events
                && last.map(hex).as_ref() == Some(&head.head),
            "run `{}` is not whole: the file has {} events of it and was written with {}",
            head.id,
            foreign.events.len(),
            head.events
        );
    }
    Ok(runs.into_iter().map(|(_, foreign)| foreign).collect())
}

fn event(text: &[u8]) -> Result<Kept, String> {
    let Line { seq, hash, event } =
        serde_json::from_slice(text).map_err(|error| format!("no event: {error}"))?;
    let json = event.get().to_string();
    let at = Event::parse(&json).map_err(|problem| format!("event {seq} {problem}"))?.at;
    let hash = bytes(&hash).ok_or_else(|| format!("`{hash}` is no SHA-256"))?;
    Ok(Kept { seq, at, json, hash: Some(hash) })
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let fits = hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    let pair = |at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok();
    fits.then(|| (0..64).step_by(2).map(pair).collect())?
}
