//! A program that is run to its end: with something to read, as much as is kept of what it writes, and
//! a time after which it is stopped.

use std::collections::{BTreeMap, VecDeque};
use std::process::ExitStatus;
use std::time::Duration;

use agent_core::mcp::Program;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::Child;
use tokio::time::timeout;

use super::{Cells, spawn};

/// Bytes that are kept of each stream: of its beginning, and as many of its end.
const KEPT: usize = 512 << 10;

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// `None`: it was stopped.
    pub(crate) status: Option<ExitStatus>,
    pub(crate) output: String,
    pub(crate) errors: String,
}

/// Runs it; the error says why it could not be started. Dropping the future ends all that it started.
pub(crate) async fn once(
    program: &Program,
    env: BTreeMap<String, String>,
    cells: &Cells,
    memory: u64,
    input: &str,
    longest: Duration,
) -> Result<Ended, String> {
    let mut child = Group(spawn(program, env, cells, memory, &[])?);
    let (stdin, stdout, stderr) =
        (child.0.stdin.take(), child.0.stdout.take(), child.0.stderr.take());
    let (mut output, mut errors) = (Kept::default(), Kept::default());
    let status = {
        let write = async {
            if let Some(mut stdin) = stdin {
                // A program need not read what it is given.
                let _unread = stdin.write_all(input.as_bytes()).await;
            }
        };
        let work = async {
            tokio::join!(write, output.read(stdout), errors.read(stderr));
            child.0.wait().await
        };
        match timeout(longest, work).await {
            Ok(status) => Some(status.map_err(|error| error.to_string())?),
            Err(_) => None,
        }
    };
    Ok(Ended { status, output: output.text(), errors: errors.text() })
}

/// A program with all that it started, which ends with this.
struct Group(Child);

#[cfg(unix)]
impl Drop for Group {
    fn drop(&mut self) {
        super::end_group(&self.0);
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
