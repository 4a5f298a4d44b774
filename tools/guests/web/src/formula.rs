//! Formulas in MathML as text on one line: `x = (− b ± √(b^2 − 4 a c)) / (2 a)`. The markup would be
//! lost on the way to Markdown, and a page would read "the solutions are" and nothing after it.

use dom_query::{Document, NodeRef};

/// Stands between a function and what it is applied to, and is not seen.
const APPLIED: &str = "\u{2061}";

/// Puts a line of text in the place of each formula, and of what shows the formula to the eye.
pub(crate) fn write_out(document: &Document) {
    for math in document.select("math").nodes() {
        let text = written(math).replace(&format!(" {APPLIED} "), "").replace(APPLIED, "");
        if text.is_empty() {
            continue;
        }
        let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let text = format!("<span>{text}</span>");
        match picture(math) {
            Some(picture) => picture.replace_with_html(text),
            None => math.replace_with_html(text),
        }
    }
}

/// Programs write a formula twice: as MathML, which they may hide, and as something to be seen, beside
/// it. An image that says the same has the place of both; other things made for the eye alone go.
fn picture<'a>(math: &NodeRef<'a>) -> Option<NodeRef<'a>> {
    let holder = math.parent().filter(|it| it.text().trim() == math.text().trim())?;
    let said = math.attr("alttext");
    for beside in [holder.prev_element_sibling(), holder.next_element_sibling()] {
        match beside {
            Some(image) if image.has_name("img") => {
                if said.is_some() && image.attr("alt") == said {
                    math.remove_from_parent();
                    return Some(image);
                }
            }
            Some(drawn) if &*drawn.attr_or("aria-hidden", "") == "true" => {
                drawn.remove_from_parent();
            }
            _ => {}
        }
    }
    None
}

fn written(node: &NodeRef<'_>) -> String {
    let parts = node.element_children();
    let part = |number: usize| parts.get(number).map(written).unwrap_or_default();
    let name = node.node_name().unwrap_or_default();
    match &*name {
        "mi" | "mn" | "mo" | "ms" | "mtext" => symbol(&node.text()),
        "annotation" | "annotation-xml" | "mphantom" => String::new(),
        "semantics" => part(0),
        // Without a line between them: a binomial, or one thing below another.
        "mfrac" if is_none(&node.attr_or("linethickness", "")) => {
            format!("({} ¦ {})", part(0), part(1))
        }
        "mfrac" => format!("{} / {}", divided(part(0)), divided(part(1))),
        "msqrt" => format!("√{}", single(row(&parts))),
        "mroot" => format!("√[{}]({})", part(1), part(0)),
        "msup" => raised(&single(part(0)), part(1)),
        "msub" | "munder" => lowered(&single(part(0)), part(1)),
        "msubsup" | "munderover" => raised(&lowered(&single(part(0)), part(1)), part(2)),
        "mover" => match accent(&part(1)) {
            Some(accent) => format!("{}{accent}", single(part(0))),
            None => raised(&single(part(0)), part(1)),
        },
        "mtable" => parts.iter().map(written).collect::<Vec<_>>().join("; "),
        "mtr" => parts.iter().map(written).collect::<Vec<_>>().join(" & "),
        "mfenced" => {
            let within = parts.iter().map(written).collect::<Vec<_>>().join(", ");
            format!("{}{within}{}", node.attr_or("open", "("), node.attr_or("close", ")"))
        }
        _ => row(&parts),
    }
}

/// Side by side, with a space between them but where a bracket or a comma needs none.
fn row(parts: &[NodeRef<'_>]) -> String {
    let mut line = String::new();
    for part in parts.iter().map(written).filter(|part| !part.is_empty()) {
        let tight = line.ends_with(['(', '[', '{', '⟨'])
            || part.starts_with([')', ']', '}', '⟩', ',', ';']);
        if !line.is_empty() && !tight {
            line.push(' ');
        }
        line.push_str(&part);
    }
    line
}

/// Times and plus that are not seen are not written.
fn symbol(text: &str) -> String {
    let seen: String = text.chars().filter(|it| !('\u{2062}'..='\u{2064}').contains(it)).collect();
    text::one_line(&seen)
}

fn raised(base: &str, by: String) -> String {
    match by.chars().all(|it| ('′'..='‴').contains(&it) || it == '\'') {
        true => format!("{base}{by}"),
        false => format!("{base}^{}", single(by)),
    }
}

fn lowered(base: &str, by: String) -> String {
    match by.is_empty() {
        true => base.to_string(),
        false => format!("{base}_{}", single(by)),
    }
}

/// As one thing: in brackets, if it is more than a name, a number or a sign.
fn single(text: String) -> String {
    let name = text.chars().all(|it| it.is_alphanumeric() || accents().any(|(_, mark)| mark == it));
    match name || text.chars().count() == 1 || is_enclosed(&text) {
        true => text,
        false => format!("({text})"),
    }
}

/// Above or below a line.
fn divided(text: String) -> String {
    match text.contains([' ', '/']) && !is_enclosed(&text) {
        true => format!("({text})"),
        false => text,
    }
}

/// Whether its first bracket is closed by its last sign.
fn is_enclosed(text: &str) -> bool {
    let mut open = 0;
    for (at, letter) in text.char_indices() {
        match letter {
            '(' => open += 1,
            ')' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return at > 0 && at + 1 == text.len();
        }
    }
    false
}

/// What stands above a letter, as a mark on the letter.
fn accent(sign: &str) -> Option<char> {
    let mut letters = sign.chars();
    let sign = letters.next().filter(|_| letters.next().is_none())?;
    accents().find(|(signs, _)| signs.contains(sign)).map(|(_, mark)| mark)
}

fn accents() -> impl Iterator<Item = (&'static str, char)> {
    [
        ("→⃗", '\u{20d7}'),
        ("¯‾―ˉ_", '\u{304}'),
        ("^ˆ", '\u{302}'),
        ("~˜", '\u{303}'),
        ("˙.", '\u{307}'),
        ("¨", '\u{308}'),
    ]
    .into_iter()
}

fn is_none(thickness: &str) -> bool {
    !thickness.is_empty() && thickness.trim_end_matches(char::is_alphabetic).parse() == Ok(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(html: &str) -> String {
        let document = Document::from(html);
        write_out(&document);
        document.select("body").text().to_string()
    }

    fn check(mathml: &str, expected: &str) {
        assert_eq!(text(&format!("<p>It is <math>{mathml}</math>.")), format!("It is {expected}."));
    }

    #[test]
    fn a_formula_is_a_line() {
        check(
            "<mi>x</mi><mo>=</mo><mfrac><mrow><mo>−</mo><mi>b</mi><mo>±</mo><msqrt><msup><mi>b</mi><mn>2</mn>\
             </msup><mo>−</mo><mn>4</mn><mi>a</mi><mi>c</mi></msqrt></mrow><mrow><mn>2</mn><mi>a</mi></mrow></mfrac>",
            "x = (− b ± √(b^2 − 4 a c)) / (2 a)",
        );
        check(
            "<munderover><mo>∑</mo><mrow><mi>k</mi><mo>=</mo><mn>1</mn></mrow><mi>n</mi></munderover>\
             <msubsup><mi>a</mi><mi>k</mi><mn>2</mn></msubsup>",
            "∑_(k = 1)^n a_k^2",
        );
        check("<mi>sin</mi><mo>&ApplyFunction;</mo><mo>(</mo><mi>x</mi><mo>)</mo>", "sin(x)");
        check("<mn>2</mn><mo>&InvisibleTimes;</mo><msup><mi>f</mi><mo>′</mo></msup>", "2 f′");
        check(
            "<mfrac linethickness=0px><mi>n</mi><mi>k</mi></mfrac><mo>&lt;</mo><mn>9</mn>",
            "(n ¦ k) < 9",
        );
        check("<mover><mi>x</mi><mo>˙</mo></mover>", "x\u{307}");
        check("<msup><mover><mi>E</mi><mo>→</mo></mover><mn>2</mn></msup>", "E\u{20d7}^2");
        check("<mover><msup><mi>A</mi><mi>T</mi></msup><mo>¯</mo></mover>", "(A^T)\u{304}");
        check(
            "<mfrac><mi>q</mi><mrow><mo>(</mo><mi>a</mi><mo>)</mo></mrow></mfrac>\
             <msup><mrow><mo>(</mo><mi>a</mi><mo>)</mo><mo>(</mo><mi>b</mi><mo>)</mo></mrow><mn>2</mn></msup>",
            "q / (a) ((a) (b))^2",
        );
        check("<mroot><mi>x</mi><mn>3</mn></mroot>", "√[3](x)");
        check("<mfenced><mi>a</mi><mi>b</mi></mfenced>", "(a, b)");
        check(
            "<mo>[</mo><mtable><mtr><mtd><mi>a</mi></mtd><mtd><mi>b</mi></mtd></mtr><mtr><mtd><mi>c</mi></mtd>\
             <mtd><mi>d</mi></mtd></mtr></mtable><mo>]</mo>",
            "[a & b; c & d]",
        );
        check("", "");
    }

    #[test]
    fn a_formula_is_written_once() {
        let formula = "<math alttext='x^{2}'><semantics><msup><mi>x</mi><mn>2</mn></msup>\
                       <annotation encoding='application/x-tex'>x^{2}</annotation></semantics></math>";
        for html in [
            format!("<span><span style='display: none'>{formula}</span><img alt='x^{{2}}'></span>"),
            format!("<span><span>{formula}</span><span aria-hidden=true>x2</span></span>"),
            format!("<span><span aria-hidden=true>x2</span><span>{formula}</span></span>"),
        ] {
            assert_eq!(text(&html), "x^2", "{html}");
        }
        // An image of something else says nothing of what is hidden.
        let html = format!("<p><span hidden>{formula}</span><img alt='a tower'>");
        assert!(Document::from(html.as_str()).select("[hidden]").exists());
        let document = Document::from(html.as_str());
        write_out(&document);
        assert_eq!(document.select("[hidden]").text().to_string(), "x^2");
    }
}
