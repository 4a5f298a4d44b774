//! A program that is run to its end: with something to read, as much as is kept of what it writes, and
//! a time after which it is stopped.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use agent_core::mcp::Program;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::Child;
use tokio::time::timeout;

use super::{CANNOT, Cells, ENDED, spawn};

/// Bytes that are kept of each stream: of its beginning, and as many of its end.
const KEPT: usize = 512 << 10;

/// What a program wrote, and how it ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) end: End,
    pub(crate) output: String,
    pub(crate) errors: String,
}

#[derive(Debug)]
pub(crate) enum End {
    /// By itself, with this exit code.
    Code(i32),
    /// Not by itself: what was done and why, to come after its name.
    Stopped(String),
}

/// Runs it; the error says why it could not be started. Dropping the future ends all that it started,
/// and comes back when that is gone.
pub(crate) async fn once(
    program: &Program,
    env: BTreeMap<String, String>,
    cells: &Cells,
    memory: u64,
    input: &str,
    longest: Duration,
) -> Result<Ran, String> {
    let mut cell = Running(spawn(program, env, cells, memory, &[])?);
    let Running(child) = &mut cell;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (mut output, mut errors) = (Kept::default(), Kept::default());
    let write = async {
        if let Some(mut stdin) = stdin {
            // A program need not read what it is given.
            let _unread = stdin.write_all(input.as_bytes()).await;
        }
    };
    let work = async {
        tokio::join!(write, output.read(stdout), errors.read(stderr));
        child.wait().await
    };
    let status = timeout(longest, work).await;
    drop(cell);
    let (output, errors) = (output.text(), errors.text());
    let end = match status {
        Err(_) => {
            End::Stopped(format!("was stopped after {} s, its `timeout`", longest.as_secs_f64()))
        }
        Ok(status) => {
            let code = status.map_err(|error| error.to_string())?.code();
            if let Some(reason) = told(&errors, CANNOT) {
                return Err(format!("{CANNOT}{reason}"));
            }
            match (told(&errors, ENDED), code) {
                (Some(reason), _) => End::Stopped(format!("was ended: {reason}")),
                (None, Some(code)) => End::Code(code),
                (None, None) => End::Stopped("was ended: what confines it was killed".to_string()),
            }
        }
    };
    Ok(Ran { end, output, errors })
}

/// What the last error says that begins like this: what confines a program tells it there.
fn told<'e>(errors: &'e str, beginning: &str) -> Option<&'e str> {
    let line = errors.lines().rev().find(|line| line.starts_with("error: "))?;
    line.strip_prefix("error: ")?.strip_prefix(beginning)
}

/// A program with all that it started, which ends with this.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        super::stop(&mut self.0);
    }
}

/// The beginning and the end of what a program writes.
#[derive(Default)]
struct Kept {
    first: Vec<u8>,
    last: VecDeque<u8>,
    dropped: u64,
}

impl Kept {
    async fn read(&mut self, stream: Option<impl AsyncRead + Unpin>) {
        let Some(mut stream) = stream else { return };
        let mut part = vec![0; 16 << 10];
        while let Ok(read @ 1..) = stream.read(&mut part).await {
            self.keep(&part[..read]);
        }
    }

    fn keep(&mut self, part: &[u8]) {
        let (first, rest) = part.split_at(part.len().min(KEPT - self.first.len()));
        self.first.extend_from_slice(first);
        self.last.extend(rest);
        let over = self.last.len().saturating_sub(KEPT);
        self.last.drain(..over);
        self.dropped += over as u64;
    }

    fn text(mut self) -> String {
        if self.dropped > 0 {
            let note = format!("\n[… {} bytes are left out here …]\n", self.dropped);
            self.first.extend(note.into_bytes());
        }
        self.first.extend(self.last);
        String::from_utf8_lossy(&self.first).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_output_the_beginning_and_the_end_are_kept() {
        let mut kept = Kept::default();
        kept.keep(b"first");
        for _ in 0..3 {
            kept.keep(&vec![b'x'; KEPT]);
        }
        kept.keep(b"last");
        let text = kept.text();
        assert!(text.starts_with("firstx") && text.ends_with("xlast"));
        let dropped = 3 * KEPT + 9 - 2 * KEPT;
        assert!(text.contains(&format!("[… {dropped} bytes are left out here …]")));
        let mut short = Kept::default();
        short.keep("ä".as_bytes());
        assert_eq!(short.text(), "ä");
    }
}
