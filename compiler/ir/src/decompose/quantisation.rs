//! What matrices, keys and values are held as.

use super::string;
use crate::Malformed;
use crate::dialect::Element;
use berth_language::model::{Cached, Precision, Stored};
use melior::ir::attribute::IntegerAttribute;
use melior::ir::operation::{OperationLike, OperationRef};

/// Numbers that share a scale in microscaling (OCP Microscaling Formats, 2023, section 5).
const MX_GROUP: u64 = 32;

/// The same of NVFP4 (NVIDIA, Introducing NVFP4, 2025), whose scales are numbers of fp8.
const NV_GROUP: u64 = 16;

/// Numbers that share a scale where 4-bit weights do not say: the default of GPTQ, AWQ and llm-compressor.
const INT4_GROUP: u64 = 128;

/// What a call holds.
pub(super) struct Quantisation {
    /// Matrices of a layer.
    matrices: (Element, Scaled),
    /// Those of experts.
    experts: (Element, Scaled),
    /// Keys and values.
    pub(super) cache: Element,
}

/// How many numbers of a column share a scale, and what that is.
#[derive(Clone, Copy)]
enum Scaled {
    /// One for the matrix, or for blocks so large that they count as nothing.
    Tensor,
    Column(Element),
    Group(u64, Element),
}

/// A matrix.
pub(super) struct Quantised {
    pub(super) element: Element,
    /// Groups of a column, and what their scales are.
    pub(super) scales: Option<(u64, Element)>,
}

impl Quantisation {
    /// What `call` says in `weights`, `group` and `cache`; else what its precision has.
    pub(super) fn read(call: OperationRef, precision: Precision) -> Result<Self, Malformed> {
        let named = |name: &str| call.has_attribute(name).then(|| string(call, name)).transpose();
        let own = match precision {
            Precision::Bf16 => (Element::BF16, Scaled::Tensor),
            Precision::Fp8 => (Element::FP8, Scaled::Tensor),
        };
        let group = call
            .has_attribute("group")
            .then(|| IntegerAttribute::try_from(call.attribute("group").ok()?).ok())
            .flatten()
            .and_then(|group| u64::try_from(group.value()).ok());
        let scaled = |default: Scaled| match group {
            None => default,
            Some(0) => Scaled::Column(Element::F16),
            Some(group) => Scaled::Group(group, Element::F16),
        };
        let stored = match named("weights")? {
            None => None,
            Some(name) => Some(
                Stored::ALL
                    .into_iter()
                    .find(|stored| stored.name() == name)
                    .ok_or_else(|| Malformed(format!("`{name}` is no format of weights")))?,
            ),
        };
        let (matrices, experts) = match stored {
            None | Some(Stored::Bf16) => (own, own),
            // Narrower than 16 bits and not than 8.
            Some(Stored::Fp8) => ((Element::FP8, Scaled::Tensor), (Element::FP8, Scaled::Tensor)),
            Some(Stored::Int8) => {
                let int8 = (Element::INT8, scaled(Scaled::Column(Element::F16)));
                (int8, int8)
            }
            Some(Stored::Int4) => {
                let int4 = (Element::INT4, scaled(Scaled::Group(INT4_GROUP, Element::F16)));
                (int4, int4)
            }
            Some(Stored::Mxfp4) => (own, (Element::FP4, Scaled::Group(MX_GROUP, Element::MX_SCALE))),
            Some(Stored::Nvfp4) => {
                let nvfp4 = (Element::FP4, Scaled::Group(NV_GROUP, Element::FP8));
                (nvfp4, nvfp4)
            }
        };
        let cache = match named("cache")? {
            None => Element::BF16,
            Some(name) => match Cached::ALL.into_iter().find(|cached| cached.name() == name) {
                Some(Cached::Bf16) => Element::BF16,
                Some(Cached::Fp8) => Element::FP8,
                Some(Cached::Int8) => Element::INT8,
                None => return Err(Malformed(format!("`{name}` is no format of a cache"))),
            },
        };
        Ok(Self { matrices, experts, cache })
    }

    /// Of a matrix with so many rows.
    pub(super) fn of(&self, of_experts: bool, rows: u64) -> Quantised {
        let (element, scaled) = if of_experts { self.experts } else { self.matrices };
        let scales = match scaled {
            Scaled::Tensor => None,
            Scaled::Column(scale) => Some((1, scale)),
            Scaled::Group(group, scale) => Some((rows.div_ceil(group), scale)),
        };
        Quantised { element, scales }
    }
}
