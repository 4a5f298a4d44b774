//! What a tool costs while it is idle: the resident memory of a process that has loaded many,
//! less that of one that has loaded one, divided by how many more. They are different components
//! to the sandbox: each has a section of its own that says nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use sandbox::{Config, Wasm};

use crate::errand::{call, guest, permit};

const TOOLS: usize = 100;

/// Prints what the measuring processes said.
pub(crate) fn table(component: &Path, folder: &Path) -> Result<()> {
    let tools = folder.join("tools");
    fs::create_dir(&tools)?;
    let bytes = fs::read(component)?;
    for number in 0..=TOOLS {
        let name = format!("number {number:03}");
        let mut bytes = bytes.clone();
        // A custom section: its kind, its length, the length of its name, its name.
        bytes.extend([0, name.len() as u8 + 1, name.len() as u8]);
        bytes.extend(name.as_bytes());
        fs::write(tools.join(format!("{number}.wasm")), bytes)?;
    }
    let cache = folder.join("idle-cache");
    println!("\n| an idle tool, KiB of {TOOLS} | resident | of that, its own |\n|---|---|---|");
    // The first process compiles, which leaves memory behind that has nothing to do with it.
    for (how, shown) in
        [("compiled", None), ("loaded", Some("loaded")), ("called", Some("called once before"))]
    {
        let ran = Command::new(std::env::current_exe()?)
            .args(["idle".as_ref(), how.as_ref(), tools.as_os_str(), cache.as_os_str()])
            .output()?;
        ensure!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        let said = String::from_utf8(ran.stdout)?;
        if let (Some(shown), [resident, own]) =
            (shown, &said.split_whitespace().collect::<Vec<_>>()[..])
        {
            println!("| {shown} | {resident} | {own} |");
        }
    }
    Ok(())
}

/// In a process of its own: KiB a tool, resident and private.
pub(crate) fn measured(words: &[String]) -> Result<()> {
    let [how, tools, cache] = words else { anyhow::bail!("idle HOW TOOLS CACHE") };
    let (tools, permit) = (PathBuf::from(tools), permit()?);
    let guests = (0..=TOOLS).map(|number| guest(&tools.join(format!("{number}.wasm"))));
    let guests = guests.collect::<Result<Vec<_>>>()?;
    let wasm = Wasm::new(Config::new("/", PathBuf::from(cache)))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut before = [0; 2];
    for (number, guest) in guests.iter().enumerate() {
        if how == "called" {
            runtime.block_on(call(&wasm, guest, &permit))?;
        } else {
            runtime.block_on(wasm.prepare(&guest.component))?;
        }
        if number == 0 {
            before = resident()?;
        }
    }
    let after = resident()?;
    let each = |at: usize| (after[at] as f64 - before[at] as f64) / TOOLS as f64;
    println!("{:.1} {:.1}", each(0), each(1));
    Ok(())
}

/// KiB of this process: resident, and of that what no file backs or what was changed.
fn resident() -> Result<[u64; 2]> {
    let rollup = fs::read_to_string("/proc/self/smaps_rollup")?;
    let row = |name: &str| {
        let line = rollup.lines().find(|line| line.starts_with(name));
        let number = line.and_then(|line| line.split_whitespace().nth(1));
        anyhow::Ok(number.context("smaps_rollup")?.parse::<u64>()?)
    };
    Ok([row("Rss:")?, row("Private_Dirty:")?])
}
