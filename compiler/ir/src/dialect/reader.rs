//! Reading an operation's attributes.

mod tensors;

pub(crate) use tensors::activation;

use super::{
    Computation, Element, EncoderHeads, Fused, Heads, Latent, LatentHeads, MOST_REPETITIONS, MOST_ROWS,
    NAMES, Overlap, Part, Said, Split, precision_of,
};
use crate::foreign;
use berth_compiler::degrees::Axis;
use berth_compiler::graph::Variant;
use berth_language::model::Precision;
use melior::Context;
use melior::ir::attribute::{
    ArrayAttribute, AttributeLike, BoolAttribute, DictionaryAttribute, FlatSymbolRefAttribute,
    IntegerAttribute, StringAttribute, TypeAttribute,
};
use melior::ir::operation::{OperationLike, OperationRef};
use melior::ir::r#type::IntegerType;
use melior::ir::{Attribute, Type};
use num_rational::BigRational;

/// What is wrong with an operation, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub message: String,
    pub help: String,
}

/// What `operation` says. Everything that is wrong with it otherwise; at least one problem.
pub(crate) fn read(context: &Context, operation: OperationRef) -> Result<Said, Vec<Problem>> {
    let mut attributes = Attributes { context, operation, problems: Vec::new() };
    let kind = foreign::identifier(operation.name());
    let name = (kind != "berth.repeat").then(|| attributes.name());
    let computation = match kind.as_str() {
        "berth.lookup" => attributes
            .weight(2)
            .zip(attributes.split(&[Split::None, Split::Rows]))
            .zip(attributes.flag("tied"))
            .map(|((weight, split), tied)| Computation::Lookup { weight, split, tied }),
        "berth.matmul" => {
            let split = attributes.split(&[Split::None, Split::Columns, Split::Rows]);
            let flags =
                attributes.flag("tied").zip(attributes.flag("bias")).zip(attributes.flag("replicated"));
            attributes.factor(2).zip(split).zip(flags).and_then(
                |((weight, split), ((tied, bias), replicated))| {
                    let keys = attributes.keys(&weight)?;
                    Some(Computation::Matmul { weight, split, tied, bias, replicated, keys })
                },
            )
        }
        "berth.norm" => attributes
            .weight(1)
            .zip(attributes.flag("bias"))
            .map(|(weight, bias)| Computation::Norm { weight, bias }),
        "berth.residual" => Some(Computation::Residual),
        "berth.silu_multiply" => Some(Computation::SiluMultiply),
        "berth.activate" => {
            attributes.one_of("function", &["gelu", "silu", "tanh"]).map(|()| Computation::Activate)
        }
        "berth.cache_write" => attributes
            .heads()
            .zip(attributes.split(&[Split::None, Split::Heads]))
            .zip(attributes.flag("head_norm").zip(attributes.over(Axis::Context)))
            .map(|((heads, split), (head_norm, over))| Computation::CacheWrite {
                heads,
                split,
                head_norm,
                over,
            }),
        "berth.attention" => {
            let window = attributes.optional("window", MOST_ROWS);
            let sinks = attributes.flag("sinks");
            attributes.heads().zip(attributes.split(&[Split::None, Split::Heads])).zip(window.zip(sinks)).map(
                |((heads, split), (window, sinks))| Computation::Attention { heads, split, window, sinks },
            )
        }
        "berth.latent_cache_write" => {
            let over = attributes.over(Axis::Context);
            attributes.latent().zip(over).map(|(latent, over)| Computation::LatentCacheWrite { latent, over })
        }
        "berth.latent_attention" => {
            let sizes = attributes.size("heads").zip(attributes.size("head_width"));
            let (value, latent) = (attributes.size("value_width"), attributes.latent());
            let split = attributes.split(&[Split::None, Split::Heads]);
            sizes.zip(value.zip(latent)).zip(split).map(|(((heads, width), (value, latent)), split)| {
                let heads = LatentHeads { heads, width, value, latent };
                Computation::LatentAttention { heads, split }
            })
        }
        "berth.encoder_attention" => {
            let split = attributes.split(&[Split::None, Split::Heads]);
            let window = attributes.optional("window", MOST_ROWS);
            attributes
                .encoder_heads()
                .zip(split.zip(window))
                .map(|(heads, (split, window))| Computation::EncoderAttention { heads, split, window })
        }
        "berth.positions" => attributes.weight(2).map(|weight| Computation::Positions { weight }),
        "berth.merge" => attributes.size("factor").map(|factor| Computation::Merge { factor }),
        "berth.head_norm" => attributes
            .encoder_heads()
            .zip(attributes.split(&[Split::None, Split::Heads]))
            .map(|(heads, split)| Computation::HeadNorm { heads, split }),
        "berth.given" => attributes
            .part(&[Part::Text, Part::Condition])
            .zip(attributes.positive("width", MOST_ROWS))
            .map(|(of, width)| Computation::Given { of, width }),
        "berth.join" => attributes.flag("copied").map(|copied| Computation::Join { copied }),
        "berth.take" => attributes.part(&Part::ALL).map(|of| Computation::Take { of }),
        "berth.modulate" => attributes
            .size("vector")
            .zip(attributes.flag("norm"))
            .map(|(vector, norm)| Computation::Modulate { vector, norm }),
        "berth.dispatch" => {
            let experts = attributes.size("experts");
            let per_token = attributes.size("per_token");
            let over = attributes.over(Axis::Expert);
            experts.zip(per_token).zip(over).and_then(|((experts, per_token), over)| {
                attributes.per_token_of(per_token, experts)?;
                Some(Computation::Dispatch { experts, per_token, over })
            })
        }
        "berth.grouped_matmul" => {
            let split = attributes.split(&[Split::None, Split::Columns, Split::Rows]);
            let (bias, per_token) = (attributes.flag("bias"), attributes.size("per_token"));
            let over = attributes.over(Axis::Expert);
            attributes.factor(3).zip(split).zip(bias.zip(per_token).zip(over)).and_then(
                |((weight, split), ((bias, per_token), over))| {
                    attributes.per_token_of(per_token, weight.experts())?;
                    Some(Computation::GroupedMatmul { weight, per_token, split, bias, over })
                },
            )
        }
        "berth.combine" => attributes
            .size("per_token")
            .zip(attributes.over(Axis::Expert))
            .map(|(per_token, over)| Computation::Combine { per_token, over }),
        "berth.first_token" => Some(Computation::FirstToken),
        "berth.last_token" => Some(Computation::LastToken),
        "berth.loss" => Some(Computation::Loss),
        "berth.all_reduce" => attributes.axis(&Axis::ALL).map(|axis| Computation::AllReduce { axis }),
        "berth.all_gather" => attributes.axis(&Axis::ALL).map(|axis| Computation::AllGather { axis }),
        "berth.reduce_scatter" => attributes.axis(&Axis::ALL).map(|axis| Computation::ReduceScatter { axis }),
        "berth.all_to_all" => attributes.axis(&[Axis::Expert]).map(|_| Computation::AllToAll),
        "berth.send" => attributes.axis(&[Axis::Pipeline]).map(|_| Computation::Send),
        "berth.kv_exchange" => {
            let axis = attributes.axis(&[Axis::Context]);
            let sizes = attributes.positive("width", MOST_ROWS).zip(attributes.cache());
            let split = attributes.split(&[Split::None, Split::Heads]);
            let kv_heads = attributes.optional("kv_heads", 1 << 20);
            axis.and(sizes).zip(split).zip(kv_heads).map(|(((width, cache), split), kv_heads)| {
                Computation::KvExchange { width, cache, split, kv_heads }
            })
        }
        "berth.repeat" => attributes
            .callee()
            .zip(attributes.positive("times", MOST_REPETITIONS))
            .zip(attributes.over(Axis::Pipeline))
            .map(|((callee, times), over)| Computation::Repeat { callee, times, over }),
        "berth.model" | "berth.diffusion" | "berth.call" => {
            attributes.problems.clear();
            attributes.problem(
                format!("`{kind}` is rewritten by the first pass; text that is continued from stands after the last"),
                "continue from what `berth lower --to ir` writes",
            );
            None
        }
        _ => {
            attributes.problems.clear();
            let known = NAMES.map(|name| name.trim_start_matches("berth.")).join(", ");
            attributes.problem(
                format!("`{kind}` is no operation of this dialect"),
                format!("the operations are {known}"),
            );
            None
        }
    };
    let Some(computation) = computation else { return Err(attributes.problems) };
    if operation.has_attribute("scales") && !computation.multiplies() {
        attributes.problem(
            "only matrices that rows are multiplied by have `scales`",
            "delete `scales`, or move it to a `berth.matmul` or `berth.grouped_matmul`",
        );
    }
    let fused = attributes.fused(&computation);
    let overlap = attributes.overlap(&computation);
    let variants = attributes.variants(&computation);
    match (fused, overlap, variants) {
        (Some(fused), Some(overlap), Some(variants)) if attributes.problems.is_empty() => {
            Ok(Said { name: name.flatten(), computation, fused, overlap, variants })
        }
        _ => Err(attributes.problems),
    }
}

/// Typed access to the attributes of one operation, collecting what is wrong.
struct Attributes<'c, 'a> {
    context: &'c Context,
    operation: OperationRef<'c, 'a>,
    problems: Vec<Problem>,
}

impl<'c> Attributes<'c, '_> {
    fn problem(&mut self, message: impl Into<String>, help: impl Into<String>) {
        self.problems.push(Problem { message: message.into(), help: help.into() });
    }

    fn get(&mut self, name: &str) -> Option<Attribute<'c>> {
        let found =
            if self.operation.has_attribute(name) { self.operation.attribute(name).ok() } else { None };
        if found.is_none() {
            self.problem(format!("the attribute `{name}` is missing"), format!("add `{}`", example(name)));
        }
        found
    }

    fn string(&mut self, name: &str) -> Option<String> {
        let attribute = self.get(name)?;
        if !attribute.is_string() {
            self.problem(
                format!("`{name}` is a string, such as \"down\"; here it is `{attribute}`"),
                format!("write `{}`", example(name)),
            );
            return None;
        }
        StringAttribute::try_from(attribute).ok().map(foreign::string)
    }

    fn name(&mut self) -> Option<String> {
        let name = self.string("name")?;
        if name.is_empty() {
            self.problem(
                "`name` is empty",
                "write what tables and messages are to call it: `name = \"down\"`",
            );
            return None;
        }
        Some(name)
    }

    fn split(&mut self, allowed: &[Split]) -> Option<Split> {
        self.choice("split", allowed, Split::name)
    }

    fn axis(&mut self, allowed: &[Axis]) -> Option<Axis> {
        self.choice("axis", allowed, Axis::name)
    }

    fn part(&mut self, allowed: &[Part]) -> Option<Part> {
        self.choice("of", allowed, Part::name)
    }

    /// One of `allowed`, by its name.
    fn choice<T: Copy>(&mut self, name: &str, allowed: &[T], named: fn(T) -> &'static str) -> Option<T> {
        let written = self.string(name)?;
        let found = allowed.iter().copied().find(|of| named(*of) == written);
        if found.is_none() {
            let names: Vec<_> = allowed.iter().map(|of| format!("\"{}\"", named(*of))).collect();
            let is = if names.len() > 1 { "is one of" } else { "is" };
            self.problem(
                format!("`{name}` {is} {}; here it is \"{written}\"", names.join(", ")),
                instead(name, &names),
            );
        }
        found
    }

    fn over(&mut self, axis: Axis) -> Option<bool> {
        if !self.operation.has_attribute("over") {
            return Some(false);
        }
        let written = self.string("over")?;
        if written != axis.name() {
            self.problem(
                format!("`over` is \"{}\" or absent; here it is \"{written}\"", axis.name()),
                format!(
                    "write `over = \"{}\"`, or delete it where that axis divides nothing here",
                    axis.name()
                ),
            );
            return None;
        }
        Some(true)
    }

    /// `fused`, which may be absent.
    fn fused(&mut self, computation: &Computation) -> Option<Option<Fused>> {
        if !self.operation.has_attribute("fused") {
            return Some(None);
        }
        let written = self.string("fused")?;
        if !computation.only_moves() {
            self.problem(
                "only what computes no product and sends nothing runs in another's kernel",
                "delete `fused`",
            );
            return None;
        }
        match written.as_str() {
            "before" => Some(Some(Fused::Before)),
            "after" => Some(Some(Fused::After)),
            _ => {
                self.problem(
                    format!("`fused` is \"before\" or \"after\"; here it is \"{written}\""),
                    "write `fused = \"before\"` to run it in the kernel that makes its first operand, `fused = \
                     \"after\"` in that of its only user",
                );
                None
            }
        }
    }

    /// `overlap`, which may be absent.
    fn overlap(&mut self, computation: &Computation) -> Option<Option<Overlap>> {
        if !self.operation.has_attribute("overlap") {
            return Some(None);
        }
        let attribute = self.get("overlap")?;
        let of = |name: &str| {
            let entry = DictionaryAttribute::try_from(attribute).ok()?.element_by_name(name)?;
            StringAttribute::try_from(entry).ok().map(foreign::string)
        };
        let (Some(behind), Some(written)) = (of("behind"), of("share")) else {
            self.problem(
                format!(
                    "`overlap` is such as {{behind = \"attention\", share = \"9/10\"}}; here it is `{attribute}`"
                ),
                "name an operation of this body, and the part of the time that it hides",
            );
            return None;
        };
        if !computation.sends() {
            self.problem(
                "only what sends runs behind something",
                "delete `overlap`, or move it to the collective that runs behind this",
            );
            return None;
        }
        let share = written.parse::<BigRational>().ok().filter(|share| {
            *share > BigRational::from_integer(0.into()) && *share <= BigRational::from_integer(1.into())
        });
        if share.is_none() {
            self.problem(
                format!("`share` is above 0 and at most 1, such as \"9/10\"; here it is \"{written}\""),
                "write the part as a fraction, or delete `overlap` where nothing is hidden",
            );
        }
        Some(Some(Overlap { behind, share: share? }))
    }

    /// `variants`, which may be absent.
    fn variants(&mut self, computation: &Computation) -> Option<Vec<Variant>> {
        if !self.operation.has_attribute("variants") {
            return Some(Vec::new());
        }
        if !computation.multiplies() {
            self.problem("only products have `variants`", "delete `variants`");
            return None;
        }
        let attribute = self.get("variants")?;
        let list = ArrayAttribute::try_from(attribute).ok().filter(|list| !list.is_empty());
        let read = |entry: Attribute<'c>| {
            let entry = DictionaryAttribute::try_from(entry).ok()?;
            let arithmetic = StringAttribute::try_from(entry.element_by_name("arithmetic")?).ok()?;
            let needs = ArrayAttribute::try_from(entry.element_by_name("needs")?).ok()?;
            let needs: Option<Vec<Precision>> = (0..needs.len())
                .map(|index| {
                    let name = StringAttribute::try_from(needs.element(index).ok()?).ok()?;
                    precision_of(&foreign::string(name))
                })
                .collect();
            Some(Variant { arithmetic: precision_of(&foreign::string(arithmetic))?, needs: needs? })
        };
        let variants: Option<Vec<Variant>> =
            list.and_then(|list| (0..list.len()).map(|index| read(list.element(index).ok()?)).collect());
        if variants.is_none() {
            self.problem(
                format!(
                    "`variants` is such as [{{arithmetic = \"fp8\", needs = [\"fp8\"]}}]; here it is `{attribute}`"
                ),
                "list at least one, each with \"bf16\" or \"fp8\", or delete `variants` for the arithmetic of the weight",
            );
        }
        variants
    }

    /// A mark that may be absent: IRDL has no optional attributes, so none is declared there.
    fn flag(&mut self, name: &str) -> Option<bool> {
        if !self.operation.has_attribute(name) {
            return Some(false);
        }
        let attribute = self.get(name)?;
        if !attribute.is_bool() {
            self.problem(
                format!("`{name}` is true or false; here it is `{attribute}`"),
                format!("write `{name} = true`, or delete it"),
            );
            return None;
        }
        BoolAttribute::try_from(attribute).ok().map(|attribute| attribute.value())
    }

    /// A figure that may be absent.
    fn optional(&mut self, name: &str, most: u64) -> Option<Option<u64>> {
        if self.operation.has_attribute(name) { self.positive(name, most).map(Some) } else { Some(None) }
    }

    /// A count of heads or experts, or a width of a head: three factors of them stay below 2^62.
    fn size(&mut self, name: &str) -> Option<u64> {
        self.positive(name, 1 << 20)
    }

    fn one_of(&mut self, name: &str, known: &[&str]) -> Option<()> {
        let written = self.string(name)?;
        if !known.contains(&written.as_str()) {
            let known: Vec<_> = known.iter().map(|known| format!("\"{known}\"")).collect();
            self.problem(
                format!("`{name}` is one of {}; here it is \"{written}\"", known.join(", ")),
                instead(name, &known),
            );
            return None;
        }
        Some(())
    }

    fn per_token_of(&mut self, per_token: u64, experts: u64) -> Option<()> {
        if per_token > experts {
            self.problem(
                format!("{per_token} experts read a token, and there are {experts}"),
                format!("make `per_token` at most {experts}, here and where else these experts stand"),
            );
            return None;
        }
        Some(())
    }

    fn cache(&mut self) -> Option<Element> {
        self.r#type("cache", "bf16").and_then(|r#type| self.element(Element::of_cache(r#type), "cache"))
    }

    fn latent(&mut self) -> Option<Latent> {
        let (width, rope, cache) = (self.size("latent"), self.size("rope"), self.cache());
        Some(Latent { width: width?, rope: rope?, cache: cache? })
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
                self.problem(
                    format!("`{name}` is an i64 from 1 to {most}; here it is `{attribute}`"),
                    format!("write a whole number, such as `{}`", example(name)),
                );
                None
            }
        }
    }

    fn callee(&mut self) -> Option<String> {
        let attribute = self.get("callee")?;
        if !attribute.is_flat_symbol_ref() {
            self.problem(
                format!("`callee` names a function, such as @layer; here it is `{attribute}`"),
                "name the body that is repeated: `callee = @layer`",
            );
            return None;
        }
        FlatSymbolRefAttribute::try_from(attribute).ok().map(foreign::symbol)
    }

    fn r#type(&mut self, name: &str, example: &str) -> Option<Type<'c>> {
        let attribute = self.get(name)?;
        if !attribute.is_type() {
            self.problem(
                format!("`{name}` is a type, such as {example}; here it is `{attribute}`"),
                format!("write `{name} = {example}`, without quotes"),
            );
            return None;
        }
        TypeAttribute::try_from(attribute).ok().map(|attribute| attribute.value())
    }

    /// The element of an attribute that holds a type.
    fn element(&mut self, read: Result<Element, String>, name: &str) -> Option<Element> {
        read.map_err(|message| {
            self.problem(
                message,
                format!("write one of these as the element of `{name}`, such as `{}`", example(name)),
            );
        })
        .ok()
    }

    fn heads(&mut self) -> Option<Heads> {
        // Three factors of 2^20, two summands and an element's bytes stay below 2^62.
        let heads = self.size("heads");
        let kv_heads = self.size("kv_heads");
        let width = self.size("head_width");
        let cache = self.cache();
        let heads = Heads { heads: heads?, kv_heads: kv_heads?, width: width?, cache: cache? };
        self.shared_equally(heads.heads, heads.kv_heads)?;
        Some(heads)
    }

    /// Heads of an encoder: as many of keys and values as of queries where it says no other count.
    fn encoder_heads(&mut self) -> Option<EncoderHeads> {
        let (heads, width) = (self.size("heads"), self.size("head_width"));
        let kv_heads = self.optional("kv_heads", 1 << 20);
        let (heads, width, kv_heads) = (heads?, width?, kv_heads?);
        let kv_heads = kv_heads.unwrap_or(heads);
        self.shared_equally(heads, kv_heads)?;
        Some(EncoderHeads { heads, kv_heads, width })
    }

    fn shared_equally(&mut self, heads: u64, kv_heads: u64) -> Option<()> {
        if !heads.is_multiple_of(kv_heads) {
            self.problem(
                format!(
                    "every key and value head serves equally many of the {heads} query heads; `kv_heads` {kv_heads} does \
                     not divide them"
                ),
                "mend one of the two: `kv_heads` divides `heads`",
            );
            return None;
        }
        Some(())
    }
}

/// An attribute as it may be written.
fn example(name: &str) -> String {
    let value = match name {
        "name" => "\"down\"",
        "split" => "\"none\"",
        "axis" => "\"tensor\"",
        "of" => "\"text\"",
        "over" => "\"context\"",
        "fused" => "\"before\"",
        "function" => "\"gelu\"",
        "weight" => "tensor<8192x1024xbf16>",
        "scales" => "tensor<64x1024xf16>",
        "cache" => "bf16",
        "callee" => "@layer",
        // Whatever else there is counts.
        _ => "8 : i64",
    };
    format!("{name} = {value}")
}

/// What to write of what there is.
fn instead(name: &str, known: &[String]) -> String {
    let written: Vec<String> = known.iter().map(|known| format!("`{name} = {known}`")).collect();
    match written.as_slice() {
        [one] => format!("write {one}"),
        _ => format!("write one of {}", written.join(", ")),
    }
}
