//! Titles and snippets as plain text: no tags, no entities, one line.

/// Without tags, entities and line ends.
pub(super) fn plain(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find(['<', '&']) {
        let (before, after) = rest.split_at(at);
        text.push_str(before);
        rest = match (tag(after), entity(after)) {
            (Some(length), _) => &after[length..],
            (_, Some((c, length))) => {
                text.push(c);
                &after[length..]
            }
            _ => {
                text.push_str(&after[..1]);
                &after[1..]
            }
        };
    }
    text.push_str(rest);
    text::one_line(&text)
}

/// How long the tag is that begins here.
fn tag(text: &str) -> Option<usize> {
    let name = text.strip_prefix('<')?;
    let name = name.strip_prefix('/').unwrap_or(name);
    name.starts_with(|c: char| c.is_ascii_alphabetic()).then(|| text.find('>'))?.map(|at| at + 1)
}

/// The letter that an entity means, and how long it is.
fn entity(text: &str) -> Option<(char, usize)> {
    let name = text.strip_prefix('&')?;
    let end = name.bytes().take(10).position(|byte| byte == b';')?;
    let name = &name[..end];
    let c = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)?
        }
    };
    Some((c, end + 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_text() {
        for (html, text) in [
            ("a <b class='x'>bold</b> word", "a bold word"),
            ("a &lt;b&gt; &amp; c &#39;d&#x27;", "a <b> & c 'd'"),
            ("1 < 2 & 3 > 2", "1 < 2 & 3 > 2"),
            ("  two\n lines ", "two lines"),
            ("&unknown; &", "&unknown; &"),
            ("<", "<"),
            ("ü &é;", "ü &é;"),
        ] {
            assert_eq!(plain(html), text);
        }
    }
}
