//! Function names that every server takes: letters, digits, `_` and `-`, at most 64 of them.

use std::collections::HashMap;

const LONGEST: usize = 64;

/// The names of one request, there and back.
#[derive(Debug, Default)]
pub(super) struct Names {
    legal: HashMap<String, String>,
    own: HashMap<String, String>,
}

impl Names {
    /// Names in the order given: the first keeps the plainest form where two would collide.
    pub(super) fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut all = Self::default();
        for name in names {
            if all.legal.contains_key(name) {
                continue;
            }
            let legal = all.free(name);
            all.own.insert(legal.clone(), name.to_string());
            all.legal.insert(name.to_string(), legal);
        }
        all
    }

    /// What the server is told.
    pub(super) fn legal<'a>(&'a self, name: &'a str) -> &'a str {
        self.legal.get(name).map_or(name, String::as_str)
    }

    /// What the server means; a name it made up stays as it is, and is refused where calls are
    /// checked.
    pub(super) fn own(&self, legal: &str) -> String {
        let bare = bare(legal);
        let own = self.own.get(legal).or_else(|| self.own.get(bare)).map(String::as_str);
        own.unwrap_or(if self.legal.contains_key(bare) { bare } else { legal }).to_string()
    }

    fn free(&self, name: &str) -> String {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let plain: String = name.chars().map(|c| if fits(c) { c } else { '_' }).collect();
        let plain = if plain.is_empty() { "_".to_string() } else { plain };
        let mut candidate: String = plain.chars().take(LONGEST).collect();
        let mut n = 2;
        while self.own.contains_key(&candidate) {
            let suffix = format!("_{n}");
            candidate = plain.chars().take(LONGEST - suffix.len()).collect();
            candidate.push_str(&suffix);
            n += 1;
        }
        candidate
    }
}

/// A name without what models put around it: the marks of their channels, the namespace that their
/// prompt gave it, a number, brackets and blanks.
fn bare(name: &str) -> &str {
    const SPACES: [&str; 4] = ["functions.", "default_api.", "tool:", "tools."];
    // Of a mark in front what follows it, of one behind what stands before it.
    let marked = name.trim_start().strip_prefix("<|").and_then(|mark| mark.split_once("|>"));
    let name = marked.map_or(name, |(_, name)| name);
    let name = name.split_once("<|").map_or(name, |(name, _)| name).trim();
    let name = SPACES.iter().find_map(|space| name.strip_prefix(space)).unwrap_or(name);
    let number = |end: &str| !end.is_empty() && end.bytes().all(|byte| byte.is_ascii_digit());
    let name = name.rsplit_once(':').filter(|(_, end)| number(end)).map_or(name, |(name, _)| name);
    name.strip_suffix("()").unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back_as_they_went() {
        let long = "x.".repeat(50);
        let longer = format!("{long}y");
        let given = ["files.read", "files_read", "python", "größe", "", &long, &longer];
        let names = Names::new(given);
        let mut seen = std::collections::HashSet::new();
        for name in given {
            let legal = names.legal(name);
            assert!(!legal.is_empty() && legal.len() <= LONGEST, "{legal}");
            assert!(
                legal.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c)),
                "{legal}"
            );
            assert!(seen.insert(legal.to_string()), "{legal} stands for two");
            assert_eq!(names.own(legal), name);
        }
        assert_eq!(names.legal("files.read"), "files_read");
        assert_eq!(names.legal("files_read"), "files_read_2");
        assert_eq!(names.own("rm_rf"), "rm_rf");
    }

    #[test]
    fn what_a_model_puts_around_a_name_is_no_part_of_it() {
        let names = Names::new(["files.read", "python"]);
        for written in [
            "files.read",
            "functions.files_read",
            "functions.files_read:0",
            "functions.files.read",
            "default_api.files_read",
            "tool:files_read",
            " files_read\n",
            "files_read()",
            "files_read<|channel|>commentary",
            "<|constrain|>files_read",
        ] {
            assert_eq!(names.own(written), "files.read", "{written}");
        }
        for unknown in ["functions.rm", "files_read:x", "<|files_read", ""] {
            assert_eq!(names.own(unknown), unknown);
        }
    }
}
