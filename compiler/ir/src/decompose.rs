//! **decompose**: a call of a model becomes its phases, a phase its operators.
//!
//! Contract: a module of `berth.model` and `berth.call` goes in. Each call becomes a prefill and a
//! decode function with a body for one layer, repeated; models and calls are gone. Every matrix is
//! whole (`split = "none"`). Operators carry the line of the model's field that they come from.
//!
//! The operators are those of a pre-normalised decoder with rotary positions and a gated feed-forward
//! (Touvron et al., Llama 2, 2023; Grattafiori et al., Llama 3, 2024), with grouped-query or latent attention
//! and dense or of experts (DeepSeek-V3, 2024); or of an encoder (Devlin et al., BERT, 2018; Conneau et al.,
//! XLM-R, 2019). They are merged as engines merge them: queries, keys and values are one matrix, gate and up
//! another. At fp8 the matrices of a layer are quantised; embedding, router, head and norms stay bf16, as published
//! fp8 checkpoints have it. A call's `weights` narrow the same matrices further, or those of experts alone (mxfp4).
//! Modules that guess further tokens stand after the answer of the passes of a service that runs them.
//! A model that sees has a pass over images beside the others, and a diffusion transformer one pass of a step alone.

mod architecture;
mod builder;
mod diffusion;
mod layers;
mod prediction;
mod quantisation;
mod vision;

use crate::dialect::precision_of;
use crate::{Malformed, bodies, foreign};
use architecture::{Architecture, Attention};
use berth_compiler::graph::Phase;
use berth_language::model::Precision;
use builder::Body;
use diffusion::Diffusion;
use melior::Context;
use melior::IrRewriter;
use melior::ir::attribute::{FlatSymbolRefAttribute, StringAttribute};
use melior::ir::operation::{OperationLike, OperationRef};
use melior::ir::r#type::IntegerType;
use melior::ir::{BlockLike, Location, Module, Type, Value};
use quantisation::Quantisation;
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
                let network = Network::Tokens(Box::new(Architecture::read(operation)?));
                models.insert(string(operation, "sym_name")?, network);
                rewritten.push(operation);
            }
            "berth.diffusion" => {
                let network = Network::Diffusion(Diffusion::read(operation)?);
                models.insert(string(operation, "sym_name")?, network);
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
        match model {
            Network::Tokens(model) => Lowering::of(context, *call, model.as_ref())?.phases(module)?,
            Network::Diffusion(model) => Lowering::of(context, *call, model)?.denoise(module)?,
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

/// What a call is of.
enum Network<'c> {
    Tokens(Box<Architecture<'c>>),
    Diffusion(Diffusion<'c>),
}

/// One call at work, of a model that reads tokens or of another.
struct Lowering<'c, 'm, M = Architecture<'c>> {
    context: &'c Context,
    model: &'m M,
    precision: Precision,
    location: Location<'c>,
    service: String,
    engine: Option<String>,
    /// The devices it is for, where they are not those that run one kernel after another.
    target: Option<String>,
    /// Optimizer and what is recomputed, where it is a step of training.
    training: Option<(String, String)>,
    /// The modules that guess further tokens run.
    predicts: bool,
    quantisation: Quantisation,
}

impl<'c, 'm, M> Lowering<'c, 'm, M> {
    fn of(context: &'c Context, call: OperationRef<'c, '_>, model: &'m M) -> Result<Self, Malformed> {
        let precision = precision_of(&string(call, "precision")?)
            .ok_or_else(|| Malformed(format!("`{call}` has no known precision")))?;
        Ok(Lowering {
            context,
            model,
            precision,
            location: call.location(),
            service: string(call, "service")?,
            engine: bodies::text(call, "engine"),
            target: bodies::text(call, "target"),
            training: bodies::text(call, "optimizer").zip(bodies::text(call, "recompute")),
            predicts: call.has_attribute("predicts"),
            quantisation: Quantisation::read(call, precision)?,
        })
    }

    fn symbol(&self, phase: Phase) -> String {
        let precision = crate::dialect::precision_name(self.precision);
        let target = self.target.as_ref().map_or_else(String::new, |target| format!("_{target}"));
        format!("{}_{precision}{target}_{}", self.service, phase.name())
    }

    /// What makes a function the pass of a phase.
    fn pass_attributes(&self, phase: Phase) -> Vec<builder::Named<'c>> {
        let mut attributes = vec![
            ("berth.service", self.text(&self.service)),
            ("berth.precision", self.text(crate::dialect::precision_name(self.precision))),
            ("berth.phase", self.text(phase.name())),
        ];
        attributes.extend(self.engine.as_ref().map(|engine| ("berth.engine", self.text(engine))));
        attributes.extend(self.target.as_ref().map(|target| ("berth.target", self.text(target))));
        if let Some((optimizer, recompute)) = &self.training {
            attributes.push(("berth.optimizer", self.text(optimizer)));
            attributes.push(("berth.recompute", self.text(recompute)));
        }
        attributes
    }
}

impl<'c> Lowering<'c, '_> {
    /// Its phases, each with the bodies of its layers.
    fn phases(&self, module: &Module<'c>) -> Result<(), Malformed> {
        let model = self.model;
        let phases: &[Phase] = match &model.attention {
            _ if self.training.is_some() => &[Phase::Step],
            Attention::Bidirectional { .. } => &[Phase::Encode],
            Attention::Grouped { .. } | Attention::Latent { .. } => &[Phase::Prefill, Phase::Decode],
        };
        for phase in phases {
            self.pass(module, *phase)?;
            for (sort, _) in model.sorts() {
                self.layer(module, *phase, &sort)?;
            }
        }
        if let Some(vision) = model.vision.as_ref().filter(|_| self.training.is_none()) {
            self.vision(module, vision)?;
        }
        Ok(())
    }

    /// Embedding, layers and what makes an answer of them.
    fn pass(&self, module: &Module<'c>, phase: Phase) -> Result<(), Malformed> {
        let model = self.model;
        let mut attributes = self.pass_attributes(phase);
        let modules = model.prediction_modules.filter(|_| self.predicts);
        if let (Some(modules), Phase::Decode) = (modules, phase) {
            attributes.push(("berth.drafts", self.integer(modules.value)));
        }
        let words = self.activation(Type::from(IntegerType::new(self.context, 32)));
        let body = self.function(module, &self.symbol(phase), words, &attributes, self.location)?;
        let mut x = self.embedding(&body)?;
        for (sort, times) in model.sorts() {
            let symbol = format!("{}_{}", self.symbol(phase), sort.suffix);
            let callee = FlatSymbolRefAttribute::new(self.context, &symbol);
            x = body.operation(
                "berth.repeat",
                model.layers.location,
                &[x],
                &[("callee", callee.into()), ("times", self.integer(times))],
            )?;
        }
        let x = match &model.attention {
            Attention::Bidirectional { pooler, labels, .. } => {
                let x = body.append("berth.first_token", "first_token", model.hidden, &[x], &[])?;
                self.encoder_answer(&body, x, *pooler, *labels)?
            }
            Attention::Grouped { .. } | Attention::Latent { .. } => {
                let answer = self.decoder_answer(&body, x, phase)?;
                match modules {
                    Some(modules) => self.predictions(&body, x, answer, phase, modules)?,
                    None => answer,
                }
            }
        };
        body.end(x);
        Ok(())
    }

    /// Rows of the table of tokens; of an encoder's other tables too, summed and normalised.
    fn embedding<'a>(&self, body: &Body<'c, 'a>) -> Result<Value<'c, 'a>, Malformed> {
        let model = self.model;
        let tokens = body.argument()?;
        let lookup = |name: &str, rows: architecture::Field<'c>| {
            let table = [self.matrix(rows.value, model.hidden.value, self.bf16()), self.undivided()];
            body.append("berth.lookup", name, rows, &[tokens], &table)
        };
        let mut x = lookup("embedding", model.vocabulary)?;
        let Attention::Bidirectional { positions, token_types, .. } = &model.attention else { return Ok(x) };
        for (name, table) in [("positions", positions), ("token_types", token_types)] {
            if let Some(rows) = table {
                let more = lookup(name, *rows)?;
                x = body.append("berth.residual", &format!("{name}_sum"), model.hidden, &[x, more], &[])?;
            }
        }
        self.norm(body, "embedding_norm", x)
    }

    /// Final norm and head. In prefill only the last token of each sequence is answered, so only its row
    /// meets the head.
    fn decoder_answer<'a>(
        &self,
        body: &Body<'c, 'a>,
        x: Value<'c, 'a>,
        phase: Phase,
    ) -> Result<Value<'c, 'a>, Malformed> {
        let model = self.model;
        let x = self.norm(body, "final_norm", x)?;
        let x = match phase {
            Phase::Prefill => body.append("berth.last_token", "last_token", model.hidden, &[x], &[])?,
            Phase::Decode | Phase::Encode | Phase::Step | Phase::Vision | Phase::Denoise => x,
        };
        let matrix = self.matrix(model.hidden.value, model.vocabulary.value, self.bf16());
        let mut head = vec![matrix, self.undivided()];
        head.extend(self.mark("tied", model.tied));
        let x = body.append("berth.matmul", "lm_head", model.vocabulary, &[x], &head)?;
        match phase {
            Phase::Step => body.append("berth.loss", "loss", model.vocabulary, &[x], &[]),
            Phase::Prefill | Phase::Decode | Phase::Encode | Phase::Vision | Phase::Denoise => Ok(x),
        }
    }

    /// What an encoder makes of its first token: a pooled vector, scores, or the row as it is.
    fn encoder_answer<'a>(
        &self,
        body: &Body<'c, 'a>,
        x: Value<'c, 'a>,
        pooler: bool,
        labels: Option<architecture::Field<'c>>,
    ) -> Result<Value<'c, 'a>, Malformed> {
        let hidden = self.model.hidden;
        let matrix = |name: &str, field: architecture::Field<'c>, columns: u64, x| {
            let mut attributes = vec![self.matrix(hidden.value, columns, self.bf16()), self.undivided()];
            attributes.extend(self.mark("bias", true));
            body.append("berth.matmul", name, field, &[x], &attributes)
        };
        if !pooler && labels.is_none() {
            return Ok(x);
        }
        let x = matrix("pooler", hidden, hidden.value, x)?;
        let x = body.append("berth.activate", "tanh", hidden, &[x], &[("function", self.text("tanh"))])?;
        match labels {
            Some(labels) => matrix("scores", labels, labels.value, x),
            None => Ok(x),
        }
    }
}
