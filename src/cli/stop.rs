//! Being told to stop: Ctrl-C by a person, SIGTERM by whatever supervises this program.

use std::io;

/// What the work comes to, or nothing if this program is told to stop before. That is listened for
/// before the work begins.
pub(crate) async fn unless_stopped<T>(work: impl Future<Output = T>) -> io::Result<Option<T>> {
    tokio::select! {
        biased;
        stop = stopped() => stop.map(|()| None),
        done = work => Ok(Some(done)),
    }
}

/// Waits until this program is told to stop.
pub(crate) async fn stopped() -> io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminated = signal(SignalKind::terminate())?;
        tokio::select! {
            stop = tokio::signal::ctrl_c() => stop,
            _ = terminated.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}
