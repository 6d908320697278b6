//! The schema: every kind and every field, once.
//!
//! A row says a field's type and unit, whether it is a fact, a choice or a measure, its default, what it
//! means, and whether any stage acts on it. The rows stand in [`kinds`], declared by one macro that
//! yields both the table (for checking, messages and documentation) and one struct a kind, which the
//! builder of the model destructures without `..`: a field that nobody handles does not compile.

pub mod functions;
pub mod kinds;

use crate::diagnostics::listed;
use crate::quantity::Dimension;
pub use kinds::KINDS;

/// A kind of thing: `node`, `service`.
#[derive(Debug)]
pub struct Kind {
    /// The word before the name.
    pub name: &'static str,
    /// What it is.
    pub doc: &'static str,
    /// Whether any stage acts on it.
    pub support: Support,
    /// Kinds it may stand in; the empty name is a file's top level.
    pub inside: &'static [&'static str],
    /// Its fields.
    pub fields: &'static [&'static Field],
}

/// A field of a kind.
#[derive(Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Given, decided or predicted.
    pub role: Role,
    /// What stands right of `=`, or what is compared.
    pub type_: Type,
    /// Whether any stage acts on it.
    pub support: Support,
    /// What holds where the file says nothing.
    pub default: Default,
    /// What it means, with its unit.
    pub doc: &'static str,
}

impl Field {
    /// A choice that is made anew in every step; others are made once for all steps and scenarios.
    pub(crate) fn is_per_step(&self) -> bool {
        matches!(self.name, "cap" | "clock")
    }
}

/// What a name means within a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Given, with `=`.
    Fact,
    /// Decided by the planner unless pinned with `=`; bounded by comparisons.
    Choice,
    /// Predicted, one figure; compared, never given.
    Measure,
    /// Predicted, a distribution over requests or readings; compared at a statistic.
    Sampled,
}

/// Whether a stage acts on it, and why ignoring it is, or is not, honest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// It reaches the planner.
    Acted,
    /// It describes: no plan and no judged measure depends on it.
    Describes,
    /// A plan may be wrong without it, so a plan that has it is partial. Why.
    NotYet(&'static str),
}

/// Which values a field takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// A quantity of one dimension; money in any currency.
    Quantity(&'static Measured, Limits),
    /// A whole plain number.
    Integer(Limits),
    /// `true` or `false`.
    Boolean,
    /// `"text"`.
    Text,
    /// A name that stands for itself: `eu`.
    Name,
    /// One of these names.
    Symbol(&'static [&'static str]),
    /// A thing of a kind.
    Thing(&'static str),
    /// Things of some kinds: one, or a list.
    Things(&'static [&'static str]),
    /// `8 * h100`: a count of a device.
    Devices,
    /// `nvlink(900GB/s)`, `pcie(64GB/s)`.
    Fabric,
    /// `[bf16: 989TFLOPS]`: a rate of work by precision.
    Compute,
    /// `[kv: 512, rope: 64]`: whole numbers above zero by name; those that are needed, those that may stand too.
    Widths(&'static [&'static str], &'static [&'static str]),
    /// `[bf16: 100%, fp8: 99%]`: quantities by precision.
    ByPrecision(&'static Measured, Limits),
    /// `hf("./config.json")`, `mlir("./embed.mlir")`: a file that states a model's shape.
    Architecture,
    /// `[arg0_0: sequences, arg0_1: 512]`: extents of a module's open dimensions.
    Extents,
    /// `[gpu]`, `[tier: "gold"]`: names, each with a value where it has one.
    Labels,
    /// `[125%: 10min, 150%: 60s]`: quantities by ascending keys, the values descending.
    Curve(&'static Measured, &'static Measured),
    /// `2h..5h`: hours of every day.
    Hours,
    /// `[2h..5h, 14h..15h]`: hours of every day, several times.
    Windows,
    /// `out_of_band(delay = 40s)`, `power_brake(delay = 5s)`.
    Actuator,
    /// `measured("h100.csv")`: a file of measurements.
    Calibration,
    /// One value for the whole horizon, or one a step; money in any currency.
    Profile(&'static Measured, Limits),
    /// Requests a second: a rate or a profile.
    Demand,
    /// One sample a request: a distribution or a plain quantity.
    Draws(&'static Measured),
    /// `zipf(1.0)`, `trace("experts.csv")`: how much is asked of each expert.
    ExpertLoad,
    /// `a -> 40% * b -> c`: services in their order.
    Path,
    /// An amount of work: tokens, requests, images or FLOP.
    Amount,
    /// `dataset("s3://…", size = 1.2TB, at = dal)`
    Dataset,
    /// `every(30min, size = 420GB, to = dal)`
    Checkpoint,
    /// A rate of one replica, or `measured("bench.csv")`.
    Serves,
    /// `deployment("ns/name")`
    Live,
    /// `kubernetes(namespace = "shop")`
    Target,
    /// `["--port", "8080"]`: texts, or one.
    Texts,
    /// `[http: 8080]`: port numbers by name.
    Ports,
    /// `[LOG_LEVEL: "info", PASSWORD: secret_key_ref("shop", key = "password")]`
    Environment,
    /// `[data: persistent_volume_claim("shop", mount_path = "/data")]`
    Volumes,
    /// `http_get("/ready", port = http)`
    Probe,
    /// `date("2026-11-02", zone = "UTC")`
    Date,
    /// `"Europe/Amsterdam"`: a name of the time zone database.
    Zone,
    /// A text, or texts by field: where facts are from.
    Source,
    /// What to minimise.
    Objective,
    /// `store -> database`: a service that had another address.
    Moved,
    /// `spread(node)`: distinct places in use.
    Spread,
    /// `share(small)`: the part of the walks that a variant has.
    ShareOf,
    /// Any value; it is not looked at yet.
    Open,
}

/// Limits that a value keeps in itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limits {
    /// Any value.
    Any,
    /// At least zero.
    NotNegative,
    /// Above zero.
    Positive,
    /// Above zero and at most one.
    Share,
    /// From zero to one.
    Part,
    /// At least one.
    AtLeastOne,
}

/// The value of a field that is not stated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Default {
    /// None: reading it is an error.
    Unset,
    /// A plain number.
    Number(i64),
    /// A name.
    Symbol(&'static str),
    /// `true` or `false`.
    Boolean(bool),
}

/// A dimension that has a name.
#[derive(Debug, PartialEq, Eq)]
pub struct Measured {
    /// As a param's type is written.
    pub name: &'static str,
    /// In the unit that messages show.
    pub unit: &'static str,
    /// The exponents; money as dollars, standing for any currency.
    pub dimension: Dimension,
}

impl Type {
    /// It is a figure of something that is named behind it: `spread(node)`.
    pub(crate) fn is_called(self) -> bool {
        matches!(self, Self::Spread | Self::ShareOf)
    }

    /// What to write, for messages and the manual: "a quantity in W", "`true` or `false`".
    pub fn form(self) -> String {
        match self {
            Self::Quantity(measured, _) => format!("a quantity in {}", measured.unit),
            Self::Integer(_) => "a whole number".to_owned(),
            Self::Boolean => "`true` or `false`".to_owned(),
            Self::Text => "a text in quotes".to_owned(),
            Self::Name => "a name that stands for itself: `eu`".to_owned(),
            Self::Symbol(names) => listed(names.iter().copied()),
            Self::Thing(kind) => format!("the name of a {kind}"),
            Self::Things(kinds) => format!("names of things, each one of {}", listed(kinds.iter().copied())),
            Self::Devices => "a count of a device: `8 * h100`".to_owned(),
            Self::Fabric => "`nvlink(900GB/s)` or `pcie(64GB/s)`".to_owned(),
            Self::Compute => "rates by precision: `[bf16: 989TFLOPS]`".to_owned(),
            Self::Widths(needed, optional) => {
                let needed: Vec<_> = needed.iter().map(|name| format!("{name}: …")).collect();
                format!("`[{}]`, and {}", needed.join(", "), listed(optional.iter().copied()))
            }
            Self::ByPrecision(measured, _) => {
                format!("values by precision, each {}: `[bf16: …, fp8: …]`", measured.unit)
            }
            Self::Architecture => {
                "a configuration, `hf(\"./config.json\")`, or a module, `mlir(\"./embed.mlir\")`".to_owned()
            }
            Self::Extents => "extents by dimension, each a whole number, `sequences` or `tokens`: \
                 `[arg0_0: sequences, arg0_1: 512]`"
                .to_owned(),
            Self::Labels => "names, or texts by name: `[gpu]`, `[tier: \"gold\"]`".to_owned(),
            Self::Curve(key, value) => {
                format!("quantities in {} by ascending keys in {}, descending", value.unit, key.unit)
            }
            Self::Hours => "hours of every day: `2h..5h`".to_owned(),
            Self::Windows => "hours of every day: `2h..5h`, or a list of them".to_owned(),
            Self::Actuator => "`out_of_band(delay = 40s)` or `power_brake(delay = 5s)`".to_owned(),
            Self::Calibration => "a file of measurements: `measured(\"h100.csv\")`".to_owned(),
            Self::Profile(measured, _) => format!("a quantity in {} or a profile of them", measured.unit),
            Self::Demand => "a rate or a profile of rates: `40 req/s`".to_owned(),
            Self::Draws(measured) => format!("a quantity in {} or a distribution", measured.unit),
            Self::ExpertLoad => {
                "loads of experts: `zipf(1.0)`, or a file of `layer,expert,load`, `trace(\"experts.csv\")`".to_owned()
            }
            Self::Path => "a path through services: `embed -> 40% * rerank -> chat`".to_owned(),
            Self::Amount => "an amount of work: `6e9 tok`, `12_000 req`, `3_000 image`, `2EFLOP`".to_owned(),
            Self::Dataset => "data: `dataset(\"s3://bucket/name\", size = 1.2TB, at = dal)`".to_owned(),
            Self::Checkpoint => "a period: `every(30min, size = 420GB, to = dal)`".to_owned(),
            Self::Serves => "a rate, or what was measured: `40 req/s`, `measured(\"bench.csv\")`".to_owned(),
            Self::Live => "a live object: `deployment(\"namespace/name\")`".to_owned(),
            Self::Target => "a target: `kubernetes(namespace = \"shop\")`".to_owned(),
            Self::Texts => "a list of texts: `[\"--port\", \"8080\"]`".to_owned(),
            Self::Ports => "port numbers by name: `[http: 8080]`".to_owned(),
            Self::Environment => {
                "texts or references by name: `[PASSWORD: secret_key_ref(\"shop\", key = \"password\")]`".to_owned()
            }
            Self::Volumes => {
                "what is mounted, by name: `[data: persistent_volume_claim(\"shop\", mount_path = \"/data\")]`".to_owned()
            }
            Self::Probe => "a probe: `http_get(\"/ready\", port = http)`".to_owned(),
            Self::Date => "a day: `date(\"2026-11-02\", zone = \"UTC\")`".to_owned(),
            Self::Zone => "a time zone: `\"Europe/Amsterdam\"`".to_owned(),
            Self::Source => "a text, or texts by field".to_owned(),
            Self::Objective => "what to minimise: `bill`, or a list".to_owned(),
            Self::Moved => "a service that had another address, `store -> database`, or a list".to_owned(),
            Self::Spread => "a kind of place: `spread(node)`".to_owned(),
            Self::ShareOf => "a variant of the path: `share(small)`".to_owned(),
            Self::Open => "any value".to_owned(),
        }
    }
}

/// The kind called `name`.
pub fn kind(name: &str) -> Option<&'static Kind> {
    KINDS.iter().copied().find(|kind| kind.name == name)
}

impl Kind {
    /// Its field called `name`.
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().copied().find(|field| field.name == name)
    }

    /// It may stand at a file's top level.
    pub fn at_top(&self) -> bool {
        self.inside.contains(&"")
    }

    /// It describes and is never planned or counted.
    pub fn describes(&self) -> bool {
        matches!(self.name, "device" | "model")
    }

    /// It is a place: nodes may stand in it.
    pub fn is_place(&self) -> bool {
        matches!(self.name, "site" | "row" | "rack")
    }
}

/// Dimensions by name, the first match names a dimension in messages.
pub static MEASURED: &[&Measured] = &[
    &RATIO,
    &TIME,
    &FREQUENCY,
    &ENERGY,
    &POWER,
    &DATA,
    &BANDWIDTH,
    &WORK,
    &WORK_RATE,
    &MASS,
    &TOKENS,
    &REQUESTS,
    &RATE,
    &CORES,
    &STEPS,
    &IMAGES,
    &MONEY,
    &PRICE,
    &MONEY_PER_ENERGY,
    &MONEY_PER_DATA,
    &MASS_PER_ENERGY,
];

macro_rules! measured {
    ($($constant:ident = $name:literal, $unit:literal, $dimension:expr;)*) => {
        $(
            #[doc = concat!("`", $name, "`, in ", $unit, ".")]
            pub static $constant: Measured = Measured {
                name: $name,
                unit: $unit,
                dimension: $dimension,
            };
        )*
    };
}

measured! {
    RATIO = "Ratio", "a plain number", Dimension::NONE;
    TIME = "Time", "s", Dimension::TIME;
    FREQUENCY = "Frequency", "1/s", Dimension::FREQUENCY;
    ENERGY = "Energy", "Wh", Dimension::ENERGY;
    POWER = "Power", "W", Dimension::POWER;
    DATA = "Data", "B", Dimension::DATA;
    BANDWIDTH = "Bandwidth", "B/s", Dimension::DATA_RATE;
    WORK = "Work", "FLOP", Dimension::WORK;
    WORK_RATE = "Speed", "FLOPS", Dimension::WORK_RATE;
    MASS = "Mass", "g", Dimension::MASS;
    TOKENS = "Tokens", "tok", Dimension::TOKEN;
    REQUESTS = "Requests", "req", Dimension::REQUEST;
    RATE = "Rate", "req/s", Dimension::REQUEST_RATE;
    CORES = "Cores", "core", Dimension::CORE;
    STEPS = "Steps", "step", Dimension::STEP;
    IMAGES = "Images", "image", Dimension::IMAGE;
    MONEY = "Money", "$", Dimension::money(crate::quantity::Currency::Dollar);
    PRICE = "Price", "$/h", Dimension::money_rate(crate::quantity::Currency::Dollar);
    MONEY_PER_ENERGY = "Tariff", "$/kWh", Dimension {
        energy: -1,
        ..Dimension::money(crate::quantity::Currency::Dollar)
    };
    MONEY_PER_DATA = "Fee", "$/GB", Dimension {
        data: -1,
        ..Dimension::money(crate::quantity::Currency::Dollar)
    };
    EMISSIONS = "Emissions", "g/h", Dimension { mass: 1, time: -1, ..Dimension::NONE };
    MASS_PER_ENERGY = "Intensity", "g/kWh", Dimension {
        mass: 1,
        energy: -1,
        ..Dimension::NONE
    };
}

/// How to mend a value that should be `needed`, a [`dimension_name`].
pub(crate) fn in_units_of(needed: &str) -> String {
    match needed.strip_prefix("a ") {
        Some(_) => format!("Write {needed}."),
        None => format!("Write it in units of {needed}."),
    }
}

/// What a dimension is called: `Power (W)`; its unit alone where it has no name.
pub fn dimension_name(dimension: &Dimension) -> String {
    if *dimension == Dimension::NONE {
        return "a plain number".to_owned();
    }
    MEASURED.iter().find(|measured| measured.dimension.matches(dimension)).map_or_else(
        || {
            let (unit, _) = crate::quantity_text::column_unit(dimension);
            format!("a quantity in {unit}")
        },
        |measured| format!("{} ({})", measured.name, measured.unit),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_name_stands_once_within_a_kind() {
        for kind in KINDS {
            let names: BTreeSet<_> = kind.fields.iter().map(|field| field.name).collect();
            assert_eq!(names.len(), kind.fields.len(), "{}", kind.name);
        }
        let kinds: BTreeSet<_> = KINDS.iter().map(|kind| kind.name).collect();
        assert_eq!(kinds.len(), KINDS.len());
    }

    #[test]
    fn every_row_is_documented() {
        for kind in KINDS {
            assert!(kind.doc.ends_with('.'), "{}", kind.name);
            for field in kind.fields {
                assert!(field.doc.ends_with('.'), "{}.{}", kind.name, field.name);
            }
        }
    }

    #[test]
    fn a_default_has_the_type_of_its_field() {
        for kind in KINDS {
            for field in kind.fields {
                let fits = match (field.default, field.type_) {
                    (Default::Unset, _)
                    | (Default::Number(_), Type::Integer(_) | Type::Quantity(..))
                    | (Default::Boolean(_), Type::Boolean) => true,
                    (Default::Symbol(name), Type::Symbol(known)) => known.contains(&name),
                    _ => false,
                };
                assert!(fits, "{}.{}", kind.name, field.name);
            }
        }
    }
}
