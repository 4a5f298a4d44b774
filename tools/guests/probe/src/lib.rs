//! The probe: one attack or one use of the host for each tool name. What it finds out is its
//! result.

use std::fs;
use std::hint::black_box;
use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs, UdpSocket};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

mod bindings {
    #![allow(clippy::all)]
    wit_bindgen::generate!({ path: "../../../sandbox/wit", world: "builtin" });
}
use bindings::errand::tool::{files, http, tools};

struct Probe;

impl bindings::Guest for Probe {
    fn invoke(tool: String, arguments: String) -> Result<String, String> {
        let arguments: Value = serde_json::from_str(&arguments).map_err(|e| e.to_string())?;
        run(&tool, &arguments).map(|result| result.to_string())
    }
}

fn run(tool: &str, arguments: &Value) -> Result<Value, String> {
    let text = |key: &str| arguments[key].as_str().unwrap_or_default();
    let number = |key: &str| arguments[key].as_u64().unwrap_or_default();
    Ok(match tool {
        "echo" => arguments.clone(),
        "spin" => loop {
            black_box(0);
        },
        "work" => {
            let begun = Instant::now();
            while begun.elapsed() < Duration::from_millis(number("ms")) {}
            json!("worked")
        }
        "sleep" => {
            std::thread::sleep(Duration::from_millis(number("ms")));
            json!("slept")
        }
        "grow" => {
            let mut kept = Vec::new();
            while (kept.len() as u64) < number("mib") {
                kept.push(black_box(vec![1u8; 1 << 20]));
            }
            json!(kept.len())
        }
        "flood" => json!("x".repeat(number("bytes") as usize)),
        "fail" => return Err("y".repeat(number("bytes") as usize)),
        "print" => {
            let line = [b'z'; 4096];
            for _ in 0..number("lines") {
                let _ = std::io::stdout().write_all(&line);
                let _ = std::io::stderr().write_all(&line);
            }
            json!("printed")
        }
        "panic" => panic!("{}", text("words")),
        "exit" => std::process::exit(number("status") as i32),
        "recurse" => json!(deep(number("depth"))),
        "read" => bytes(files::read(text("path"))?),
        // Reads again and again, and says every different content there was.
        "reread" => {
            let mut seen: Vec<Value> = Vec::new();
            for _ in 0..number("times") {
                let now = files::read(text("path")).map_or_else(|error| json!(error), bytes);
                if !seen.contains(&now) {
                    seen.push(now);
                }
            }
            json!(seen)
        }
        "list" => {
            let entries = files::list(text("path"))?;
            entries.iter().map(|e| json!([e.path, e.folder, e.size])).collect()
        }
        "write" => {
            files::write(text("path"), text("content").as_bytes())?;
            json!("written")
        }
        "roots" => json!(files::roots()),
        "get" => {
            let answer = http::get(text("url"))?;
            json!({
                "status": answer.status,
                "url": answer.url,
                "type": answer.content_type,
                "length": answer.body.len(),
                "body": String::from_utf8_lossy(&answer.body[..answer.body.len().min(200)]),
            })
        }
        "call" => {
            let result = tools::call(text("tool"), &arguments["arguments"].to_string())?;
            serde_json::from_str(&result).map_err(|e| e.to_string())?
        }
        "call-raw" => json!(tools::call(text("tool"), text("arguments"))?),
        "environment" => json!({
            "variables": std::env::vars().collect::<Vec<_>>(),
            "arguments": std::env::args().collect::<Vec<_>>(),
            "stdin": std::io::stdin().read(&mut [0; 16]).unwrap_or(0),
        }),
        "wasi-files" => {
            let found: Vec<bool> = ["/", ".", "/etc/passwd", text("path")]
                .iter()
                .map(|path| fs::metadata(path).is_ok() || fs::read(path).is_ok())
                .chain([fs::write("/tmp/probe", "x").is_ok()])
                .collect();
            json!(found)
        }
        "sockets" => json!({
            "tcp": TcpStream::connect(("127.0.0.1", number("port") as u16)).is_ok(),
            "udp": UdpSocket::bind("127.0.0.1:0").is_ok(),
            "names": "localhost:80".to_socket_addrs().is_ok(),
        }),
        _ => return Err(format!("this component has no tool `{tool}`")),
    })
}

fn bytes(content: Vec<u8>) -> Value {
    json!(String::from_utf8_lossy(&content))
}

#[inline(never)]
fn deep(left: u64) -> u64 {
    let room = black_box([left; 64]);
    if left == 0 { 0 } else { deep(left - 1) + room[(left % 64) as usize] % 2 }
}

bindings::export!(Probe with_types_in bindings);
