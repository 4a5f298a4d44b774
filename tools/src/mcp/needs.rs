//! What a program needs beside the system's own to start in its cell, as far as that can be seen from
//! how it is started: the files of its language, what its arguments name, and what a launcher that
//! fetches programs (npx, uvx) keeps. It is advice for the author of the agent file; nothing here
//! grants anything.

use std::io::Read;
use std::path::{Path, PathBuf};

use agent_core::mcp::{Confinement, Network, Program, Server, Transport};
use guard::file;
use serde_json::json;

use crate::process::{SYSTEM, found};

/// How many programs may start one another by their first lines.
const STARTERS: usize = 4;

/// Programs that fetch the one that is meant: what they are called, where they keep things below the
/// user's folder, and which variable says otherwise.
const LAUNCHERS: [(&str, &[(&str, &str)]); 8] = [
    ("uvx", &UV),
    ("uv", &UV),
    ("pipx", &[("PIPX_HOME", ".local/share/pipx"), ("", ".local/state/pipx")]),
    ("npx", &[("npm_config_cache", ".npm")]),
    ("npm", &[("npm_config_cache", ".npm")]),
    ("pnpm", &[("", ".cache/pnpm"), ("", ".local/share/pnpm")]),
    ("bunx", &[("BUN_INSTALL_CACHE_DIR", ".bun")]),
    ("deno", &[("DENO_DIR", ".cache/deno")]),
];
const UV: [(&str, &str); 2] = [("UV_CACHE_DIR", ".cache/uv"), ("UV_DATA_DIR", ".local/share/uv")];

/// How programs say that they could not write.
const NOT_WRITTEN: [&str; 6] = [
    "unable to open database file",
    "readonly database",
    "Read-only file system",
    "EROFS",
    "Permission denied",
    "EACCES",
];

/// What is missing in the agent file, as lines for it and words beside them; empty where nothing can
/// be seen. `said` is why the server cannot be reached.
pub fn advice(name: &str, server: &Server, said: &str) -> Vec<String> {
    let Transport::Stdio(program) = &server.transport else { return Vec::new() };
    if program.confinement == Confinement::Lifted {
        return Vec::new();
    }
    let Ok(path) = found(&program.command, &program.root) else { return not_here(program) };
    let mut needs = Needs::default();
    needs.program(&path, STARTERS);
    let writes = NOT_WRITTEN.iter().any(|sign| said.contains(sign));
    needs.arguments(program, writes);
    let launcher = launcher(&path);
    needs.kept(launcher.map_or(&[][..], |(_, kept)| kept));
    let mut lines = Vec::new();
    if matches!(stem(&path), "docker" | "podman") {
        lines.push("a container engine is reached by a socket, which no cell has".to_string());
        lines.push(format!("hint: `[mcp.servers.{name}]` with `unconfined = true` starts it with all that you may do"));
        return lines;
    }
    lines.extend(needs.lines(name, program, launcher.map(|(called, _)| called)));
    lines
}

fn not_here(program: &Program) -> Vec<String> {
    let install = match stem(Path::new(&program.command)) {
        "uvx" | "uv" => "it comes with uv: https://docs.astral.sh/uv",
        "npx" | "npm" | "node" => "it comes with Node.js: https://nodejs.org",
        "docker" => "it comes with Docker",
        _ => return Vec::new(),
    };
    vec![format!("hint: {install}")]
}

fn launcher(path: &Path) -> Option<(&'static str, &'static [(&'static str, &'static str)])> {
    LAUNCHERS.into_iter().find(|(called, _)| *called == stem(path))
}

fn stem(path: &Path) -> &str {
    path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default()
}

#[derive(Default)]
struct Needs {
    read: Vec<PathBuf>,
    write: Vec<PathBuf>,
    absent: Vec<PathBuf>,
}

impl Needs {
    /// The folders that a program is made of, and whatever runs it if it is a script.
    fn program(&mut self, path: &Path, starters: usize) {
        let real = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        if let Some(venv) =
            path.ancestors().skip(1).take(3).find(|at| at.join("pyvenv.cfg").is_file())
        {
            self.reads(venv);
            if let Some(base) = base_of(venv) {
                self.reads(&base);
            }
        }
        let folder = real.parent().unwrap_or(&real);
        match (packages(&real), folder.file_name().and_then(|name| name.to_str())) {
            (Some(packages), _) => self.reads(packages),
            (None, Some("bin")) => self.reads(folder.parent().unwrap_or(folder)),
            (None, _) => self.reads(&real),
        }
        if let Some(starter) = starter(&real).filter(|_| starters > 0) {
            self.program(&starter, starters - 1);
        }
    }

    /// Files and folders that the arguments name, those that are still to be made among them.
    fn arguments(&mut self, program: &Program, writes: bool) {
        for arg in &program.args {
            let path = arg.split_once('=').map_or(arg.as_str(), |(_, value)| value);
            let path: PathBuf = program.root.join(path).components().collect();
            if arg.is_empty() || path == program.root || path == Path::new("/") {
                continue;
            }
            let folder = if path.is_dir() { &path } else { path.parent().unwrap_or(&path) };
            match path.exists() {
                true if writes && !is_script(&path) => self.writes(folder),
                true => self.reads(package(&path).or_else(|| packages(&path)).unwrap_or(&path)),
                false if writes && is_file_to_be(arg) && folder.is_dir() => self.writes(folder),
                false => {}
            }
        }
    }

    fn writes(&mut self, path: &Path) {
        if !self.write.iter().any(|known| path.starts_with(known)) {
            self.write.push(path.to_path_buf());
        }
    }

    fn kept(&mut self, folders: &[(&str, &str)]) {
        let Some(user) = std::env::home_dir() else { return };
        for (variable, below) in folders {
            let told =
                std::env::var_os(variable).filter(|told| !variable.is_empty() && !told.is_empty());
            let path = told.map_or_else(|| user.join(below), PathBuf::from);
            match path.is_dir() {
                true => self.write.push(path),
                false if self.write.is_empty() => self.absent.push(path),
                false => {}
            }
        }
    }

    fn reads(&mut self, path: &Path) {
        let system = SYSTEM.iter().any(|system| path.starts_with(system));
        // All of a user's folder, or of the machine, is no program's.
        let whole = path.parent().is_none() || std::env::home_dir().as_deref() == Some(path);
        if !system && !whole && !self.read.iter().any(|known| path.starts_with(known)) {
            self.read.retain(|known| !known.starts_with(path));
            self.read.push(path.to_path_buf());
        }
    }

    fn lines(self, name: &str, program: &Program, launcher: Option<&str>) -> Vec<String> {
        let granted = |path: &PathBuf, of: &[&Vec<PathBuf>]| {
            of.iter().any(|paths| paths.iter().any(|own| path.starts_with(own)))
        };
        let with = |own: &[PathBuf], more: Vec<PathBuf>| {
            let all: Vec<_> = own.iter().cloned().chain(more).collect();
            json!(all).to_string()
        };
        let (own, mut lines) = (program, Vec::new());
        let write: Vec<PathBuf> =
            self.write.into_iter().filter(|path| !granted(path, &[&own.write])).collect();
        let read: Vec<PathBuf> = self
            .read
            .into_iter()
            .filter(|path| !granted(path, &[&own.read, &own.write, &write]))
            .collect();
        if !read.is_empty() {
            lines.push(format!("  read = {}", with(&own.read, read)));
        }
        if !write.is_empty() {
            lines.push(format!("  write = {}", with(&own.write, write)));
        }
        if launcher.is_some() && own.network == Network::None {
            lines.push("  network = \"open\"".to_string());
        }
        if !lines.is_empty() {
            lines.insert(
                0,
                "hint: it needs more than it is granted; in the agent file:".to_string(),
            );
            lines.insert(1, format!("  [mcp.servers.{name}]"));
        }
        for absent in self.absent {
            let line = format!(
                "hint: `mkdir -p {}` first: it must be there to be granted",
                absent.display()
            );
            lines.push(line);
        }
        if let Some(launcher) = launcher {
            lines.push(format!(
                "hint: `{launcher}` fetches the server each time it is not kept yet; installed once, the \
                 server itself can be the `command`, without a network"
            ));
        }
        lines
    }
}

/// All that a script of Node's may be made of: the outermost `node_modules` that it lies in.
fn packages(path: &Path) -> Option<&Path> {
    let named = |path: &&Path| path.file_name().is_some_and(|name| name == "node_modules");
    path.ancestors().filter(named).last()
}

/// The package that a script of Node's lies in, with what it depends on.
fn package(path: &Path) -> Option<&Path> {
    let near = path.ancestors().skip(1).take(4).find(|at| at.join("package.json").is_file());
    near.filter(|_| is_script(path) && packages(path).is_none())
}

fn is_script(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    matches!(ending, "js" | "mjs" | "cjs" | "ts" | "py" | "sh")
}

/// Whether an argument names a file that its program would make: `data/test.db`, not `--verbose`.
fn is_file_to_be(arg: &str) -> bool {
    let value = arg.split_once('=').map_or(arg, |(_, value)| value);
    let dotted = Path::new(value).extension().is_some_and(|ending| ending.len() <= 8);
    !value.starts_with('-') && !value.contains("://") && (dotted || value.contains('/'))
}

/// What a script is run by, from its first line.
fn starter(path: &Path) -> Option<PathBuf> {
    let mut head = Vec::new();
    file::open(path).ok()?.take(256).read_to_end(&mut head).ok()?;
    let head = String::from_utf8_lossy(&head);
    let mut words = head.lines().next()?.strip_prefix("#!")?.split_whitespace();
    let program = words.next()?;
    if Path::new(program).file_name().is_some_and(|name| name == "env") {
        let named = words.find(|word| !word.starts_with('-'))?;
        return found(named, Path::new("/")).ok();
    }
    Some(PathBuf::from(program))
}

/// The Python that a virtual environment was made of.
fn base_of(venv: &Path) -> Option<PathBuf> {
    let said = file::read_text(&venv.join("pyvenv.cfg"), 1 << 16).ok()?;
    let home = said.lines().find_map(|line| line.strip_prefix("home")?.trim().strip_prefix('='))?;
    Some(Path::new(home.trim()).parent()?.to_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;
    use agent_core::mcp::Pinned;
    use std::collections::BTreeMap;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn server(root: &Path, command: &Path, args: &[&str]) -> Server {
        let program = Program {
            command: command.display().to_string(),
            args: args.iter().map(|arg| (*arg).to_string()).collect(),
            env: BTreeMap::new(),
            root: root.to_path_buf(),
            read: Vec::new(),
            write: Vec::new(),
            network: Network::None,
            confinement: Confinement::Required,
        };
        let timeout = std::time::Duration::from_secs(1);
        let (from, entry, pinned) = (None, None, Pinned::default());
        Server { transport: Transport::Stdio(program), timeout, from, entry, pinned }
    }

    fn script(path: &Path) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "#!/bin/sh\n").unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn a_package_of_node_needs_what_it_depends_on() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().canonicalize().unwrap();
        let real = root.join("node_modules/@some/server/dist/index.js");
        script(&real);
        let linked = root.join("node_modules/.bin/server");
        fs::create_dir(linked.parent().unwrap()).unwrap();
        symlink("../@some/server/dist/index.js", &linked).unwrap();
        let whole = format!("  read = [\"{}\"]", root.join("node_modules").display());
        assert!(advice("it", &server(&root, &linked, &[]), "").contains(&whole));
        // Run by `node` itself, and from its own repository.
        let node = Path::new("/bin/sh");
        let by = |script: &Path| {
            advice("it", &server(Path::new("/"), node, &[&script.display().to_string()]), "")
        };
        assert!(by(&real).contains(&whole), "{:?}", by(&real));
        let own = root.join("own/build/index.js");
        script(&own);
        fs::write(root.join("own/package.json"), "{}").unwrap();
        assert!(by(&own).contains(&format!("  read = [\"{}\"]", root.join("own").display())));
    }

    #[test]
    fn a_program_that_could_not_write_needs_the_folder_of_its_file() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().canonicalize().unwrap();
        let server = server(&root, Path::new("/bin/sh"), &["-x", "--db-path", "test.db"]);
        let said = "sqlite3.OperationalError: unable to open database file";
        let write = format!("  write = [\"{}\"]", root.display());
        assert!(advice("it", &server, said).contains(&write), "{:?}", advice("it", &server, said));
        assert_eq!(advice("it", &server, "it ended"), Vec::<String>::new());
        fs::write(root.join("test.db"), "").unwrap();
        assert!(advice("it", &server, "attempt to write a readonly database").contains(&write));
    }
}
