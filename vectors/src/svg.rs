//! A map of points as SVG: a dot a text, coloured by its group, its text shown where the pointer is.

use std::fmt::Write;

const WIDTH: f32 = 900.0;
const HEIGHT: f32 = 620.0;
const MARGIN: f32 = 30.0;
/// Room for the legend on the right.
const LEGEND: f32 = 240.0;
/// The colours of Okabe and Ito (2008), which the colour-blind can tell apart; then again.
const COLOURS: [&str; 8] =
    ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#b8a500", "#444444"];
const NONE: &str = "#bbbbbb";
const TITLE: usize = 200;

/// One point.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Its coordinates.
    pub at: (f32, f32),
    /// Its group, by its place in the legend.
    pub group: Option<usize>,
    /// From 0 for a small dot to 1 for a large one.
    pub weight: f32,
    /// What it stands for.
    pub text: String,
}

/// The map of some points, with a name for each group. The caller's texts are written as text.
pub fn svg(points: &[Point], legend: &[String]) -> String {
    let bounds = |get: fn(&Point) -> f32| {
        let low = points.iter().map(get).fold(f32::MAX, f32::min);
        let high = points.iter().map(get).fold(f32::MIN, f32::max);
        (low, (high - low).max(f32::EPSILON))
    };
    let ((left, wide), (low, tall)) = (bounds(|point| point.at.0), bounds(|point| point.at.1));
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
    );
    let colour = |group: Option<usize>| group.map_or(NONE, |group| COLOURS[group % COLOURS.len()]);
    for point in points {
        let x = MARGIN + (point.at.0 - left) / wide * (WIDTH - LEGEND - 2.0 * MARGIN);
        let y = HEIGHT - MARGIN - (point.at.1 - low) / tall * (HEIGHT - 2.0 * MARGIN);
        let radius = 3.0 + 6.0 * point.weight.clamp(0.0, 1.0);
        let text: String = point.text.chars().take(TITLE).collect();
        // Writing to a string does not fail.
        let _ = writeln!(
            out,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius:.1}\" fill=\"{}\" fill-opacity=\"0.75\">\
             <title>{}</title></circle>",
            colour(point.group),
            escaped(&text)
        );
    }
    for (line, name) in legend.iter().enumerate() {
        let (x, y) = (WIDTH - LEGEND + 10.0, MARGIN + 22.0 * line as f32);
        let name: String = name.chars().take(32).collect();
        let _ = writeln!(
            out,
            "<circle cx=\"{x}\" cy=\"{y}\" r=\"6\" fill=\"{}\"/>\
             <text x=\"{}\" y=\"{}\">{}</text>",
            colour(Some(line)),
            x + 14.0,
            y + 4.5,
            escaped(&name)
        );
    }
    out + "</svg>\n"
}

/// Text that is no markup, and no character that XML does not know.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            letter if letter.is_control() => out.push(' '),
            '\u{fffe}' | '\u{ffff}' => out.push(' '),
            letter => out.push(letter),
        }
    }
    out
}
