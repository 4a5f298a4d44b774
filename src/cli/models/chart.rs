//! Panels of points with a straight line through each, as SVG. Axes begin at zero, so that a slope is seen
//! against what it starts from.

use std::fmt::Write;

use vectors::escaped;

const WIDTH: f64 = 420.0;
const HEIGHT: f64 = 320.0;
/// Room for the numbers on the left and below, and for the title above.
const LEFT: f64 = 60.0;
const LOW: f64 = 50.0;
const TOP: f64 = 44.0;
const RIGHT: f64 = 20.0;
/// About how many numbers an axis has.
const MARKS: f64 = 5.0;

/// One panel.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Panel {
    /// What stands above it, and below that.
    pub(super) title: String,
    pub(super) line: String,
    /// What the axis below counts.
    pub(super) below: &'static str,
    pub(super) points: Vec<(f64, f64)>,
    /// The line's value at zero, and how it rises.
    pub(super) at_zero: f64,
    pub(super) slope: f64,
}

/// The panels side by side.
pub(super) fn svg(panels: &[Panel]) -> String {
    let width = WIDTH * panels.len() as f64;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
    );
    for (place, panel) in panels.iter().enumerate() {
        // Writing to a string does not fail.
        let _ = writeln!(out, "<g transform=\"translate({} 0)\">", WIDTH * place as f64);
        draw(&mut out, panel);
        out += "</g>\n";
    }
    out + "</svg>\n"
}

fn draw(out: &mut String, panel: &Panel) {
    let most = |get: fn(&(f64, f64)) -> f64| panel.points.iter().map(get).fold(0.0, f64::max);
    let (right, tall) = (most(|point| point.0), most(|point| point.1));
    let (across, up) = (step(right), step(tall));
    let (right, tall) = ((right / across).ceil() * across, (tall / up).ceil() * up);
    let x = |value: f64| LEFT + value / right * (WIDTH - LEFT - RIGHT);
    let y = |value: f64| HEIGHT - LOW - value / tall * (HEIGHT - LOW - TOP);
    let _ = writeln!(
        out,
        "<text x=\"{LEFT}\" y=\"18\" font-size=\"14\">{}</text>\
         <text x=\"{LEFT}\" y=\"34\" fill=\"#555555\">{}</text>\
         <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
        escaped(&panel.title),
        escaped(&panel.line),
        (LEFT + WIDTH - RIGHT) / 2.0,
        HEIGHT - 12.0,
        panel.below
    );
    for mark in marks(across, right) {
        let _ = writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{mark}</text>",
            x(mark),
            HEIGHT - LOW + 18.0
        );
    }
    for mark in marks(up, tall) {
        let _ = writeln!(
            out,
            "<path d=\"M{LEFT} {0:.1}H{1}\" stroke=\"#dddddd\"/>\
             <text x=\"{2}\" y=\"{3:.1}\" text-anchor=\"end\">{mark}</text>",
            y(mark),
            WIDTH - RIGHT,
            LEFT - 8.0,
            y(mark) + 4.0
        );
    }
    let end = panel.at_zero + panel.slope * right;
    let _ = writeln!(
        out,
        "<path d=\"M{:.1} {:.1}L{:.1} {:.1}\" stroke=\"#0072b2\" stroke-width=\"1.5\"/>",
        x(0.0),
        y(panel.at_zero),
        x(right),
        y(end)
    );
    for point in &panel.points {
        let _ = writeln!(
            out,
            "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"4\" fill=\"#d55e00\"/>",
            x(point.0),
            y(point.1)
        );
    }
}

/// The distance between an axis's numbers: 1, 2 or 5 times a power of ten.
fn step(most: f64) -> f64 {
    let rough = (most / MARKS).max(f64::MIN_POSITIVE);
    let ten = 10f64.powf(rough.log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .map(|times| times * ten)
        .into_iter()
        .find(|&it| it >= rough)
        .unwrap_or(ten)
}

fn marks(step: f64, most: f64) -> impl Iterator<Item = f64> {
    // A multiple of a step such as 0.1 has digits that are nothing but rounding.
    let tidy = move |mark: f64| (mark * 1e6).round() / 1e6;
    (0..=(most / step).round() as usize).map(move |place| tidy(place as f64 * step))
}

#[cfg(test)]
mod tests {
    use super::{Panel, svg};

    #[test]
    fn a_panel_has_its_points_and_round_numbers() {
        let panel = Panel {
            title: "a <b>".to_string(),
            line: "2 + 1 n".to_string(),
            below: "n",
            points: vec![(1.0, 3.0), (8.0, 10.0)],
            at_zero: 2.0,
            slope: 1.0,
        };
        let drawn = svg(&[panel.clone(), panel]);
        assert_eq!(drawn.matches("<circle").count(), 4);
        assert!(drawn.contains("a &lt;b&gt;") && drawn.contains(">10</text>"), "{drawn}");
        assert!(!drawn.contains("NaN"), "{drawn}");
    }
}
