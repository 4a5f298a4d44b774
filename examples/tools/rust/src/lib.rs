//! Units of measure: converts values, and says which units there are.

mod unit;

use errand_sdk::tools;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use unit::{Kind, UNITS, Unit};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Convert {
    /// The number to convert.
    value: f64,
    /// Its unit, like `mi`, `kg` or `°F`.
    from: String,
    /// The unit wanted.
    to: String,
}

#[derive(Serialize, JsonSchema)]
struct Converted {
    /// The number in the unit wanted.
    value: f64,
    /// The unit wanted.
    unit: &'static str,
    /// Both, to be read.
    text: String,
}

fn convert(Convert { value, from, to }: Convert) -> Result<Converted, String> {
    let (from, to) = (unit::find(&from)?, unit::find(&to)?);
    if from.kind != to.kind {
        let (from, to, one, other) = (from.symbol, to.symbol, from.kind, to.kind);
        return Err(format!("`{from}` is a unit of {one}, `{to}` one of {other}"));
    }
    let converted = rounded((value * from.factor + from.offset - to.offset) / to.factor);
    let text = format!("{value} {} = {converted} {}", from.symbol, to.symbol);
    Ok(Converted { value: converted, unit: to.symbol, text })
}

/// Twelve digits: what is beyond is an artefact of the arithmetic.
fn rounded(value: f64) -> f64 {
    format!("{value:.11e}").parse().unwrap_or(value)
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Which {
    /// Only units of this kind; left out, all of them.
    kind: Option<Kind>,
}

#[derive(Serialize, JsonSchema)]
struct Known {
    units: Vec<Listed>,
}

#[derive(Serialize, JsonSchema)]
struct Listed {
    symbol: &'static str,
    name: &'static str,
    kind: Kind,
}

fn units(Which { kind }: Which) -> Result<Known, String> {
    let wanted = UNITS.iter().filter(|unit| kind.is_none_or(|kind| unit.kind == kind));
    let listed = |&Unit { symbol, name, kind, .. }: &Unit| Listed { symbol, name, kind };
    Ok(Known { units: wanted.map(listed).collect() })
}

tools! {
    description: "Converts units of length, mass, volume, speed, temperature and data.";

    /// Converts a number from one unit of measure to another of the same kind. Exact where the
    /// definition of the unit is.
    convert: pure,

    /// Lists the units that `convert` knows.
    units: pure,
}
