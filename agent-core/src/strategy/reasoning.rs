//! The reasoning that a reply begins with, in the marks that models were trained to put around it.

/// What stands around reasoning, as models were trained to write it; letters of either case.
const TAGS: [(&str, &str); 9] = [
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<reasoning>", "</reasoning>"),
    ("<thought>", "</thought>"),
    ("<reflection>", "</reflection>"),
    ("<seed:think>", "</seed:think>"),
    ("<|start_thinking|>", "<|end_thinking|>"),
    ("[think]", "[/think]"),
    ("\u{25c1}think\u{25b7}", "\u{25c1}/think\u{25b7}"),
];

/// What stands around the reasoning of a model whose chat template is this.
pub fn reasoning_marks(template: &str) -> Option<(&'static str, &'static str)> {
    TAGS.into_iter().find(|(_, close)| template.contains(close))
}

/// The text after the reasoning that it begins with, or all of it where there is none or no end to it.
pub fn after_reasoning(content: &str) -> &str {
    let has = TAGS.iter().any(|(_, close)| place(content, close).is_some());
    if has { without_reasoning(content).unwrap_or(content) } else { content }
}

/// The text after the reasoning that it begins with.
pub(super) fn without_reasoning(content: &str) -> Result<&str, String> {
    const FINAL: &str = "<|channel|>final<|message|>";
    let mut text = content.trim();
    if let Some(at) = text.rfind(FINAL) {
        text = text[at + FINAL.len()..].trim();
    }
    loop {
        let open = TAGS.iter().find(|(open, _)| place(text, open) == Some(0));
        // Templates that open the block themselves leave only its end.
        let lone = || {
            let ends = |(open, close): &&(&str, &str)| {
                place(text, close).is_some() && place(text, open).is_none()
            };
            TAGS.iter().find(ends)
        };
        let Some((open, close)) = open.or_else(lone) else { return Ok(text) };
        let Some(at) = place(text, close) else {
            return Err(format!(
                "your reply is reasoning that never ends (`{open}`): reply with the answer alone"
            ));
        };
        text = text[at + close.len()..].trim();
    }
}

/// The first mark of reasoning that a text holds.
pub(super) fn tag_of(text: &str) -> Option<&'static str> {
    let tags = TAGS.iter().flat_map(|(open, close)| [*open, *close]);
    tags.into_iter().find(|tag| place(text, tag).is_some())
}

/// Where a tag stands, whatever case its letters have.
fn place(text: &str, tag: &str) -> Option<usize> {
    let first = tag.as_bytes().first()?;
    let starts = |at: &usize| {
        text.get(*at..at + tag.len()).is_some_and(|there| there.eq_ignore_ascii_case(tag))
    };
    text.bytes().enumerate().filter(|(_, byte)| byte == first).map(|(at, _)| at).find(starts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_begins_after_the_reasoning() {
        for (open, close) in TAGS {
            let upper = open.to_uppercase();
            for content in [
                format!("{open}\nHm {{x\n{close}\n\n30 m"),
                format!("{upper}Hm {close}30 m"),
                format!("Hm.{close} 30 m"),
            ] {
                assert_eq!(without_reasoning(&content), Ok("30 m"), "{content}");
                assert_eq!(after_reasoning(&content), "30 m");
            }
            assert!(without_reasoning(&format!("{open}Hm.")).is_err());
        }
        for answer in ["30 m", "[think about it] 30 m", "a < b, as I think> it is"] {
            assert_eq!(without_reasoning(answer), Ok(answer));
        }
    }
}
