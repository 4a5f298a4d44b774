//! The device that a page is drawn on: it keeps what is drawn as letters, and where.

use std::collections::HashSet;

use hayro_interpret::font::{Glyph, GlyphRun};
use hayro_interpret::hayro_cmap::{BfString, WritingMode};
use hayro_interpret::kurbo::{Affine, BezPath, Point, Rect, Vec2};
use hayro_interpret::{
    BlendMode, ClipPath, Device, DrawMode, DrawProps, Image, ImageDrawProps, SoftMask,
};

use super::lines::{Letter, Line, Lines};

/// Letters of one page. More stand on none that a person could read.
const MOST: usize = 500_000;

/// What a width is given in, and the height of a letter beside its widths.
const EM: f64 = 1000.0;

pub(super) struct Letters {
    area: Rect,
    lines: Lines,
    /// Where which letter was drawn: bold is faked by drawing twice.
    drawn: HashSet<(i64, i64, char)>,
    /// Letters, and glyphs of which nobody says what they are.
    pub(super) known: usize,
    pub(super) unknown: usize,
    pub(super) pictures: usize,
}

impl Letters {
    /// For a page of this area; what is drawn beside it cannot be seen.
    pub(super) fn new(area: Rect) -> Letters {
        let (lines, drawn) = (Lines::default(), HashSet::new());
        Letters { area, lines, drawn, known: 0, unknown: 0, pictures: 0 }
    }

    pub(super) fn into_lines(self) -> Vec<Line> {
        self.lines.done()
    }

    fn glyph(&mut self, glyph: &Glyph<'_>, transform: Affine, mode: WritingMode) {
        if self.known + self.unknown >= MOST {
            return;
        }
        let at = transform * Point::ZERO;
        let along = vector(transform, Vec2::new(EM, 0.0));
        let up = vector(transform, Vec2::new(0.0, EM));
        let (em, size) = (along.hypot(), up.hypot());
        let visible = self.area.inflate(1.0, 1.0).contains(at);
        if !(visible && em.is_normal() && size.is_normal()) {
            return;
        }
        let text = match glyph.as_unicode() {
            Some(BfString::Char(letter)) => letter.to_string(),
            Some(BfString::String(text)) => text,
            None => String::new(),
        };
        let text: String = text.chars().filter(|c| !c.is_control()).collect();
        let Some(first) = text.chars().next() else {
            self.unknown += 1;
            return;
        };
        let near = |place: f64| (place * 2.0).round() as i64;
        if first != ' ' && !self.drawn.insert((near(at.x), near(at.y), first)) {
            return;
        }
        self.known += usize::from(!first.is_whitespace());
        let width = match glyph {
            Glyph::Outline(outline) => outline.advance_width(),
            Glyph::Type3(type3) => type3.advance_width(),
        };
        let width = width.map_or(0.5, |width| f64::from(width) / EM);
        let (direction, width) = match mode {
            WritingMode::Horizontal => (along / em, width * em),
            WritingMode::Vertical => (-up / size, size),
        };
        self.lines.push(Letter { text: &text, at: at.to_vec2(), direction, width, size });
    }
}

/// A direction and length, moved without its place.
fn vector(transform: Affine, vector: Vec2) -> Vec2 {
    transform * vector.to_point() - transform * Point::ZERO
}

impl<'a> Device<'a> for Letters {
    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, 'a>, props: DrawProps<'a>, _: &DrawMode) {
        for glyph in run.glyphs() {
            self.glyph(glyph, props.transform * glyph.transform(), run.writing_mode());
        }
    }

    fn draw_image(&mut self, _: Image<'a, '_>, _: ImageDrawProps<'a>) {
        self.pictures += 1;
    }

    fn draw_path(&mut self, _: &BezPath, _: DrawProps<'a>, _: &DrawMode) {}
    fn draw_rect(&mut self, _: &Rect, _: DrawProps<'a>, _: &DrawMode) {}
    fn push_clip_path(&mut self, _: &ClipPath) {}
    fn push_clip_rect(&mut self, _: &Rect) {}
    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'a>>, _: BlendMode) {}
    fn pop_clip(&mut self) {}
    fn pop_transparency_group(&mut self) {}
}
