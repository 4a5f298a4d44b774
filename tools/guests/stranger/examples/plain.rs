//! A plain component: nothing but functions with types. It knows nothing of Errand.

mod bindings {
    #![allow(clippy::all)]
    wit_bindgen::generate!({
        inline: r#"
            package docs:calc@1.0.0;

            interface shapes {
                record point { x: f32, y: f32 }
                variant shape { circle(f64), square(f64), nothing }
                enum colour { red, dark-green }
                flags edges { left, right, top-most }
                record everything {
                    yes: bool,
                    small: s8,
                    big: u64,
                    least: s64,
                    letter: char,
                    text: string,
                    bytes: list<u8>,
                    pair: tuple<u16, string>,
                    point: point,
                    colour: colour,
                    edges: edges,
                    maybe: option<string>,
                    twice: option<option<u32>>,
                    outcome: result<u32, string>,
                    silent: result,
                    shapes: list<shape>,
                }
                mirror: func(all: everything) -> everything;
                area: func(of: shape) -> result<f64, colour>;
                add: func(a: u32, b: option<u32>) -> u32;
            }

            world plain {
                export shapes;
                export add: func(a: s32, b: s32) -> s32;
                export divide: func(a: f64, b: f64) -> result<f64, string>;
                export nan: func() -> f64;
                export nothing: func();
            }
        "#,
    });
}
use bindings::exports::docs::calc::shapes::{Colour, Everything, Shape};

struct Plain;

impl bindings::Guest for Plain {
    fn add(a: i32, b: i32) -> i32 {
        a.wrapping_add(b)
    }

    fn divide(a: f64, b: f64) -> Result<f64, String> {
        if b == 0.0 { Err("there is no such number".to_string()) } else { Ok(a / b) }
    }

    fn nan() -> f64 {
        f64::NAN
    }

    fn nothing() {}
}

impl bindings::exports::docs::calc::shapes::Guest for Plain {
    fn mirror(all: Everything) -> Everything {
        all
    }

    fn area(of: Shape) -> Result<f64, Colour> {
        match of {
            Shape::Circle(radius) => Ok(radius * radius * 3.0),
            Shape::Square(side) => Ok(side * side),
            Shape::Nothing => Err(Colour::DarkGreen),
        }
    }

    fn add(a: u32, b: Option<u32>) -> u32 {
        a + b.unwrap_or(100)
    }
}

bindings::export!(Plain with_types_in bindings);
