//! Words that say nothing of what a text is about, in English.

/// Anywhere.
const ANYWHERE: [&str; 52] = [
    "a", "an", "and", "any", "are", "as", "at", "be", "by", "can", "did", "do", "does", "for",
    "from", "had", "has", "have", "how", "i", "if", "in", "into", "is", "it", "its", "many", "me",
    "much", "of", "on", "or", "than", "that", "the", "their", "there", "these", "this", "to",
    "was", "were", "what", "when", "where", "which", "who", "why", "with", "you", "we", "they",
];

/// In a text that another is held against, beside those.
const IN_TEXTS: [&str; 10] =
    ["about", "all", "s", "should", "them", "whom", "whose", "will", "would", "your"];

/// In a request, beside those: what is held against a text may be about a list.
const IN_REQUESTS: [&str; 6] = ["been", "but", "list", "my", "our", "tell"];

/// Whether a word, in lower case, says nothing in a text.
pub fn is_empty(word: &str) -> bool {
    ANYWHERE.contains(&word) || IN_TEXTS.contains(&word)
}

/// Whether a term says nothing of what is searched for.
pub fn asks(term: &str) -> bool {
    ANYWHERE.contains(&term) || IN_REQUESTS.contains(&term)
}
