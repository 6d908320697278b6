//! First pass, **decompose**: a call of a model becomes its phases, a phase its operators.
//!
//! Contract: a module of `berth.model` and `berth.call` goes in. Each call becomes a prefill and a
//! decode function with a body for one layer, repeated; models and calls are gone. Every matrix is
//! whole (`split = "none"`). Operators carry the line of the model's field that they come from.
//!
//! The operators are those of a pre-normalised decoder with grouped-query attention, rotary positions
//! and a gated feed-forward (Touvron et al., Llama 2, 2023; Grattafiori et al., Llama 3, 2024), merged
//! as engines merge them: queries, keys and values are one matrix, gate and up another. At fp8 the four
//! matrices of a layer are quantised; embedding, head, norms and the KV cache stay bf16, as published
//! fp8 checkpoints have it.

use crate::Malformed;
use crate::dialect::{precision_of, weight_type};
use crate::foreign;
use crate::verifier::phase_name;
use berth_compiler::graph::Phase;
use berth_language::model::Precision;
use melior::Context;
use melior::IrRewriter;
use melior::dialect::func;
use melior::ir::attribute::{
    Attribute, BoolAttribute, DictionaryAttribute, FlatSymbolRefAttribute, IntegerAttribute, StringAttribute,
    TypeAttribute,
};
use melior::ir::operation::{OperationBuilder, OperationLike, OperationRef};
use melior::ir::r#type::{FunctionType, IntegerType, RankedTensorType};
use melior::ir::{Block, BlockLike, BlockRef, Identifier, Location, Module, Region, RegionLike, Type, Value};
use std::collections::BTreeMap;

/// Rewrites every call; models and calls are erased.
pub(crate) fn decompose(context: &Context, module: &Module) -> Result<(), Malformed> {
    let mut models = BTreeMap::new();
    let mut calls = Vec::new();
    let mut rewritten = Vec::new();
    let mut next = module.body().first_operation();
    while let Some(operation) = next {
        match foreign::identifier(operation.name()).as_str() {
            "berth.model" => {
                models.insert(string(operation, "sym_name")?, Architecture::read(operation)?);
                rewritten.push(operation);
            }
            "berth.call" => {
                calls.push(operation);
                rewritten.push(operation);
            }
            _ => {}
        }
        next = operation.next_in_block();
    }
    for call in &calls {
        let model = call
            .attribute("model")
            .ok()
            .and_then(|attribute| FlatSymbolRefAttribute::try_from(attribute).ok())
            .map(foreign::symbol)
            .and_then(|name| models.get(&name))
            .ok_or_else(|| Malformed(format!("`{call}` calls no model")))?;
        let precision = precision_of(&string(*call, "precision")?)
            .ok_or_else(|| Malformed(format!("`{call}` has no known precision")))?;
        let service = string(*call, "service")?;
        let lowering = Lowering { context, model, precision, location: call.location(), service: &service };
        for phase in [Phase::Prefill, Phase::Decode] {
            lowering.pass(module, phase)?;
            lowering.layer(module, phase)?;
        }
    }
    let rewriter = IrRewriter::new(context);
    for operation in rewritten {
        rewriter.as_rewriter_base().erase_op(operation);
    }
    Ok(())
}

fn string(operation: OperationRef, name: &str) -> Result<String, Malformed> {
    operation
        .attribute(name)
        .ok()
        .and_then(|attribute| StringAttribute::try_from(attribute).ok())
        .map(foreign::string)
        .ok_or_else(|| Malformed(format!("`{operation}` lacks `{name}`")))
}

/// A field and the line that states it.
#[derive(Clone, Copy)]
struct Field<'c> {
    value: u64,
    location: Location<'c>,
}

struct Architecture<'c> {
    layers: Field<'c>,
    hidden: Field<'c>,
    heads: Field<'c>,
    kv_heads: Field<'c>,
    head_width: Field<'c>,
    feed_forward: Field<'c>,
    vocabulary: Field<'c>,
    tied: bool,
}

impl<'c> Architecture<'c> {
    fn read(model: OperationRef<'c, '_>) -> Result<Self, Malformed> {
        let lacking = |name: &str| Malformed(format!("`{model}` lacks `{name}`"));
        let places = model
            .attribute("places")
            .ok()
            .and_then(|attribute| DictionaryAttribute::try_from(attribute).ok())
            .ok_or_else(|| lacking("places"))?;
        let field = |name: &str| {
            let value = model
                .attribute(name)
                .ok()
                .and_then(|attribute| IntegerAttribute::try_from(attribute).ok())
                .and_then(|attribute| u64::try_from(attribute.value()).ok())
                .ok_or_else(|| lacking(name))?;
            let location =
                places.element_by_name(name).map_or_else(|| model.location(), Location::from_attribute);
            Ok(Field { value, location })
        };
        let tied = model
            .attribute("tied_embeddings")
            .ok()
            .and_then(|attribute| BoolAttribute::try_from(attribute).ok())
            .ok_or_else(|| lacking("tied_embeddings"))?;
        Ok(Self {
            layers: field("layers")?,
            hidden: field("hidden")?,
            heads: field("heads")?,
            kv_heads: field("kv_heads")?,
            head_width: field("head_width")?,
            feed_forward: field("feed_forward")?,
            vocabulary: field("vocabulary")?,
            tied: tied.value(),
        })
    }
}

/// One call at work.
struct Lowering<'c, 'm> {
    context: &'c Context,
    model: &'m Architecture<'c>,
    precision: Precision,
    location: Location<'c>,
    service: &'m str,
}

impl<'c> Lowering<'c, '_> {
    fn symbol(&self, phase: Phase) -> String {
        let precision = crate::dialect::precision_name(self.precision);
        format!("{}_{precision}_{}", self.service, phase_name(phase))
    }

    /// Embedding, layers, final norm and head. In prefill only the last token of each sequence is
    /// answered, so only its row meets the head.
    fn pass(&self, module: &Module<'c>, phase: Phase) -> Result<(), Malformed> {
        let model = self.model;
        let bf16 = Type::bfloat16(self.context);
        let attributes = [
            ("berth.service", self.text(self.service)),
            ("berth.precision", self.text(crate::dialect::precision_name(self.precision))),
            ("berth.phase", self.text(phase_name(phase))),
        ];
        let words = self.activation(Type::from(IntegerType::new(self.context, 32)));
        let body = self.function(module, &self.symbol(phase), words, &attributes, self.location)?;
        let tokens = body.argument()?;
        let embedding = self.matrix(model.vocabulary.value, model.hidden.value, bf16);
        let none = ("split", self.text("none"));
        let x = body.append("berth.lookup", "embedding", model.vocabulary, &[tokens], &[embedding, none])?;
        let callee = FlatSymbolRefAttribute::new(self.context, &format!("{}_layer", self.symbol(phase)));
        let x = body.operation(
            "berth.repeat",
            model.layers.location,
            &[x],
            &[("callee", callee.into()), ("times", self.integer(model.layers.value))],
        )?;
        let x =
            body.append("berth.norm", "final_norm", model.hidden, &[x], &[self.vector(model.hidden.value)])?;
        let x = match phase {
            Phase::Prefill => body.append("berth.last_token", "last_token", model.hidden, &[x], &[])?,
            Phase::Decode => x,
        };
        let mut head = vec![self.matrix(model.hidden.value, model.vocabulary.value, bf16), none];
        if model.tied {
            head.push(("tied", BoolAttribute::new(self.context, true).into()));
        }
        let x = body.append("berth.matmul", "lm_head", model.vocabulary, &[x], &head)?;
        body.end(x);
        Ok(())
    }

    /// One layer: attention and feed-forward, each normalised before and added to the stream after.
    fn layer(&self, module: &Module<'c>, phase: Phase) -> Result<(), Malformed> {
        let model = self.model;
        let quantised = weight_type(self.context, self.precision);
        let none = ("split", self.text("none"));
        let hidden = model.hidden.value;
        // Within u64: import has checked these products.
        let query_width = model.heads.value * model.head_width.value;
        let qkv_width = (model.heads.value + 2 * model.kv_heads.value) * model.head_width.value;
        let heads = [
            ("heads", self.integer(model.heads.value)),
            ("kv_heads", self.integer(model.kv_heads.value)),
            ("head_width", self.integer(model.head_width.value)),
            ("cache", TypeAttribute::new(Type::bfloat16(self.context)).into()),
            none,
        ];
        let symbol = format!("{}_layer", self.symbol(phase));
        let numbers = self.activation(Type::bfloat16(self.context));
        let body = self.function(module, &symbol, numbers, &[], model.layers.location)?;
        let stream = body.argument()?;
        let x =
            body.append("berth.norm", "attention_norm", model.hidden, &[stream], &[self.vector(hidden)])?;
        let x = body.append(
            "berth.matmul",
            "qkv",
            model.heads,
            &[x],
            &[self.matrix(hidden, qkv_width, quantised), none],
        )?;
        let x = body.append("berth.cache_write", "rotary_kv_write", model.kv_heads, &[x], &heads)?;
        let x = body.append("berth.attention", "attention", model.heads, &[x], &heads)?;
        let x = body.append(
            "berth.matmul",
            "output",
            model.heads,
            &[x],
            &[self.matrix(query_width, hidden, quantised), none],
        )?;
        let stream = body.append("berth.residual", "attention_residual", model.hidden, &[stream, x], &[])?;
        let x = body.append("berth.norm", "mlp_norm", model.hidden, &[stream], &[self.vector(hidden)])?;
        let inner = model.feed_forward.value;
        let x = body.append(
            "berth.matmul",
            "gate_up",
            model.feed_forward,
            &[x],
            &[self.matrix(hidden, 2 * inner, quantised), none],
        )?;
        let x = body.append("berth.silu_multiply", "silu_multiply", model.feed_forward, &[x], &[])?;
        let x = body.append(
            "berth.matmul",
            "down",
            model.feed_forward,
            &[x],
            &[self.matrix(inner, hidden, quantised), none],
        )?;
        let stream = body.append("berth.residual", "mlp_residual", model.hidden, &[stream, x], &[])?;
        body.end(stream);
        Ok(())
    }

    fn text(&self, value: &str) -> Attribute<'c> {
        StringAttribute::new(self.context, value).into()
    }

    fn integer(&self, value: u64) -> Attribute<'c> {
        // Import lets nothing above 2^40 through.
        IntegerAttribute::new(
            IntegerType::new(self.context, 64).into(),
            i64::try_from(value).unwrap_or(i64::MAX),
        )
        .into()
    }

    fn matrix(&self, rows: u64, columns: u64, element: Type<'c>) -> (&'static str, Attribute<'c>) {
        let tensor = RankedTensorType::new(&[rows, columns], element, None);
        ("weight", TypeAttribute::new(tensor.into()).into())
    }

    fn vector(&self, width: u64) -> (&'static str, Attribute<'c>) {
        let tensor = RankedTensorType::new(&[width], Type::bfloat16(self.context), None);
        ("weight", TypeAttribute::new(tensor.into()).into())
    }

    fn activation(&self, element: Type<'c>) -> Type<'c> {
        // MLIR's mark of a dimension that is not known.
        let dynamic = i64::MIN.cast_unsigned();
        RankedTensorType::new(&[dynamic, dynamic], element, None).into()
    }

    /// A function from `argument` to a bf16 activation, its body still empty.
    fn function<'a>(
        &self,
        module: &'a Module<'c>,
        symbol: &str,
        argument: Type<'c>,
        attributes: &[(&str, Attribute<'c>)],
        location: Location<'c>,
    ) -> Result<Body<'c, 'a>, Malformed> {
        let result = self.activation(Type::bfloat16(self.context));
        let region = Region::new();
        region.append_block(Block::new(&[(argument, location)]));
        let function: OperationRef<'c, 'a> = module.body().append_operation(func::func(
            self.context,
            StringAttribute::new(self.context, symbol),
            TypeAttribute::new(FunctionType::new(self.context, &[argument], &[result]).into()),
            region,
            &named(self.context, attributes),
            location,
        ));
        let block = function
            .region(0)
            .ok()
            .and_then(|region| region.first_block())
            .ok_or_else(|| Malformed(format!("`@{symbol}` has no block")))?;
        Ok(Body { context: self.context, block, result, location })
    }
}

/// The body of a function under construction.
struct Body<'c, 'a> {
    context: &'c Context,
    block: BlockRef<'c, 'a>,
    result: Type<'c>,
    location: Location<'c>,
}

impl<'c, 'a> Body<'c, 'a> {
    fn argument(&self) -> Result<Value<'c, 'a>, Malformed> {
        Ok(self.block.argument(0).map_err(|error| Malformed(error.to_string()))?.into())
    }

    /// An operation with a name, at the line of a field.
    fn append(
        &self,
        kind: &str,
        name: &str,
        field: Field<'c>,
        operands: &[Value<'c, 'a>],
        attributes: &[(&str, Attribute<'c>)],
    ) -> Result<Value<'c, 'a>, Malformed> {
        let mut with_name = vec![("name", StringAttribute::new(self.context, name).into())];
        with_name.extend_from_slice(attributes);
        self.operation(kind, field.location, operands, &with_name)
    }

    fn operation(
        &self,
        kind: &str,
        location: Location<'c>,
        operands: &[Value<'c, 'a>],
        attributes: &[(&str, Attribute<'c>)],
    ) -> Result<Value<'c, 'a>, Malformed> {
        let malformed = |error: melior::Error| Malformed(error.to_string());
        let operation = OperationBuilder::new(kind, location)
            .add_operands(operands)
            .add_results(&[self.result])
            .add_attributes(&named(self.context, attributes))
            .build()
            .map_err(malformed)?;
        let operation: OperationRef<'c, 'a> = self.block.append_operation(operation);
        Ok(operation.result(0).map_err(malformed)?.into())
    }

    fn end(&self, result: Value<'c, 'a>) {
        self.block.append_operation(func::r#return(&[result], self.location));
    }
}

fn named<'c>(
    context: &'c Context,
    attributes: &[(&str, Attribute<'c>)],
) -> Vec<(Identifier<'c>, Attribute<'c>)> {
    attributes.iter().map(|(name, value)| (Identifier::new(context, name), *value)).collect()
}
