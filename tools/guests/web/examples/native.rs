//! The milliseconds that each page takes without WebAssembly, as a JSON list: the other side of
//! `tools/benches/reading.rs`.
//!
//!     native FILE...

#![allow(clippy::unwrap_used, reason = "a benchmark")]

use std::time::Instant;

fn main() {
    let milliseconds: Vec<f64> = std::env::args()
        .skip(1)
        .map(|file| {
            let body = std::fs::read(file).unwrap();
            let begun = Instant::now();
            let told = web::parsed("http://127.0.0.1/".to_string(), "text/html", body).unwrap();
            std::hint::black_box(told);
            begun.elapsed().as_secs_f64() * 1000.0
        })
        .collect();
    println!("{}", serde_json::to_string(&milliseconds).unwrap());
}
