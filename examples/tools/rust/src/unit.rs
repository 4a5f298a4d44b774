//! The units: each is a factor and an offset to the base unit of its kind.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Length,
    Mass,
    Volume,
    Speed,
    Temperature,
    Data,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Length => "length",
            Kind::Mass => "mass",
            Kind::Volume => "volume",
            Kind::Speed => "speed",
            Kind::Temperature => "temperature",
            Kind::Data => "data",
        })
    }
}

/// A unit: `value * factor + offset` is the value in the base unit of its kind.
pub struct Unit {
    pub symbol: &'static str,
    pub name: &'static str,
    pub kind: Kind,
    pub factor: f64,
    pub offset: f64,
}

const fn unit(symbol: &'static str, name: &'static str, kind: Kind, factor: f64) -> Unit {
    Unit { symbol, name, kind, factor, offset: 0.0 }
}

/// Every unit there is.
pub const UNITS: &[Unit] = &[
    unit("mm", "millimetre", Kind::Length, 0.001),
    unit("cm", "centimetre", Kind::Length, 0.01),
    unit("m", "metre", Kind::Length, 1.0),
    unit("km", "kilometre", Kind::Length, 1000.0),
    unit("in", "inch", Kind::Length, 0.0254),
    unit("ft", "foot", Kind::Length, 0.3048),
    unit("yd", "yard", Kind::Length, 0.9144),
    unit("mi", "mile", Kind::Length, 1609.344),
    unit("nmi", "nautical mile", Kind::Length, 1852.0),
    unit("g", "gram", Kind::Mass, 0.001),
    unit("kg", "kilogram", Kind::Mass, 1.0),
    unit("t", "tonne", Kind::Mass, 1000.0),
    unit("oz", "ounce", Kind::Mass, 0.028_349_523_125),
    unit("lb", "pound", Kind::Mass, 0.453_592_37),
    unit("st", "stone", Kind::Mass, 6.350_293_18),
    unit("ml", "millilitre", Kind::Volume, 0.001),
    unit("l", "litre", Kind::Volume, 1.0),
    unit("m3", "cubic metre", Kind::Volume, 1000.0),
    unit("gal", "US gallon", Kind::Volume, 3.785_411_784),
    unit("pt", "imperial pint", Kind::Volume, 0.568_261_25),
    unit("m/s", "metre per second", Kind::Speed, 1.0),
    unit("km/h", "kilometre per hour", Kind::Speed, 1.0 / 3.6),
    unit("mph", "mile per hour", Kind::Speed, 0.447_04),
    unit("kn", "knot", Kind::Speed, 1852.0 / 3600.0),
    unit("K", "kelvin", Kind::Temperature, 1.0),
    Unit {
        symbol: "°C",
        name: "degree Celsius",
        kind: Kind::Temperature,
        factor: 1.0,
        offset: 273.15,
    },
    Unit {
        symbol: "°F",
        name: "degree Fahrenheit",
        kind: Kind::Temperature,
        factor: 5.0 / 9.0,
        offset: 273.15 - 32.0 * 5.0 / 9.0,
    },
    unit("B", "byte", Kind::Data, 1.0),
    unit("kB", "kilobyte", Kind::Data, 1e3),
    unit("MB", "megabyte", Kind::Data, 1e6),
    unit("GB", "gigabyte", Kind::Data, 1e9),
    unit("KiB", "kibibyte", Kind::Data, 1024.0),
    unit("MiB", "mebibyte", Kind::Data, 1_048_576.0),
    unit("GiB", "gibibyte", Kind::Data, 1_073_741_824.0),
];

/// The unit of this symbol or name. A plural, and `C` or `F` without a degree sign, will do.
///
/// # Errors
/// There is none; what comes closest is named.
pub fn find(wanted: &str) -> Result<&'static Unit, String> {
    let wanted = wanted.trim();
    let exact =
        UNITS.iter().find(|unit| unit.symbol == wanted || unit.symbol == format!("°{wanted}"));
    let lower = wanted.to_lowercase();
    let by_name = || {
        let singular = if lower == "feet" { "foot" } else { lower.trim_end_matches('s') };
        UNITS.iter().find(|unit| {
            let name = unit.name.to_lowercase();
            name == lower || name == singular || name.replace("re", "er") == singular
        })
    };
    exact.or_else(by_name).ok_or_else(|| {
        let close = UNITS.iter().filter(|unit| unit.symbol.to_lowercase() == lower);
        let close: Vec<String> = close.map(|unit| format!("`{}`", unit.symbol)).collect();
        match close.is_empty() {
            true => format!("there is no unit `{wanted}`; `units` lists them"),
            false => format!("there is no unit `{wanted}`; there is {}", close.join(", ")),
        }
    })
}
