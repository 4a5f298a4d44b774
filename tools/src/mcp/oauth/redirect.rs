//! The loopback address that a browser is sent back to. Any program of this machine and any page can
//! ask there, so nothing is believed but the `state` of the sign-in that is waited for; what is read of
//! a request is its first line.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use url::Url;

/// The longest head of a request, in bytes.
const HEAD: usize = 16 << 10;
/// How long a request may take to come.
const SLOW: Duration = Duration::from_secs(10);
/// Connections that are read at once.
const AT_ONCE: usize = 16;

/// The path of the address.
pub(super) const PATH: &str = "/callback";

/// Where browsers come back to.
pub(super) struct Redirects {
    port: u16,
    came: mpsc::Receiver<Came>,
    _task: tokio::task::JoinHandle<()>,
}

/// A browser that came back, and waits to be told how it went.
pub(super) struct Came {
    pub(super) url: Url,
    stream: TcpStream,
}

impl Drop for Redirects {
    fn drop(&mut self) {
        self._task.abort();
    }
}

impl Redirects {
    /// Listens on this port of the loopback address; 0 takes one that is free.
    pub(super) async fn listen(port: u16) -> Result<Self, String> {
        let listener = TcpListener::bind(("127.0.0.1", port))
            .await
            .map_err(|error| format!("port {port} of 127.0.0.1 cannot be listened on: {error}"))?;
        let port = listener.local_addr().map_err(|error| error.to_string())?.port();
        let (sender, came) = mpsc::channel(AT_ONCE);
        let task = tokio::spawn(accept(listener, port, sender));
        Ok(Self { port, came, _task: task })
    }

    /// The address.
    pub(super) fn address(&self) -> String {
        format!("http://127.0.0.1:{}{PATH}", self.port)
    }

    /// Waits for the next browser.
    pub(super) async fn next(&mut self) -> Option<Came> {
        self.came.recv().await
    }
}

impl Came {
    pub(super) async fn tell(mut self, status: &str, text: &str) {
        answer(&mut self.stream, status, text).await;
    }
}

async fn accept(listener: TcpListener, port: u16, sender: mpsc::Sender<Came>) {
    let places = std::sync::Arc::new(tokio::sync::Semaphore::new(AT_ONCE));
    while let Ok(place) = places.clone().acquire_owned().await {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let sender = sender.clone();
        tokio::spawn(async move {
            let _place = place;
            let _ = tokio::time::timeout(SLOW, read(stream, port, sender)).await;
        });
    }
}

async fn read(mut stream: TcpStream, port: u16, sender: mpsc::Sender<Came>) {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let mut more = [0; 2048];
        match stream.read(&mut more).await {
            Ok(read @ 1..) if head.len() + read <= HEAD => head.extend_from_slice(&more[..read]),
            _ => return answer(&mut stream, "400 Bad Request", "This is no request.").await,
        }
    }
    match asked(&head, port) {
        Some(url) => drop(sender.send(Came { url, stream }).await),
        None => answer(&mut stream, "404 Not Found", "There is nothing here.").await,
    }
}

/// What a request asks for, if it is the address.
fn asked(head: &[u8], port: u16) -> Option<Url> {
    let line = std::str::from_utf8(head).ok()?.lines().next()?;
    let target = line.strip_prefix("GET ")?.strip_suffix(" HTTP/1.1")?;
    let url = Url::parse(&format!("http://127.0.0.1:{port}{target}")).ok()?;
    (target.starts_with('/') && url.path() == PATH).then_some(url)
}

/// Text, whatever is in it: nothing that came with a request is in it.
async fn answer(stream: &mut TcpStream, status: &str, text: &str) {
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\
         Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nConnection: close\r\n\r\n{text}\n",
        text.len() + 1
    );
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_address_is_answered() {
        let is = |line: &str| asked(format!("{line}\r\nHost: x\r\n\r\n").as_bytes(), 9).is_some();
        assert!(is("GET /callback?code=a&state=b HTTP/1.1"));
        for line in [
            "POST /callback?code=a HTTP/1.1",
            "GET /callback/../x HTTP/1.1",
            "GET /other HTTP/1.1",
            "GET @evil.example/callback HTTP/1.1",
            "GET http://evil.example/callback HTTP/1.1",
            "\u{0}",
            "",
        ] {
            assert!(!is(line), "{line}");
        }
    }
}
