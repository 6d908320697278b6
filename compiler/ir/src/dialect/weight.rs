//! Weights and the numbers they hold.

use berth_language::model::Precision;
use melior::ir::Type;

/// A weight: its shape and element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Weight {
    /// Two of them, one for a norm, three for experts; none is 0 and their product is at most
    /// [`MOST_ELEMENTS`].
    pub dimensions: Vec<u64>,
    pub element: Element,
    /// What its numbers are multiplied with, where they are quantised.
    pub scales: Option<Scales>,
}

/// Scales of a weight: in each column one for each of `rows` groups of its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scales {
    pub rows: u64,
    pub element: Element,
}

impl Weight {
    /// Of one matrix.
    pub(crate) fn rows(&self) -> u64 {
        self.dimensions.get(usize::from(self.dimensions.len() == 3)).copied().unwrap_or(1)
    }

    /// Of one matrix; 1 for a vector.
    pub(crate) fn columns(&self) -> u64 {
        self.dimensions.get(1 + usize::from(self.dimensions.len() == 3)).copied().unwrap_or(1)
    }

    /// How many matrices it is.
    pub(crate) fn experts(&self) -> u64 {
        if self.dimensions.len() == 3 { self.dimensions.first().copied().unwrap_or(1) } else { 1 }
    }

    pub(crate) fn elements(&self) -> u64 {
        self.dimensions.iter().product()
    }
}

/// An element type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Element {
    name: &'static str,
    bits: u64,
    arithmetic: Precision,
}

impl Element {
    /// What vectors of norms and biases hold.
    pub(crate) const BF16: Element = Element::new("bf16", 16, Precision::Bf16);
    pub(crate) const FP8: Element = Element::new("f8E4M3FN", 8, Precision::Fp8);
    pub(crate) const INT8: Element = Element::new("i8", 8, Precision::Bf16);
    /// Two of them to a byte.
    pub(crate) const INT4: Element = Element::new("i4", 4, Precision::Bf16);
    /// The numbers of microscaling (OCP Microscaling Formats, 2023) and of NVFP4.
    pub(crate) const FP4: Element = Element::new("f4E2M1FN", 4, Precision::Bf16);
    /// The scales of microscaling.
    pub(crate) const MX_SCALE: Element = Element::new("f8E8M0FNU", 8, Precision::Bf16);
    pub(crate) const F16: Element = Element::new("f16", 16, Precision::Bf16);
    const F32: Element = Element::new("f32", 32, Precision::Bf16);
    const FP8_WIDE: Element = Element::new("f8E5M2", 8, Precision::Fp8);
    const TOKEN: Element = Element::new("i32", 32, Precision::Bf16);

    /// What activations hold.
    const NUMBERS: &[Element] = &[Element::BF16, Element::F16, Element::F32, Element::FP8, Element::FP8_WIDE];
    /// What activations hold, or tokens.
    const VALUES: &[Element] =
        &[Element::BF16, Element::F16, Element::F32, Element::FP8, Element::FP8_WIDE, Element::TOKEN];
    const CACHES: &[Element] =
        &[Element::BF16, Element::F16, Element::F32, Element::FP8, Element::FP8_WIDE, Element::INT8];
    const WEIGHTS: &[Element] = &[
        Element::BF16,
        Element::F16,
        Element::F32,
        Element::FP8,
        Element::FP8_WIDE,
        Element::INT8,
        Element::INT4,
        Element::FP4,
    ];
    const SCALES: &[Element] = &[Element::BF16, Element::F16, Element::F32, Element::FP8, Element::MX_SCALE];

    const fn new(name: &'static str, bits: u64, arithmetic: Precision) -> Self {
        Element { name, bits, arithmetic }
    }

    pub(crate) fn bits(self) -> u64 {
        self.bits
    }

    /// Of what activations and caches hold; 0 where two share one.
    pub(crate) fn bytes(self) -> u64 {
        self.bits / 8
    }

    pub(crate) fn name(self) -> &'static str {
        self.name
    }

    /// The arithmetic of a matrix that holds such numbers: wider ones than 16 bit are priced as 16, and whole
    /// numbers and those of 4 bits are widened on their way to the multipliers.
    pub(crate) fn precision(self) -> Precision {
        self.arithmetic
    }

    /// The precision of a cache of such numbers, for the kernels that read it: as wide as these.
    pub(crate) fn cached(self) -> Precision {
        if self.bits <= 8 { Precision::Fp8 } else { Precision::Bf16 }
    }

    /// Tokens are numbers of rows in a table, not values to compute with.
    pub(crate) fn is_token(self) -> bool {
        self == Element::TOKEN
    }

    /// What a value holds: numbers or tokens.
    pub(super) fn of_value(element: Type) -> Result<Element, String> {
        Element::among(element, Element::VALUES, Element::NUMBERS)
    }

    pub(super) fn of_cache(element: Type) -> Result<Element, String> {
        Element::among(element, Element::CACHES, Element::CACHES)
    }

    pub(super) fn of_weight(element: Type) -> Result<Element, String> {
        Element::among(element, Element::WEIGHTS, Element::WEIGHTS)
    }

    pub(super) fn of_scales(element: Type) -> Result<Element, String> {
        Element::among(element, Element::SCALES, Element::SCALES)
    }

    /// `known` are told where it is none of them.
    fn among(element: Type, all: &[Element], known: &[Element]) -> Result<Element, String> {
        let written = element.to_string();
        all.iter().copied().find(|element| element.name == written).ok_or_else(|| {
            let known: Vec<_> = known.iter().map(|element| element.name).collect();
            format!("`{written}` is none of the element types {}", known.join(", "))
        })
    }
}
