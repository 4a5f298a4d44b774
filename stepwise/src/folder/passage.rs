//! Passages as `files.search` ranks them, cut so that a small model reads one fact at a time.

use serde_json::Value;

/// The most rows of one table: more rows of the same kind only blur the picture.
const ROWS: usize = 3;
/// So many passages are asked at most whether they state an answer.
const HOLDERS: usize = 3;

/// One passage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Passage {
    pub(super) path: String,
    /// The headings it stands under; empty for a row.
    pub(super) context: String,
    pub(super) text: String,
    /// It is a row of a table.
    pub(super) is_row: bool,
}

impl Passage {
    /// With the file and the headings, as the model reads it.
    pub(super) fn shown(&self) -> String {
        let context = if self.context.is_empty() { "row" } else { &self.context };
        format!("{} ({context}) {}", self.path, self.text)
    }

    /// The names and numbers of what the question speaks of in it, without those that the question has
    /// already.
    pub(super) fn names_beside(&self, question: &str) -> Vec<&str> {
        let asked = words(question);
        self.spoken_of(&asked)
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| word.starts_with(|c: char| c.is_uppercase() || c.is_ascii_digit()))
            .filter(|word| !asked.contains(&word.to_lowercase()))
            .collect()
    }

    /// From the first to the last of the sentences that share the most words with a question, and what follows
    /// them; a row as a whole.
    fn spoken_of(&self, asked: &[String]) -> &str {
        let ends = self.text.match_indices(['.', '!', '?', ';']).filter_map(|(at, mark)| {
            let after = at + mark.len();
            self.text[after..].starts_with([' ', '*']).then_some(after)
        });
        let mut begins: Vec<usize> = vec![0];
        begins.extend(ends.filter(|_| !self.is_row));
        begins.push(self.text.len());
        let shared: Vec<usize> =
            begins.windows(2).map(|ends| said_in(asked, &self.text[ends[0]..ends[1]])).collect();
        let most = shared.iter().max();
        let first = shared.iter().position(|count| Some(count) == most).unwrap_or_default();
        let last = shared.iter().rposition(|count| Some(count) == most).unwrap_or_default();
        &self.text[begins[first]..begins[(last + 2).min(begins.len() - 1)]]
    }
}

/// The best passages of a search's result, those left out that were `shown` before or stand in the file `own`; each
/// row of a table is one of its own.
pub(super) fn all(result: &Value, shown: &[Passage], most: usize, own: &str) -> Vec<Passage> {
    let mut all: Vec<Passage> = Vec::new();
    for found in result["passages"].as_array().into_iter().flatten() {
        let text = |key: &str| found[key].as_str().unwrap_or_default().to_string();
        let (path, context) = (text("path"), text("context"));
        if path == own {
            continue;
        }
        let is_row = found["rows"].as_bool() == Some(true);
        let passage = |text: String| {
            let (path, context) = (path.clone(), context.clone());
            Passage { path, context, text, is_row }
        };
        let (pieces, most_of_it) = match found["rows"].as_bool() {
            Some(true) => (text("text").lines().map(str::to_string).collect(), ROWS),
            _ => (vec![text("text").split_whitespace().collect::<Vec<_>>().join(" ")], 1),
        };
        let pieces = pieces.into_iter().map(passage).filter(|passage| !shown.contains(passage));
        all.extend(pieces.take(most_of_it));
    }
    all.truncate(most);
    all
}

/// Of the passages that were read, the one that shares the most names with those of a chain; `None`
/// where none shares one that the question does not say.
pub(super) fn linked(chain: &[Passage], read: &[Passage], question: &str) -> Option<Passage> {
    let named: Vec<&str> = chain.iter().flat_map(|one| one.names_beside(question)).collect();
    let mut best = None;
    for passage in read.iter().filter(|passage| !chain.contains(passage)) {
        let shared = shared(passage, &named, read, question);
        if shared > best.map_or(0, |(most, _)| most) {
            best = Some((shared, passage));
        }
    }
    best.map(|(_, passage)| passage.clone())
}

/// Of a chain the passages that lead to another: by a name that both have, or that one has which leads to it.
pub(super) fn leading<'a>(
    chain: &'a [Passage],
    to: &Passage,
    read: &[Passage],
    question: &str,
) -> Vec<&'a Passage> {
    let mut named = to.names_beside(question);
    let mut leading: Vec<&Passage> = Vec::new();
    for passage in chain.iter().rev() {
        if shared(passage, &named, read, question) > 0 {
            named.extend(passage.names_beside(question));
            leading.insert(0, passage);
        }
    }
    leading
}

/// How many of these names a passage has as well, those left out that the question says. What is also
/// written small is the beginning of a sentence and no name.
fn shared(passage: &Passage, named: &[&str], read: &[Passage], question: &str) -> usize {
    let small = |name: &str| {
        let name = name.to_lowercase();
        let mut words = read.iter().flat_map(|one| one.text.split(|c: char| !c.is_alphanumeric()));
        name.starts_with(char::is_alphabetic) && words.any(|word| word == name)
    };
    let mut own = passage.names_beside(question);
    own.sort_unstable();
    own.dedup();
    own.retain(|name| {
        name.len() > 1 && named.contains(name) && !small(name) && !words(name).is_empty()
    });
    own.len()
}

/// The files that passages come from, best first.
pub(super) fn files(passages: &[Passage]) -> Vec<String> {
    let mut files: Vec<String> = Vec::new();
    for passage in passages {
        if !files.contains(&passage.path) {
            files.push(passage.path.clone());
        }
    }
    files
}

/// The passages that share the most words with an answer, best ranked first; none where no passage shares
/// one.
pub(super) fn holders(passages: &[Passage], answer: &str) -> Vec<Passage> {
    let answer = words(answer);
    let counted: Vec<(usize, &Passage)> =
        passages.iter().map(|passage| (said_in(&answer, &passage.text), passage)).collect();
    let most = counted.iter().map(|(count, _)| *count).max().unwrap_or_default();
    let best = counted.into_iter().filter(|(count, _)| *count == most && most > 0);
    best.map(|(_, passage)| passage.clone()).take(HOLDERS).collect()
}

/// Whether a sentence says nothing but what the question says already. What is short may be one of
/// several things that the question names.
pub(super) fn repeats(said: &str, question: &str) -> bool {
    const PRONOUNS: [&str; 10] =
        ["i", "you", "he", "she", "we", "they", "my", "your", "his", "her"];
    let asked = words(question);
    let mut said = words(said);
    said.retain(|word| !PRONOUNS.contains(&word.as_str()));
    said.len() > 2 && said.iter().all(|word| asked.iter().any(|asked| alike(asked, word)))
}

/// The words of a question that are those of a value, and whether it says all that the value has.
pub(super) fn said_of(value: &str, question: &str) -> (Vec<String>, bool) {
    const SMALL: [&str; 30] = [
        "for", "with", "from", "by", "as", "or", "no", "not", "are", "were", "has", "have", "had",
        "did", "does", "who", "how", "what", "which", "when", "that", "this", "der", "die", "das",
        "und", "von", "mit", "für", "im",
    ];
    let (mut asked, own) = (words(question), words(value));
    asked.retain(|word| !SMALL.contains(&word.as_str()));
    let all = own.iter().all(|word| asked.iter().any(|asked| alike(asked, word)));
    asked.retain(|asked| own.iter().any(|word| alike(asked, word)));
    (asked, all && !own.is_empty())
}

/// Whether a question says a value word by word.
pub(super) fn said_in_full(value: &str, question: &str) -> bool {
    let (asked, own) = (words(question), words(value));
    !own.is_empty() && own.iter().all(|word| asked.contains(word))
}

/// Whether an answer says nothing but names beside what the question says.
pub(super) fn only_names(said: &str, question: &str) -> bool {
    let asked = words(question);
    let beside = said.split(|c: char| !c.is_alphanumeric()).filter(|word| {
        let small = words(word);
        small.iter().any(|word| !asked.iter().any(|asked| alike(asked, word)))
    });
    let mut beside = beside.peekable();
    beside.peek().is_some() && beside.all(|word| word.starts_with(char::is_uppercase))
}

/// Whether a question names something, by a word with a capital that begins no sentence, that a text has not.
pub(super) fn asks_of_another(question: &str, text: &str) -> bool {
    // In German every noun has one.
    const GERMAN: [&str; 12] =
        ["der", "die", "das", "den", "dem", "ein", "eine", "wie", "wer", "wann", "ist", "und"];
    let own = words(text);
    if words(question).iter().any(|word| GERMAN.contains(&word.as_str())) {
        return false;
    }
    let sentences = question.split(['.', '?', '!']);
    let mut asked = sentences.flat_map(|sentence| {
        let words = sentence.split(|c: char| !c.is_alphanumeric());
        words.filter(|word| !word.is_empty()).skip(1)
    });
    asked.any(|word| {
        let small = word.to_lowercase();
        word.chars().count() > 1
            && word.starts_with(char::is_uppercase)
            && !own.iter().any(|own| alike(own, &small))
    })
}

/// How many of these words a text has.
fn said_in(asked: &[String], text: &str) -> usize {
    let own = words(text);
    asked.iter().filter(|word| own.iter().any(|own| alike(own, word))).count()
}

/// Whether two words are one, or one of them is the other with an ending.
pub(crate) fn alike(one: &str, other: &str) -> bool {
    let stem = one.chars().count().min(other.chars().count()) >= 4;
    one == other || (stem && (one.starts_with(other) || other.starts_with(one)))
}

fn words(text: &str) -> Vec<String> {
    const EMPTY: [&str; 12] =
        ["the", "a", "an", "of", "in", "on", "at", "to", "and", "is", "was", "it"];
    let mut words: Vec<String> = text
        .to_lowercase()
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty() && !EMPTY.contains(word))
        .map(str::to_string)
        .collect();
    words.sort();
    words.dedup();
    words
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_may_be_a_name_alone() {
        let question = "How high up is the hut where they meet?";
        assert!(only_names("The hut where they meet is the Murmel Hut.", question));
        assert!(only_names("Murmel", question));
        assert!(!only_names("above the Murmel Hut", question));
        assert!(!only_names("the hut", question));
    }

    #[test]
    fn german_nouns_are_no_names() {
        assert!(asks_of_another("Where is Renate Pfeil's key?", "Hut: Murmel"));
        assert!(!asks_of_another("Wo ist der Schlüssel?", "Hütte: Murmel"));
    }

    #[test]
    fn each_row_is_a_passage() {
        let result = json!({"passages": [
            {"path": "a.csv", "text": "x: 1\nx: 2\nx: 3\nx: 4", "rows": true},
            {"path": "c.toml", "text": "task = \"x\"", "context": ""},
            {"path": "b.md", "text": "One\nfact.", "context": "Facts"},
        ]});
        let first = all(&result, &[], 5, "c.toml");
        let shown: Vec<String> = first.iter().map(Passage::shown).collect();
        let expected =
            ["a.csv (row) x: 1", "a.csv (row) x: 2", "a.csv (row) x: 3", "b.md (Facts) One fact."];
        assert_eq!(shown, expected);
        assert_eq!(files(&first), ["a.csv", "b.md"]);
        let rest: Vec<String> =
            all(&result, &first, 5, "c.toml").iter().map(Passage::shown).collect();
        assert_eq!(rest, ["a.csv (row) x: 4"]);
    }

    #[test]
    fn names_lead_on() {
        let text = "Alfred Nobel, born in Sweden in 1833, patented dynamite.";
        let passage =
            Passage { path: "a".into(), context: String::new(), text: text.into(), is_row: false };
        let names = passage.names_beside("Where was the inventor of dynamite, Alfred, born?");
        assert_eq!(names, ["Nobel", "Sweden", "1833"]);
    }

    #[test]
    fn only_names_of_what_is_asked_for_lead_on() {
        let text = "The winners: Fastest. Ana Sousa with 31 s. Heaviest boat. Rui Costa with 212 kg. \
                    Longest oar. Ole Berg with 4 m.";
        let passage =
            Passage { path: "a".into(), context: String::new(), text: text.into(), is_row: false };
        let names = passage.names_beside("How old is the one who won with the heaviest boat?");
        assert_eq!(names, ["Heaviest", "Rui", "Costa", "212"][1..]);
    }

    #[test]
    fn shared_names_link_passages() {
        let passage = |path: &str, text: &str| Passage {
            path: path.into(),
            context: String::new(),
            text: text.into(),
            is_row: false,
        };
        let question = "How old is the boat that bears the first pilot's name?";
        let pilots = passage("a.md", "The first pilot was Ole Berg. The second was from Bergen.");
        let read = [
            pilots.clone(),
            passage("b.md", "The pilots have a hut. It is old, and the roof leaks."),
            passage("c.md", "The Ole Berg is kept at the pier."),
        ];
        let linked = linked(&[pilots], &read, question).map(|passage| passage.path);
        assert_eq!(linked.as_deref(), Some("c.md"));
    }

    #[test]
    fn what_begins_a_sentence_is_no_name() {
        let row = "name: Lark, seats: 40";
        assert!(!asks_of_another("We are forty. Which boat takes us?", row));
        assert!(asks_of_another("We are forty. Which boat takes us to Faro?", row));
    }

    #[test]
    fn a_question_said_again_is_no_answer() {
        let question = "What do I pay for the tools that I bring back late?";
        assert!(repeats("You pay for tools that you bring back late.", question));
        assert!(!repeats("You pay two crowns for tools that you bring back late.", question));
        assert!(!repeats("the tools", question));
    }

    #[test]
    fn holders_share_the_most_words() {
        let result = json!({"passages": [
            {"path": "a.md", "text": "Ann Lee lives here."},
            {"path": "b.md", "text": "Ann Lee, the carpenter, lives there."},
        ]});
        let passages = all(&result, &[], 5, "");
        let holders = |answer: &str| -> Vec<String> {
            holders(&passages, answer).into_iter().map(|passage| passage.path).collect()
        };
        assert_eq!(holders("the carpenter Ann"), ["b.md"]);
        assert_eq!(holders("Ann"), ["a.md", "b.md"]);
        assert!(holders("Bob").is_empty());
    }

    #[test]
    fn only_what_leads_to_a_passage_is_read_with_it() {
        let passage = |text: &str| Passage {
            path: text.into(),
            context: String::new(),
            text: text.into(),
            is_row: false,
        };
        let chain = [
            passage("The hut was painted by Jan Roos."),
            passage("The first pilot was Ole Berg."),
            passage("Ole Berg lived in Bergen."),
        ];
        let to = passage("From Bergen it is a day to Oslo.");
        let leading = leading(&chain, &to, &chain, "How far is it to the pilot's home?");
        assert_eq!(leading, [&chain[1], &chain[2]]);
    }
}
