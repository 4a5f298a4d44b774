//! A stranger's text, as it may be shown.

/// A stranger's text without what would act on a terminal, and not longer than this.
pub(crate) fn plain(text: &str, most: usize) -> String {
    let shown = |c: &char| !c.is_control() || matches!(c, '\n' | '\t');
    let bidi = |c: &char| !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().filter(|c| shown(c) && bidi(c)).take(most).collect()
}
