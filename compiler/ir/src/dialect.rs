//! The dialect as Rust data: what one operation says, read from its attributes.
//!
//! [`read`] is the only reader of attributes: the verifier reports what it finds wrong, and every
//! pass after it works on what it returns.

use crate::foreign;
use berth_language::model::Precision;
use melior::Context;
use melior::ir::attribute::{
    AttributeLike, BoolAttribute, FlatSymbolRefAttribute, IntegerAttribute, StringAttribute, TypeAttribute,
};
use melior::ir::operation::{OperationLike, OperationRef};
use melior::ir::r#type::{DimSize, IntegerType, RankedTensorType};
use melior::ir::{Attribute, ShapedTypeLike, Type, TypeLike};

/// The dialect's definition, as IRDL: what stock `mlir-opt` takes with `--irdl-file`.
pub const IRDL: &str = include_str!("berth.irdl.mlir");

/// Largest count of elements of a weight: products with a few bytes an element stay exact in `u64`
/// and `i64` alike.
pub(crate) const MOST_ELEMENTS: u64 = 1 << 62;

/// Most repetitions of a body. No model has a thousandth of it.
pub(crate) const MOST_REPETITIONS: u64 = 1_000_000;

/// What an operation of the dialect computes; `None` of these is `berth.model` or `berth.call`, which
/// decompose rewrites.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Computation {
    Lookup { weight: Weight, split: Split },
    Matmul { weight: Weight, split: Split, tied: bool },
    Norm { weight: Weight },
    Residual,
    SiluMultiply,
    CacheWrite { heads: Heads, split: Split },
    Attention { heads: Heads, split: Split },
    LastToken,
    AllReduce,
    AllGather,
    Repeat { callee: String, times: u64 },
}

impl Computation {
    /// How many values it takes.
    pub(crate) fn operands(&self) -> usize {
        if *self == Computation::Residual { 2 } else { 1 }
    }
}

/// A weight: its shape and element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Weight {
    /// Two of them, or one for a norm; none is 0 and their product is at most [`MOST_ELEMENTS`].
    pub dimensions: Vec<u64>,
    pub element: Element,
}

impl Weight {
    pub(crate) fn rows(&self) -> u64 {
        self.dimensions.first().copied().unwrap_or(1)
    }

    /// 1 for a vector.
    pub(crate) fn columns(&self) -> u64 {
        self.dimensions.get(1).copied().unwrap_or(1)
    }

    pub(crate) fn elements(&self) -> u64 {
        self.dimensions.iter().product()
    }
}

/// What attention and its cache know of heads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Heads {
    pub heads: u64,
    pub kv_heads: u64,
    pub width: u64,
    pub cache: Element,
}

impl Heads {
    /// Width of the queries side by side.
    pub(crate) fn query_width(&self) -> u64 {
        self.heads * self.width
    }

    /// Width of queries, keys and values side by side.
    pub(crate) fn qkv_width(&self) -> u64 {
        (self.heads + 2 * self.kv_heads) * self.width
    }

    /// Bytes of keys and values of one token.
    pub(crate) fn token_bytes(&self) -> u64 {
        2 * self.kv_heads * self.width * self.cache.bytes()
    }
}

/// What the tensor axis divides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Split {
    None,
    Columns,
    Rows,
    Heads,
}

impl Split {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Split::None => "none",
            Split::Columns => "columns",
            Split::Rows => "rows",
            Split::Heads => "heads",
        }
    }
}

/// Element types with a whole number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Element {
    name: &'static str,
    bytes: u64,
}

impl Element {
    const TOKEN: Element = Element { name: "i32", bytes: 4 };

    const NUMBERS: [Element; 5] = [
        Element { name: "bf16", bytes: 2 },
        Element { name: "f16", bytes: 2 },
        Element { name: "f32", bytes: 4 },
        Element { name: "f8E4M3FN", bytes: 1 },
        Element { name: "f8E5M2", bytes: 1 },
    ];

    pub(crate) fn bytes(self) -> u64 {
        self.bytes
    }

    /// The arithmetic of a matrix that holds such numbers: wider ones than 16 bit are priced as 16.
    pub(crate) fn precision(self) -> Precision {
        if self.bytes == 1 { Precision::Fp8 } else { Precision::Bf16 }
    }

    /// Tokens are numbers of rows in a table, not values to compute with.
    pub(crate) fn is_token(self) -> bool {
        self == Element::TOKEN
    }

    /// What a value holds: numbers or tokens.
    fn of(element: Type) -> Result<Element, String> {
        if element.to_string() == Element::TOKEN.name { Ok(Element::TOKEN) } else { Element::number(element) }
    }

    /// What a weight or a cache holds.
    fn number(element: Type) -> Result<Element, String> {
        let written = element.to_string();
        Element::NUMBERS.into_iter().find(|element| element.name == written).ok_or_else(|| {
            let known: Vec<_> = Element::NUMBERS.iter().map(|element| element.name).collect();
            format!("`{written}` is none of the element types {}", known.join(", "))
        })
    }
}

/// `bf16`, `fp8`: how functions and calls name a precision.
pub(crate) fn precision_name(precision: Precision) -> &'static str {
    match precision {
        Precision::Bf16 => "bf16",
        Precision::Fp8 => "fp8",
    }
}

/// The precision that is called `name`.
pub(crate) fn precision_of(name: &str) -> Option<Precision> {
    [Precision::Bf16, Precision::Fp8].into_iter().find(|precision| precision_name(*precision) == name)
}

/// The element type that weights of a precision have where the engine quantises them.
pub(crate) fn weight_type<'c>(context: &'c Context, precision: Precision) -> Type<'c> {
    match precision {
        Precision::Bf16 => Type::bfloat16(context),
        Precision::Fp8 => Type::float8_e4m3fn(context),
    }
}

/// The operations of the dialect, for messages.
pub(crate) const NAMES: [&str; 11] = [
    "berth.lookup",
    "berth.matmul",
    "berth.norm",
    "berth.residual",
    "berth.silu_multiply",
    "berth.cache_write",
    "berth.attention",
    "berth.last_token",
    "berth.all_reduce",
    "berth.all_gather",
    "berth.repeat",
];

/// What `operation` says: its own name and its computation. Everything that is wrong with it otherwise;
/// at least one message.
pub(crate) fn read(
    context: &Context,
    operation: OperationRef,
) -> Result<(Option<String>, Computation), Vec<String>> {
    let mut attributes = Attributes { context, operation, problems: Vec::new() };
    let kind = foreign::identifier(operation.name());
    let name = (kind != "berth.repeat").then(|| attributes.name());
    let computation = match kind.as_str() {
        "berth.lookup" => attributes
            .weight(2)
            .zip(attributes.split(&[Split::None, Split::Rows]))
            .map(|(weight, split)| Computation::Lookup { weight, split }),
        "berth.matmul" => {
            let split = attributes.split(&[Split::None, Split::Columns, Split::Rows]);
            let tied = attributes.tied();
            attributes.weight(2).zip(split).zip(tied).map(|((weight, split), tied)| Computation::Matmul {
                weight,
                split,
                tied,
            })
        }
        "berth.norm" => attributes.weight(1).map(|weight| Computation::Norm { weight }),
        "berth.residual" => Some(Computation::Residual),
        "berth.silu_multiply" => Some(Computation::SiluMultiply),
        "berth.cache_write" => attributes
            .heads()
            .zip(attributes.split(&[Split::None, Split::Heads]))
            .map(|(heads, split)| Computation::CacheWrite { heads, split }),
        "berth.attention" => attributes
            .heads()
            .zip(attributes.split(&[Split::None, Split::Heads]))
            .map(|(heads, split)| Computation::Attention { heads, split }),
        "berth.last_token" => Some(Computation::LastToken),
        "berth.all_reduce" => attributes.axis().map(|()| Computation::AllReduce),
        "berth.all_gather" => attributes.axis().map(|()| Computation::AllGather),
        "berth.repeat" => attributes
            .callee()
            .zip(attributes.positive("times", MOST_REPETITIONS))
            .map(|(callee, times)| Computation::Repeat { callee, times }),
        "berth.model" | "berth.call" => {
            attributes.problems.clear();
            attributes.problem(format!(
                "`{kind}` is rewritten by the first pass; text that is continued from stands after the last"
            ));
            None
        }
        _ => {
            attributes.problems.clear();
            attributes.problem(format!("`{kind}` is no operation of this dialect"));
            None
        }
    };
    match computation {
        Some(computation) if attributes.problems.is_empty() => {
            let name = name.flatten();
            Ok((name, computation))
        }
        _ => Err(attributes.problems),
    }
}

/// Typed access to the attributes of one operation, collecting what is wrong.
struct Attributes<'c, 'a> {
    context: &'c Context,
    operation: OperationRef<'c, 'a>,
    problems: Vec<String>,
}

impl<'c> Attributes<'c, '_> {
    fn problem(&mut self, message: String) {
        self.problems.push(message);
    }

    fn get(&mut self, name: &str) -> Option<Attribute<'c>> {
        let found =
            if self.operation.has_attribute(name) { self.operation.attribute(name).ok() } else { None };
        if found.is_none() {
            self.problem(format!("the attribute `{name}` is missing"));
        }
        found
    }

    fn string(&mut self, name: &str) -> Option<String> {
        let attribute = self.get(name)?;
        if !attribute.is_string() {
            self.problem(format!("`{name}` is a string, such as \"down\"; here it is `{attribute}`"));
            return None;
        }
        StringAttribute::try_from(attribute).ok().map(foreign::string)
    }

    fn name(&mut self) -> Option<String> {
        let name = self.string("name")?;
        if name.is_empty() {
            self.problem("`name` is empty".to_owned());
            return None;
        }
        Some(name)
    }

    fn split(&mut self, allowed: &[Split]) -> Option<Split> {
        let written = self.string("split")?;
        let found = allowed.iter().copied().find(|split| split.name() == written);
        if found.is_none() {
            let names: Vec<_> = allowed.iter().map(|split| format!("\"{}\"", split.name())).collect();
            self.problem(format!("`split` is one of {}; here it is \"{written}\"", names.join(", ")));
        }
        found
    }

    fn axis(&mut self) -> Option<()> {
        let written = self.string("axis")?;
        if written != "tensor" {
            self.problem(format!("`axis` is \"tensor\"; here it is \"{written}\""));
            return None;
        }
        Some(())
    }

    /// `tied` may be absent: IRDL has no optional attributes, so it is not declared there.
    fn tied(&mut self) -> Option<bool> {
        if !self.operation.has_attribute("tied") {
            return Some(false);
        }
        let attribute = self.get("tied")?;
        if !attribute.is_bool() {
            self.problem(format!("`tied` is true or false; here it is `{attribute}`"));
            return None;
        }
        BoolAttribute::try_from(attribute).ok().map(|attribute| attribute.value())
    }

    fn positive(&mut self, name: &str, most: u64) -> Option<u64> {
        let attribute = self.get(name)?;
        // Only i64 is read: MLIR's accessor is undefined for wider integers.
        let read = (attribute.is_integer()
            && attribute.r#type() == Type::from(IntegerType::new(self.context, 64)))
        .then(|| IntegerAttribute::try_from(attribute).ok())
        .flatten()
        .and_then(|attribute| u64::try_from(attribute.value()).ok());
        match read {
            Some(value) if value >= 1 && value <= most => Some(value),
            _ => {
                self.problem(format!("`{name}` is an i64 from 1 to {most}; here it is `{attribute}`"));
                None
            }
        }
    }

    fn callee(&mut self) -> Option<String> {
        let attribute = self.get("callee")?;
        if !attribute.is_flat_symbol_ref() {
            self.problem(format!("`callee` names a function, such as @layer; here it is `{attribute}`"));
            return None;
        }
        FlatSymbolRefAttribute::try_from(attribute).ok().map(foreign::symbol)
    }

    fn r#type(&mut self, name: &str, example: &str) -> Option<Type<'c>> {
        let attribute = self.get(name)?;
        if !attribute.is_type() {
            self.problem(format!("`{name}` is a type, such as {example}; here it is `{attribute}`"));
            return None;
        }
        TypeAttribute::try_from(attribute).ok().map(|attribute| attribute.value())
    }

    fn weight(&mut self, rank: usize) -> Option<Weight> {
        let example = if rank == 1 { "tensor<8192xbf16>" } else { "tensor<8192x1024xbf16>" };
        let r#type = self.r#type("weight", example)?;
        if !r#type.is_ranked_tensor() {
            self.problem(format!("`weight` is a tensor, such as {example}; here it is `{type}`"));
            return None;
        }
        let tensor = RankedTensorType::try_from(r#type).ok()?;
        if tensor.rank() != rank {
            self.problem(format!("`weight` has {rank} dimensions, such as {example}; here it is `{type}`"));
            return None;
        }
        if !tensor.has_static_shape() {
            self.problem(format!("every dimension of a weight is known; `{type}` leaves one open"));
            return None;
        }
        let mut dimensions = Vec::with_capacity(rank);
        for index in 0..rank {
            if let Ok(DimSize::Static(size)) = tensor.dim_size(index) {
                dimensions.push(size);
            }
        }
        if dimensions.contains(&0) {
            self.problem(format!("no dimension of a weight is 0; `{type}` has one"));
            return None;
        }
        let elements = dimensions.iter().try_fold(1_u64, |product, size| product.checked_mul(*size));
        if elements.is_none_or(|elements| elements > MOST_ELEMENTS) {
            self.problem(format!("`{type}` has more than 2^62 elements"));
            return None;
        }
        match Element::number(tensor.element()) {
            Ok(element) => Some(Weight { dimensions, element }),
            Err(message) => {
                self.problem(message);
                None
            }
        }
    }

    fn heads(&mut self) -> Option<Heads> {
        // Three factors of 2^20, two summands and an element's bytes stay below 2^62.
        let heads = self.positive("heads", 1 << 20);
        let kv_heads = self.positive("kv_heads", 1 << 20);
        let width = self.positive("head_width", 1 << 20);
        let cache = self
            .r#type("cache", "bf16")
            .and_then(|r#type| Element::number(r#type).map_err(|message| self.problem(message)).ok());
        let heads = Heads { heads: heads?, kv_heads: kv_heads?, width: width?, cache: cache? };
        if !heads.heads.is_multiple_of(heads.kv_heads) {
            self.problem(format!(
                "every key and value head serves equally many of the {} query heads; `kv_heads` {} does not divide them",
                heads.heads, heads.kv_heads
            ));
            return None;
        }
        Some(heads)
    }
}

/// The element of an activation `tensor<?x?xT>`.
pub(crate) fn activation(r#type: Type) -> Result<Element, String> {
    let tensor = RankedTensorType::try_from(r#type).ok().filter(|tensor| {
        tensor.rank() == 2
            && (0..2).all(|index| tensor.dim_size(index).is_ok_and(|size| size == DimSize::Dynamic))
    });
    match tensor {
        Some(tensor) => Element::of(tensor.element()),
        None => Err(format!(
            "an activation is `tensor<?x?xT>`, its width follows from the weights; here it is `{type}`"
        )),
    }
}
