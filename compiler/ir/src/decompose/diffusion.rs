//! One pass of a step that takes noise out of latent images.
//!
//! Each patch of a latent image is multiplied into a token, and what the network is told of all of it, the time of the step,
//! a class or a vector for all of the text, into one row, its condition. In a layer every norm is without weights, and what it
//! gives is scaled and shifted, and what a part of the layer gives scaled before it is added to the stream, by vectors that
//! a matrix of the layer makes of the condition (Peebles, Xie, DiT, 2022, adaLN-Zero). With text a layer has matrices for the image's tokens
//! and others for the text's, and attention over both together; of the last of them only the image's answer is used
//! (Esser et al., MM-DiT, 2024, figure 2). Single layers have the same matrices for both, and a feed-forward beside attention
//! (FLUX.1, 2024): its last matrix and attention's are one there, of the two side by side, and two here whose results are added, which multiplies
//! and holds the same.
//!
//! Condition, text and image go through the layers as rows that stand beside one another. What is told and the text's tokens come from
//! elsewhere, the encoders of the text among it: nothing of that is counted, nor rotations of queries and keys. What is multiplied
//! once for each image, and what makes tokens and the answer of them, is on every device whole and keeps 16 bits.
//!
//! How many steps there are, and whether each is two passes to be guided by what the text makes of it, the request says
//! (Ho, Salimans, 2022): the costs of one pass are multiplied.

use super::Lowering;
use super::architecture::Field;
use super::builder::{Body, Named};
use super::string;
use crate::Malformed;
use crate::dialect::Part;
use berth_compiler::graph::Phase;
use melior::ir::attribute::{BoolAttribute, FlatSymbolRefAttribute, IntegerAttribute};
use melior::ir::operation::{OperationLike, OperationRef};
use melior::ir::{Location, Module, Value};

/// Width of the sines that a number is told as (DiT, 2022; every successor).
const SINES: u64 = 256;

/// Where the vectors of a layer's parts start, each a shift, a scale and a gate.
const ATTENTION: u64 = 1;
const FEED_FORWARD: u64 = 4;
const DUAL: u64 = 7;

/// What `berth.diffusion` says; on one line.
pub(super) struct Diffusion<'c> {
    location: Location<'c>,
    layers: u64,
    single_layers: u64,
    dual_layers: u64,
    hidden: u64,
    heads: u64,
    feed_forward: u64,
    head_norm: bool,
    channels: u64,
    out_channels: u64,
    pixels: u64,
    patch: u64,
    positions: Option<u64>,
    text: Option<u64>,
    pooled: Option<u64>,
    classes: Option<u64>,
    scalars: u64,
}

impl<'c> Diffusion<'c> {
    pub(super) fn read(model: OperationRef<'c, '_>) -> Result<Self, Malformed> {
        string(model, "sym_name")?;
        let optional = |name: &str| {
            let attribute = model.has_attribute(name).then(|| model.attribute(name).ok()).flatten()?;
            u64::try_from(IntegerAttribute::try_from(attribute).ok()?.value()).ok()
        };
        let field = |name: &str| optional(name).ok_or_else(|| Malformed(format!("`{model}` lacks `{name}`")));
        let head_norm = model.has_attribute("head_norm").then(|| model.attribute("head_norm").ok()).flatten();
        Ok(Self {
            location: model.location(),
            layers: field("layers")?,
            single_layers: optional("single_layers").unwrap_or(0),
            dual_layers: optional("dual_layers").unwrap_or(0),
            hidden: field("hidden")?,
            heads: field("heads")?,
            feed_forward: field("feed_forward")?,
            head_norm: head_norm
                .and_then(|mark| BoolAttribute::try_from(mark).ok())
                .is_some_and(|mark| mark.value()),
            channels: field("channels")?,
            out_channels: field("out_channels")?,
            pixels: field("pixels")?,
            patch: field("patch")?,
            positions: optional("positions"),
            text: optional("text"),
            pooled: optional("pooled"),
            classes: optional("classes"),
            scalars: field("scalars")?,
        })
    }

    /// Its layers in order, those that are alike together.
    fn sorts(&self) -> Vec<(Sort, u64)> {
        let Some(_) = self.text else { return vec![(Sort::IMAGE, self.layers)] };
        let ends = self.single_layers == 0;
        let mut sorts: Vec<(Sort, u64)> = Vec::new();
        let last = self.layers - u64::from(ends);
        let dual = self.dual_layers.min(last);
        let joint = Sort { text: true, ..Sort::IMAGE };
        sorts.push((Sort { dual: true, name: "joint_dual", ..joint }, dual));
        sorts.push((Sort { name: "joint", ..joint }, last - dual));
        if ends {
            let dual = self.dual_layers == self.layers;
            sorts.push((Sort { dual, ends: true, name: "joint_last", ..joint }, 1));
        }
        sorts.push((Sort { name: "single", single: true, ..joint }, self.single_layers));
        sorts.retain(|(_, times)| *times > 0);
        sorts
    }
}

/// A sort of layer.
#[derive(Clone, Copy)]
struct Sort {
    name: &'static str,
    /// The image's tokens see those of a text too.
    text: bool,
    /// They also see one another alone.
    dual: bool,
    /// The text's tokens are only seen.
    ends: bool,
    /// Both go through the same matrices.
    single: bool,
}

impl Sort {
    const IMAGE: Sort = Sort { name: "layer", text: false, dual: false, ends: false, single: false };
}

/// One stream of a layer, under way.
#[derive(Clone, Copy)]
struct Stream<'c, 'a> {
    /// What names of its operators start with.
    prefix: &'static str,
    rows: Value<'c, 'a>,
    /// The vectors that the condition makes for it: shift, scale and gate of attention, then of the feed-forward, then
    /// of dual attention.
    vectors: Value<'c, 'a>,
    /// The first of those of its attention, from 1.
    first: u64,
}

impl<'c> Lowering<'c, '_, Diffusion<'c>> {
    /// The pass and the bodies of its layers.
    pub(super) fn denoise(&self, module: &Module<'c>) -> Result<(), Malformed> {
        let model = self.model;
        let mut attributes = self.pass_attributes(Phase::Denoise);
        attributes.push(("berth.patch", self.integer(model.pixels * model.patch)));
        let numbers = self.activation(self.bf16());
        let symbol = self.symbol(Phase::Denoise);
        let body = self.function(module, &symbol, numbers, &attributes, model.location)?;
        let at = Builder { lowering: self, body: &body };
        let latent = body.argument()?;
        let places = model.patch * model.patch;
        let mut image = at.whole("patch_embedding", latent, [places * model.channels, model.hidden])?;
        if let Some(rows) = model.positions {
            let table = [self.matrix(rows, model.hidden, self.bf16())];
            image = at.append("berth.positions", "positions", &[image], &table)?;
        }
        let mut stream = at.condition(latent)?;
        if let Some(width) = model.text {
            let text = at.given("text", latent, Part::Text, width)?;
            let text = at.whole("text_embedding", text, [width, model.hidden])?;
            stream = at.join("condition_text", stream, text, false)?;
        }
        stream = at.join("stream", stream, image, false)?;
        for (sort, times) in model.sorts() {
            let callee = format!("{symbol}_{}", sort.name);
            self.denoising_layer(module, &callee, sort)?;
            let said = [
                ("callee", FlatSymbolRefAttribute::new(self.context, &callee).into()),
                ("times", self.integer(times)),
            ];
            stream = body.operation("berth.repeat", model.location, &[stream], &said)?;
        }
        let condition = at.take("final_condition", stream, Part::Condition)?;
        let vectors = at.vectors("final", condition, 2)?;
        let image = at.take("final_image", stream, Part::Image)?;
        let image = at.modulated("final_norm", image, vectors, ATTENTION)?;
        let answer = at.whole("final", image, [model.hidden, places * model.out_channels])?;
        body.end(answer);
        Ok(())
    }

    /// The body of a layer.
    fn denoising_layer(&self, module: &Module<'c>, symbol: &str, sort: Sort) -> Result<(), Malformed> {
        let model = self.model;
        let numbers = self.activation(self.bf16());
        let body = self.function(module, symbol, numbers, &[], model.location)?;
        let at = Builder { lowering: self, body: &body };
        let stream = body.argument()?;
        let condition = at.take("condition", stream, Part::Condition)?;
        let rows = if sort.single {
            let tokens = at.take("tokens", stream, Part::Tokens)?;
            let vectors = at.vectors("modulation", condition, 3)?;
            at.single(Stream { prefix: "", rows: tokens, vectors, first: ATTENTION })?
        } else {
            let rows = at.take("image", stream, Part::Image)?;
            let vectors = at.vectors("modulation", condition, if sort.dual { 9 } else { 6 })?;
            let image = Stream { prefix: "", rows, vectors, first: ATTENTION };
            match sort.text {
                false => {
                    let attended = at.attended(&image)?;
                    at.after_attention(image, attended, None)?
                }
                true => {
                    let rows = at.take("text", stream, Part::Text)?;
                    let vectors = at.vectors("text_modulation", condition, if sort.ends { 2 } else { 6 })?;
                    at.joint(image, Stream { prefix: "text_", rows, vectors, first: ATTENTION }, sort)?
                }
            }
        };
        let stream = at.join("stream", condition, rows, false)?;
        body.end(stream);
        Ok(())
    }
}

/// A body of a diffusion transformer under construction.
struct Builder<'l, 'm, 'c, 'a> {
    lowering: &'l Lowering<'c, 'm, Diffusion<'c>>,
    body: &'l Body<'c, 'a>,
}

impl<'c, 'a> Builder<'_, '_, 'c, 'a> {
    /// What the network is told, as one row for each image.
    fn condition(&self, beside: Value<'c, 'a>) -> Result<Value<'c, 'a>, Malformed> {
        let model = self.lowering.model;
        let mut sum: Option<Value<'c, 'a>> = None;
        let numbers = (1..=model.scalars).map(|number| (format!("scalar_{number}"), SINES));
        for (name, width) in numbers.chain(model.pooled.map(|width| ("pooled_text".to_owned(), width))) {
            let told = self.given(&name, beside, Part::Condition, width)?;
            let x = self.whole(&format!("{name}_in"), told, [width, model.hidden])?;
            let x = self.activated(&format!("{name}_silu"), "silu", x)?;
            let x = self.whole(&format!("{name}_out"), x, [model.hidden, model.hidden])?;
            sum = Some(match sum {
                None => x,
                Some(sum) => self.append("berth.residual", &format!("{name}_sum"), &[sum, x], &[])?,
            });
        }
        // It is told one number at least.
        let mut sum = sum.ok_or_else(|| Malformed("nothing tells the time".to_owned()))?;
        if let Some(rows) = model.classes {
            let table = [self.lowering.matrix(rows, model.hidden, self.lowering.bf16())];
            sum = self.append("berth.positions", "classes", &[sum], &table)?;
        }
        Ok(sum)
    }

    /// So many vectors of the stream's width made of the condition.
    fn vectors(&self, name: &str, condition: Value<'c, 'a>, count: u64) -> Result<Value<'c, 'a>, Malformed> {
        let hidden = self.lowering.model.hidden;
        let x = self.activated("condition_silu", "silu", condition)?;
        let name = if name == "final" { "final_modulation" } else { name };
        self.whole(name, x, [hidden, count * hidden])
    }

    /// Layers with matrices for the image's tokens and for the text's.
    fn joint(
        &self,
        image: Stream<'c, 'a>,
        text: Stream<'c, 'a>,
        sort: Sort,
    ) -> Result<Value<'c, 'a>, Malformed> {
        let (of_text, of_image) = (self.queries_keys_values(&text)?, self.queries_keys_values(&image)?);
        let joined = self.join("joint_qkv", of_text, of_image, true)?;
        let attended = self.attention("attention", joined)?;
        let own = self.take("image_attended", attended, Part::Image)?;
        let dual = match sort.dual {
            false => None,
            true => {
                let alone = Stream { prefix: "dual_", first: DUAL, ..image };
                let attended = self.attended(&alone)?;
                Some(self.weighed("dual_output", "dual_gate", &alone, attended)?)
            }
        };
        let answer = self.after_attention(image, own, dual)?;
        if sort.ends {
            return Ok(answer);
        }
        let own = self.take("text_attended", attended, Part::Text)?;
        let text = self.after_attention(text, own, None)?;
        self.join("text_image", text, answer, false)
    }

    /// A feed-forward beside attention, added together.
    fn single(&self, stream: Stream<'c, 'a>) -> Result<Value<'c, 'a>, Malformed> {
        let model = self.lowering.model;
        let x = self.modulated("norm", stream.rows, stream.vectors, stream.first)?;
        let qkv = self.projected(stream.prefix, x)?;
        let attended = self.attention("attention", qkv)?;
        let attended = self.product("output", attended, [model.hidden, model.hidden], true)?;
        let inner = self.product("up", x, [model.hidden, model.feed_forward], true)?;
        let inner = self.activated("gelu", "gelu", inner)?;
        let inner = self.product("down", inner, [model.feed_forward, model.hidden], false)?;
        let sum = self.append("berth.residual", "parts_sum", &[attended, inner], &[])?;
        let sum = self.gate("gate", sum, stream.vectors, stream.first)?;
        self.append("berth.residual", "residual", &[stream.rows, sum], &[])
    }

    /// What attention over a stream alone gives.
    fn attended(&self, stream: &Stream<'c, 'a>) -> Result<Value<'c, 'a>, Malformed> {
        let qkv = self.queries_keys_values(stream)?;
        self.attention(&format!("{}attention", stream.prefix), qkv)
    }

    /// Queries, keys and values of a stream, normalised before.
    fn queries_keys_values(&self, stream: &Stream<'c, 'a>) -> Result<Value<'c, 'a>, Malformed> {
        let name = format!("{}attention_norm", stream.prefix);
        let x = self.modulated(&name, stream.rows, stream.vectors, stream.first)?;
        self.projected(stream.prefix, x)
    }

    fn projected(&self, prefix: &str, x: Value<'c, 'a>) -> Result<Value<'c, 'a>, Malformed> {
        let hidden = self.lowering.model.hidden;
        let qkv = self.product(&format!("{prefix}qkv"), x, [hidden, 3 * hidden], true)?;
        if !self.lowering.model.head_norm {
            return Ok(qkv);
        }
        self.append("berth.head_norm", &format!("{prefix}head_norm"), &[qkv], &self.heads())
    }

    /// The rest of a layer after attention: what it gives into the stream, and a feed-forward.
    fn after_attention(
        &self,
        stream: Stream<'c, 'a>,
        attended: Value<'c, 'a>,
        dual: Option<Value<'c, 'a>>,
    ) -> Result<Value<'c, 'a>, Malformed> {
        let prefix = stream.prefix;
        let named = |name: &str| format!("{prefix}{name}");
        let x = self.weighed(&named("output"), &named("attention_gate"), &stream, attended)?;
        let mut rows = self.append("berth.residual", &named("attention_residual"), &[stream.rows, x], &[])?;
        if let Some(dual) = dual {
            rows = self.append("berth.residual", "dual_residual", &[rows, dual], &[])?;
        }
        let Lowering { model, .. } = self.lowering;
        let x = self.modulated(&named("mlp_norm"), rows, stream.vectors, FEED_FORWARD)?;
        let x = self.product(&named("up"), x, [model.hidden, model.feed_forward], true)?;
        let x = self.activated(&named("gelu"), "gelu", x)?;
        let x = self.product(&named("down"), x, [model.feed_forward, model.hidden], true)?;
        let x = self.gate(&named("mlp_gate"), x, stream.vectors, FEED_FORWARD)?;
        self.append("berth.residual", &named("mlp_residual"), &[rows, x], &[])
    }

    /// Attention's answer through its matrix, scaled by the condition.
    fn weighed(
        &self,
        output: &str,
        gate: &str,
        stream: &Stream<'c, 'a>,
        attended: Value<'c, 'a>,
    ) -> Result<Value<'c, 'a>, Malformed> {
        let hidden = self.lowering.model.hidden;
        let x = self.product(output, attended, [hidden, hidden], true)?;
        self.gate(gate, x, stream.vectors, stream.first)
    }

    /// A matrix of a layer, as the precision has it.
    fn product(
        &self,
        name: &str,
        x: Value<'c, 'a>,
        [rows, columns]: [u64; 2],
        bias: bool,
    ) -> Result<Value<'c, 'a>, Malformed> {
        let mut attributes = self.lowering.quantised(None, rows, columns)?;
        attributes.push(self.lowering.undivided());
        attributes.extend(self.lowering.mark("bias", bias));
        self.append("berth.matmul", name, &[x], &attributes)
    }

    /// A matrix of 16 bits that every device has.
    fn whole(
        &self,
        name: &str,
        x: Value<'c, 'a>,
        [rows, columns]: [u64; 2],
    ) -> Result<Value<'c, 'a>, Malformed> {
        let mut attributes =
            vec![self.lowering.matrix(rows, columns, self.lowering.bf16()), self.lowering.undivided()];
        attributes.extend(self.lowering.mark("bias", true));
        attributes.extend(self.lowering.mark("replicated", true));
        self.append("berth.matmul", name, &[x], &attributes)
    }

    fn attention(&self, name: &str, qkv: Value<'c, 'a>) -> Result<Value<'c, 'a>, Malformed> {
        self.append("berth.encoder_attention", name, &[qkv], &self.heads())
    }

    fn heads(&self) -> [Named<'c>; 3] {
        let Diffusion { heads, hidden, .. } = self.lowering.model;
        [
            ("heads", self.lowering.integer(*heads)),
            ("head_width", self.lowering.integer(hidden / (*heads).max(1))),
            self.lowering.undivided(),
        ]
    }

    /// Normalised, shifted by a vector and scaled by the one after it.
    fn modulated(
        &self,
        name: &str,
        x: Value<'c, 'a>,
        vectors: Value<'c, 'a>,
        first: u64,
    ) -> Result<Value<'c, 'a>, Malformed> {
        let mut said = vec![("vector", self.lowering.integer(first))];
        said.extend(self.lowering.mark("norm", true));
        self.append("berth.modulate", name, &[x, vectors], &said)
    }

    /// Scaled by the vector after a shift and a scale.
    fn gate(
        &self,
        name: &str,
        x: Value<'c, 'a>,
        vectors: Value<'c, 'a>,
        first: u64,
    ) -> Result<Value<'c, 'a>, Malformed> {
        let said = [("vector", self.lowering.integer(first + 2))];
        self.append("berth.modulate", name, &[x, vectors], &said)
    }

    fn activated(&self, name: &str, function: &str, x: Value<'c, 'a>) -> Result<Value<'c, 'a>, Malformed> {
        self.append("berth.activate", name, &[x], &[("function", self.lowering.text(function))])
    }

    fn given(
        &self,
        name: &str,
        beside: Value<'c, 'a>,
        of: Part,
        width: u64,
    ) -> Result<Value<'c, 'a>, Malformed> {
        let said = [("of", self.lowering.text(of.name())), ("width", self.lowering.integer(width))];
        self.append("berth.given", name, &[beside], &said)
    }

    fn take(&self, name: &str, x: Value<'c, 'a>, of: Part) -> Result<Value<'c, 'a>, Malformed> {
        self.append("berth.take", name, &[x], &[("of", self.lowering.text(of.name()))])
    }

    fn join(
        &self,
        name: &str,
        first: Value<'c, 'a>,
        second: Value<'c, 'a>,
        copied: bool,
    ) -> Result<Value<'c, 'a>, Malformed> {
        let copied: Vec<_> = self.lowering.mark("copied", copied).into_iter().collect();
        self.append("berth.join", name, &[first, second], &copied)
    }

    fn append(
        &self,
        kind: &str,
        name: &str,
        operands: &[Value<'c, 'a>],
        attributes: &[Named<'c>],
    ) -> Result<Value<'c, 'a>, Malformed> {
        let Diffusion { hidden, location, .. } = self.lowering.model;
        let field = Field { value: *hidden, location: *location };
        self.body.append(kind, name, field, operands, attributes)
    }
}
