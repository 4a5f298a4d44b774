//! What no agent may write, whatever it was granted, and by whatever means – a built-in
//! tool, code, a component, an MCP server: what decides what agents may do, and what other programs
//! of its user run by themselves. And `ERRAND_HOME`, which no agent may read either.
//!
//! A grant may hold such a file; the file is left out of it.

use crate::real;
use std::collections::BTreeSet;
use std::fs::{self, Metadata, ReadDir};
use std::io;
use std::path::{Component, Path, PathBuf};

/// Names that are kept wherever they are, without regard to case.
const NAMES: [&str; 26] = [
    // What the user agreed to run.
    "errand.lock",
    "mcp.json",
    ".mcp.json",
    // What a shell runs when it starts, leaves or enters a folder.
    ".bash_aliases",
    ".bash_login",
    ".bash_logout",
    ".bash_profile",
    ".bashrc",
    ".cshrc",
    ".envrc",
    ".kshrc",
    ".login",
    ".logout",
    ".profile",
    ".tcshrc",
    ".zlogin",
    ".zlogout",
    ".zprofile",
    ".zshenv",
    ".zshrc",
    // What a session, git or a remote login runs.
    ".gitconfig",
    ".pam_environment",
    ".xinitrc",
    ".xprofile",
    ".xsession",
    ".xsessionrc",
];

/// How the names of files end that hold policies of the user's own.
const POLICIES: &str = ".cedar";

/// Folders all of which is kept, by the ends of their paths.
const FOLDERS: [&[&str]; 11] = [
    // Its files name programs (`config`, `hooks`, what a rebase is to do next), or other folders
    // that do (`commondir`, `gitdir`); and one that is not there yet makes a repository.
    &[".git"],
    &[".ssh"],
    &[".config", "autostart"],
    &[".config", "environment.d"],
    &[".config", "fish"],
    &[".config", "git"],
    &[".config", "nushell"],
    &[".config", "plasma-workspace", "env"],
    &[".config", "powershell"],
    &[".config", "systemd"],
    &[".local", "share", "systemd"],
];

/// What a git repository without a `.git` names programs with, or another folder that does.
const BARE: [&str; 4] = ["commondir", "config", "config.worktree", "hooks"];

/// The file without which git takes no folder for a repository.
const HEAD: &str = "head";

/// How many files and folders of a grant are looked at for what is kept by its name.
pub const LOOKED_AT: usize = 200_000;

/// What of `ERRAND_HOME` an agent may read: the files of `errand demo`, which come with errand.
const DEMO: &str = "demo";

/// The largest file that can be an agent file.
const AGENT_FILE: u64 = 1 << 20;

/// What is kept from the agents of one process.
#[derive(Debug, Clone, Default)]
pub struct Kept {
    home: Option<PathBuf>,
    files: BTreeSet<PathBuf>,
}

impl Kept {
    /// With `ERRAND_HOME`, and the files that make an agent what it is: agent files, what they name
    /// and what they are pinned by; and those that the user works with.
    pub fn new(home: &Path, files: impl IntoIterator<Item = PathBuf>) -> Kept {
        Kept { home: Some(real(home)), files: files.into_iter().map(|file| real(&file)).collect() }
    }

    /// Whether an agent may read there. The path is absolute and leads over no link.
    ///
    /// # Errors
    /// Why not, in a sentence for the model.
    pub fn may_read(&self, path: &Path) -> Result<(), String> {
        let demo = self.home.as_ref().is_some_and(|home| path.starts_with(home.join(DEMO)));
        match self.in_home(path) && !demo {
            true => Err("no agent may read what errand keeps for itself".to_string()),
            false => Ok(()),
        }
    }

    /// Whether an agent may write a file there. The path is absolute and leads over no link.
    ///
    /// # Errors
    /// Why not, in a sentence for the model.
    pub fn may_write(&self, path: &Path) -> Result<(), String> {
        if self.in_home(path) {
            return Err("no agent may write what errand keeps for itself".to_string());
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if is_agent_file(path) {
            return Err(format!("`{name}` says what agents may do: no agent may write it"));
        }
        if self.holds(path) {
            return Err(format!("`{name}` is what this run is made of: no agent may write it"));
        }
        if by_name(path) {
            return Err(format!("`{name}` is run, or says what is run: no agent may write it"));
        }
        Ok(())
    }

    /// Whether an agent may give a file or a folder another path, with all that is in it. Both paths
    /// are absolute and lead over no link.
    ///
    /// # Errors
    /// Why not, in a sentence for the model.
    pub fn may_move(&self, from: &Path, to: &Path) -> Result<(), String> {
        self.may_write(from)?;
        self.may_write(to)?;
        if !from.is_dir() {
            return Ok(());
        }
        let name = from.file_name().unwrap_or_default().to_string_lossy();
        if self.home_in(from).is_some() {
            return Err(format!("`{name}` holds what errand keeps for itself: it stays"));
        }
        let found = self.within(from).map_err(|many| format!("`{name}` stays: {many}"))?;
        if let Some(kept) = found.iter().find_map(|kept| kept.strip_prefix(real(from)).ok()) {
            let kept = kept.display();
            return Err(format!("`{name}` holds `{kept}`, which no agent may write: it stays"));
        }
        // Whatever is in it by the time it moves.
        let named = self.home.iter().chain(&self.files).any(|kept| kept.starts_with(to));
        if named || may_hold(to) {
            let to = to.file_name().unwrap_or_default().to_string_lossy();
            return Err(format!("no agent may make a folder `{to}` of another one"));
        }
        Ok(())
    }

    /// `ERRAND_HOME`, where it lies in this folder, or this folder in it.
    pub fn home_in(&self, folder: &Path) -> Option<&Path> {
        let folder = real(folder);
        let home = self.home.as_deref()?;
        (home.starts_with(&folder) || folder.starts_with(home)).then_some(home)
    }

    /// What is there, in a folder or a file that is granted, and may not be written: for the caller who
    /// cannot ask before each write.
    ///
    /// # Errors
    /// There is too much to look at: what may not be written cannot be told.
    pub fn within(&self, granted: &Path) -> Result<BTreeSet<PathBuf>, String> {
        self.found_within(granted, LOOKED_AT)
    }

    fn found_within(&self, granted: &Path, most: usize) -> Result<BTreeSet<PathBuf>, String> {
        let granted = real(granted);
        let named = self.files.iter().filter(|file| file.starts_with(&granted) && file.exists());
        let mut found: BTreeSet<PathBuf> = named.cloned().collect();
        let mut looked = 0;
        self.walk(&granted, |_, _| Ok(None), &mut |path, what, kept| {
            if looked > most {
                return Err(format!("it holds more than {most} files and folders"));
            }
            looked += 1;
            if kept && !what.is_symlink() {
                found.insert(path.to_path_buf());
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// Goes through all that there is in what was granted, links as they are and nothing of what errand
    /// keeps for itself, and says of each whether it may not be written; what lies in a folder that may
    /// not is not looked at. `unreadable` may still have a folder that cannot be read.
    ///
    /// # Errors
    /// Those of `visit` and of `unreadable`.
    pub fn walk<E>(
        &self,
        granted: &Path,
        mut unreadable: impl FnMut(&Path, io::Error) -> Result<Option<ReadDir>, E>,
        visit: &mut dyn FnMut(&Path, &Metadata, bool) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut next = vec![real(granted)];
        while let Some(path) = next.pop() {
            let Ok(what) = fs::symlink_metadata(&path) else { continue };
            if self.in_home(&path) {
                continue;
            }
            let kept = by_name(&path)
                || self.files.contains(&path)
                || what.is_file() && is_agent_file(&path);
            visit(&path, &what, kept)?;
            if kept || !what.is_dir() {
                continue;
            }
            let entries = match fs::read_dir(&path) {
                Ok(entries) => Some(entries),
                Err(error) => unreadable(&path, error)?,
            };
            next.extend(entries.into_iter().flatten().flatten().map(|entry| entry.path()));
        }
        Ok(())
    }

    fn in_home(&self, path: &Path) -> bool {
        self.home.as_deref().is_some_and(|home| path.starts_with(home))
    }

    /// By its path, or by being the same file under another one.
    fn holds(&self, path: &Path) -> bool {
        use std::os::unix::fs::MetadataExt;
        if self.files.contains(path) {
            return true;
        }
        let id = |path: &Path| fs::symlink_metadata(path).ok().map(|it| (it.dev(), it.ino()));
        let Some(own) = id(path) else { return false };
        self.files.iter().any(|file| id(file) == Some(own))
    }
}

/// The names in a path, in lower case.
fn names(path: &Path) -> Vec<String> {
    let name = |part| match part {
        Component::Normal(name) => Some(name.to_string_lossy().to_lowercase()),
        _ => None,
    };
    path.components().filter_map(name).collect()
}

/// Whether what is in a folder of this path can be kept for the folder's own name.
fn may_hold(folder: &Path) -> bool {
    let parts = names(folder);
    let begins = |kept: &&[&str]| (1..kept.len()).any(|most| ends(&parts, &kept[..most]));
    parts.iter().any(|part| part == ".git") || FOLDERS.iter().any(begins)
}

/// Whether these are the last names of a path.
fn ends(parts: &[String], names: &[&str]) -> bool {
    parts.len() >= names.len() && parts[parts.len() - names.len()..] == *names
}

/// Whether a path, or a folder above it, is kept for its name.
fn by_name(path: &Path) -> bool {
    let parts = names(path);
    let Some(name) = parts.last() else { return false };
    NAMES.contains(&&**name)
        || name.ends_with(POLICIES)
        || FOLDERS.iter().any(|folder| parts.windows(folder.len()).any(|part| part == *folder))
        || of_a_bare_repository(path)
}

/// Whether this makes a folder a git repository that says what is run, or says it in one. Git takes
/// any folder with a `HEAD` for one, without a `.git`.
fn of_a_bare_repository(path: &Path) -> bool {
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let beside = |path: &Path, name: &str| path.with_file_name(name).symlink_metadata().is_ok();
    if name(path) == HEAD {
        return BARE.iter().any(|says| beside(path, says));
    }
    path.ancestors().any(|above| BARE.contains(&&*name(above)) && beside(above, "HEAD"))
}

/// Whether there is an agent file: TOML with a name, and a model, a task or permissions.
fn is_agent_file(path: &Path) -> bool {
    let toml = path.extension().is_some_and(|end| end.eq_ignore_ascii_case("toml"));
    if !toml {
        return false;
    }
    let Ok(text) = crate::file::read_text(path, AGENT_FILE) else { return false };
    let Ok(file) = text.parse::<toml::Table>() else { return false };
    file.get("name").is_some_and(toml::Value::is_str)
        && (file.get("task").is_some_and(toml::Value::is_str)
            || ["model", "permissions", "budget"]
                .iter()
                .any(|table| file.get(*table).is_some_and(toml::Value::is_table)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(path: &str) -> bool {
        Kept::default().may_write(Path::new(path)).is_err()
    }

    #[test]
    fn what_other_programs_run_is_kept_wherever_it_is() {
        for path in [
            "/a/errand.lock",
            "/a/b/MCP.json",
            "/a/.git/hooks/pre-commit",
            "/a/.git/hooks",
            "/a/.git/modules/sub/hooks/post-checkout",
            "/a/.git/config",
            "/a/.git/modules/sub/config",
            "/a/.git/commondir",
            "/a/.git/worktrees/b/gitdir",
            "/a/.git/rebase-merge/git-rebase-todo",
            "/a/.Git/index",
            "/a/sub/.git/HEAD",
            "/a/.git",
            "/home/me/.bashrc",
            "/home/me/.ZSHRC",
            "/home/me/.config/fish/conf.d/a.fish",
            "/home/me/.config/systemd/user/a.service",
            "/home/me/.config/environment.d/a.conf",
            "/home/me/.config/plasma-workspace/env/a.sh",
            "/home/me/.local/share/systemd/user/a.service",
            "/home/me/.config/nushell/env.nu",
            "/home/me/.config/powershell/profile.ps1",
            "/home/me/.ssh/authorized_keys",
            "/a/.envrc",
            "/a/rules.cedar",
        ] {
            assert!(refused(path), "{path}");
        }
        for path in [
            "/a/notes.md",
            "/a/config",
            "/a/hooks/use.js",
            "/a/.gitignore",
            "/a/.github/workflows/ci.yml",
            "/a/bashrc",
            "/a/lock",
            "/a/.config/app/settings.json",
        ] {
            assert!(!refused(path), "{path}");
        }
    }

    /// Git takes a folder without a `.git` for a repository too, in whichever order it comes to be.
    #[test]
    fn a_bare_repository_in_a_granted_folder() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for (there, refused) in [
            ("a/HEAD", ["a/config", "a/Commondir", "a/hooks/pre-commit"].as_slice()),
            ("b/config", &["b/HEAD", "b/head"]),
            ("c/hooks/x", &["c/HEAD"]),
        ] {
            fs::create_dir_all(at(there).parent().unwrap()).unwrap();
            fs::write(at(there), "").unwrap();
            for path in refused {
                assert!(Kept::default().may_write(&at(path)).is_err(), "{path} beside {there}");
            }
        }
        for path in ["a/src/config", "a/notes", "b/config", "d/HEAD", "d/config"] {
            assert!(Kept::default().may_write(&at(path)).is_ok(), "{path}");
        }
    }

    #[test]
    fn an_agent_file_is_known_by_what_is_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            Kept::default().may_write(&path).is_err()
        };
        assert!(put("a.toml", "name = \"a\"\ntask = \"do it\"\n"));
        assert!(put("b.TOML", "name = \"a\"\n[model]\nname = \"x\"\n"));
        assert!(put("c.toml", "name = \"a\"\n[permissions]\nwrite = [\".\"]\n"));
        assert!(!put("Cargo.toml", "[package]\nname = \"a\"\n"));
        assert!(!put("pyproject.toml", "[project]\nname = \"a\"\n"));
        assert!(!put("notes.toml", "name = \"a\"\ncolour = \"red\"\n"));
        assert!(!put("broken.toml", "name = \"a\"\n[model\n"));
        assert!(!put("agent.txt", "name = \"a\"\ntask = \"do it\"\n"));
    }

    #[test]
    fn a_known_file_is_kept_under_each_of_its_names() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().canonicalize().unwrap().join(name);
        fs::write(at("tool.wasm"), "").unwrap();
        fs::hard_link(at("tool.wasm"), at("other.bin")).unwrap();
        std::os::unix::fs::symlink(at("tool.wasm"), at("link.wasm")).unwrap();
        let kept = Kept::new(&at("home"), [at("link.wasm"), at("not-there-yet.toml")]);
        for name in ["tool.wasm", "other.bin", "not-there-yet.toml", "home", "home/errand.db"] {
            assert!(kept.may_write(&at(name)).is_err(), "{name}");
        }
        assert!(kept.may_write(&at("another.wasm")).is_ok());
        assert!(kept.may_read(&at("tool.wasm")).is_ok());
        for name in ["home/cache.key", "home", "home/demolition/a"] {
            assert!(kept.may_read(&at(name)).is_err(), "{name}");
        }
        assert!(kept.may_read(&at("home/demo/orders/1042.md")).is_ok());
        assert!(kept.may_write(&at("home/demo/orders/1042.md")).is_err());
    }

    #[test]
    fn nothing_kept_moves_along_with_a_folder_or_comes_to_be_by_it() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().canonicalize().unwrap().join(name);
        for (file, text) in [
            ("plain/deep/a.md", ""),
            ("agents/a.toml", "name = \"a\"\ntask = \"b\"\n"),
            ("shell/deep/.bashrc", ""),
            ("code/.git/config", ""),
            ("tools/it.bin", ""),
            ("above/own/mcp.json", ""),
        ] {
            fs::create_dir_all(at(file).parent().unwrap()).unwrap();
            fs::write(at(file), text).unwrap();
        }
        let kept = Kept::new(&at("above/own"), [at("tools/it.bin"), at("later/agent.toml")]);
        let moved = |from: &str, to: &str| kept.may_move(&at(from), &at(to)).is_ok();
        assert!(moved("plain", "other"));
        assert!(moved("plain/deep/a.md", "plain/b.md"));
        for from in ["agents", "shell", "shell/deep", "code", "code/.git", "tools", "above"] {
            assert!(!moved(from, "other"), "{from}");
        }
        for to in [".git", ".git/modules", "b/.Config", ".ssh", ".config/fish", "later"] {
            assert!(!moved("plain", to), "{to}");
        }
        for to in ["above/own/x.md", ".bashrc", "agents/a.toml", ".git/hooks/pre-commit"] {
            assert!(!moved("plain/deep/a.md", to), "{to}");
        }
        for from in ["agents/a.toml", "tools/it.bin", "above/own/mcp.json"] {
            assert!(!moved(from, "plain/b.md"), "{from}");
        }
    }

    #[test]
    fn what_a_grant_holds_is_found_or_the_grant_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().canonicalize().unwrap().join(name);
        for (file, text) in [
            ("agent.toml", "name = \"a\"\ntask = \"b\"\n"),
            ("src/main.rs", ""),
            ("src/.envrc", ""),
            (".git/hooks/pre-commit", ""),
            (".git/config", ""),
            ("sub/.git", "gitdir: elsewhere\n"),
            ("home/mcp.json", ""),
            ("deep/er/errand.lock", ""),
        ] {
            fs::create_dir_all(at(file).parent().unwrap()).unwrap();
            fs::write(at(file), text).unwrap();
        }
        let kept = Kept::new(&at("home"), [at("src/main.rs")]);
        let found: Vec<PathBuf> = kept.within(&at("")).unwrap().into_iter().collect();
        let expected =
            [".git", "agent.toml", "deep/er/errand.lock", "src/.envrc", "src/main.rs", "sub/.git"];
        assert_eq!(found, expected.map(at));
        // What was not looked at is not known to be free.
        assert!(kept.found_within(&at(""), 5).is_err());
        assert_eq!(kept.home_in(&at("")), Some(&*at("home")));
        assert_eq!(kept.home_in(&at("home/cache")), Some(&*at("home")));
        assert_eq!(kept.home_in(&at("src")), None);
    }
}
