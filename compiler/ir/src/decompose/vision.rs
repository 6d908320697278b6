//! The pass over images: patches in, tokens of the prompt out.
//!
//! Each patch is multiplied into a row (Dosovitskiy et al., ViT, 2020), which goes through layers that are normalised
//! before each part, in which the patches of an image, or of a window of it, see one another. Then `merge * merge`
//! neighbours become one row, and a projector of two matrices makes a token of the language part of it (Liu et al.,
//! LLaVA, 2023; Bai et al., Qwen2.5-VL, 2025). With `deepstack` some layers hand their values on through projectors of
//! their own, normalised after the merge, which the first layers of the language part add to the image's tokens (Meng
//! et al., 2024): the sums stand here, where all of them are counted. After which layers that is, no figure depends on.
//!
//! Its matrices keep 16 bits: checkpoints of fewer leave them alone. Rotations of queries and keys are not counted.

use super::Lowering;
use super::architecture::{Field, Vision};
use super::builder::{Body, Named};
use crate::Malformed;
use berth_compiler::graph::Phase;
use melior::ir::attribute::FlatSymbolRefAttribute;
use melior::ir::{Module, Value};

/// Red, green and blue.
const CHANNELS: u64 = 3;

impl<'c> Lowering<'c, '_> {
    /// The pass and the bodies of its layers.
    pub(super) fn vision(&self, module: &Module<'c>, vision: &Vision<'c>) -> Result<(), Malformed> {
        let mut attributes = self.pass_attributes(Phase::Vision);
        attributes.push(("berth.patch", self.integer(vision.patch)));
        let numbers = self.activation(self.bf16());
        let symbol = self.symbol(Phase::Vision);
        let body = self.function(module, &symbol, numbers, &attributes, vision.location)?;
        let pixels = CHANNELS * vision.frames * vision.patch * vision.patch;
        let bias = [self.mark("bias", !vision.gated)];
        let widths = [pixels, vision.hidden];
        let mut x = self.of_vision(&body, vision, "patch_embedding", body.argument()?, widths, &bias)?;
        if let Some(rows) = vision.positions {
            let table = [self.matrix(rows, vision.hidden, self.bf16())];
            x = body.append("berth.positions", "positions", vision.field(), &[x], &table)?;
        }
        let (window, windowed) = vision.window.map_or((None, 0), |(window, layers)| (Some(window), layers));
        let full = vision.layers - windowed;
        for (suffix, window, times) in [("layer_windowed", window, windowed), ("layer", None, full)] {
            if times > 0 {
                self.vision_layer(module, &format!("{symbol}_{suffix}"), vision, window)?;
            }
        }
        if windowed > 0 {
            x = self.repeated(&body, vision, &format!("{symbol}_layer_windowed"), x, windowed)?;
        }
        // The layers without a window in as many parts as hand their values on, and one more.
        let parts = vision.deepstack + 1;
        let mut taken = Vec::new();
        for part in 0..parts {
            let times = full / parts + u64::from(part < full % parts);
            if times > 0 {
                x = self.repeated(&body, vision, &format!("{symbol}_layer"), x, times)?;
            }
            if part < vision.deepstack {
                taken.push(self.projected(&body, vision, &format!("deepstack_{}", part + 1), x, true)?);
            }
        }
        let mut tokens = self.projected(&body, vision, "projector", x, false)?;
        for (index, more) in taken.into_iter().enumerate() {
            let name = format!("deepstack_{}_sum", index + 1);
            tokens = body.append("berth.residual", &name, vision.field(), &[tokens, more], &[])?;
        }
        body.end(tokens);
        Ok(())
    }

    /// One layer.
    fn vision_layer(
        &self,
        module: &Module<'c>,
        symbol: &str,
        vision: &Vision<'c>,
        window: Option<u64>,
    ) -> Result<(), Malformed> {
        let numbers = self.activation(self.bf16());
        let body = self.function(module, symbol, numbers, &[], vision.location)?;
        let (hidden, inner, bias) = (vision.hidden, vision.feed_forward, [self.mark("bias", true)]);
        let product = |name: &str, x, widths| self.of_vision(&body, vision, name, x, widths, &bias);
        let stream = body.argument()?;
        let x = self.vision_norm(&body, vision, "attention_norm", stream, hidden)?;
        let x = product("qkv", x, [hidden, 3 * hidden])?;
        let mut heads = vec![
            ("heads", self.integer(vision.heads)),
            ("head_width", self.integer(hidden / vision.heads.max(1))),
            self.undivided(),
        ];
        heads.extend(window.map(|window| ("window", self.integer(window))));
        let x = body.append("berth.encoder_attention", "attention", vision.field(), &[x], &heads)?;
        let x = product("output", x, [hidden, hidden])?;
        let stream =
            body.append("berth.residual", "attention_residual", vision.field(), &[stream, x], &[])?;
        let x = self.vision_norm(&body, vision, "mlp_norm", stream, hidden)?;
        let x = if vision.gated {
            let x = product("gate_up", x, [hidden, 2 * inner])?;
            body.append("berth.silu_multiply", "silu_multiply", vision.field(), &[x], &[])?
        } else {
            self.gelu(&body, vision, "gelu", product("up", x, [hidden, inner])?)?
        };
        let x = product("down", x, [inner, hidden])?;
        let stream = body.append("berth.residual", "mlp_residual", vision.field(), &[stream, x], &[])?;
        body.end(stream);
        Ok(())
    }

    /// Merged neighbours through two matrices to the width of the language part.
    fn projected<'a>(
        &self,
        body: &Body<'c, 'a>,
        vision: &Vision<'c>,
        name: &str,
        x: Value<'c, 'a>,
        norm_after_merge: bool,
    ) -> Result<Value<'c, 'a>, Malformed> {
        let factor = vision.merge * vision.merge;
        let merged = factor * vision.hidden;
        let merge = |x| {
            let factor = [("factor", self.integer(factor))];
            body.append("berth.merge", &format!("{name}_merge"), vision.field(), &[x], &factor)
        };
        let named = format!("{name}_norm");
        let x = if norm_after_merge {
            self.vision_norm(body, vision, &named, merge(x)?, merged)?
        } else {
            merge(self.vision_norm(body, vision, &named, x, vision.hidden)?)?
        };
        let bias = [self.mark("bias", true)];
        let widths = [merged, vision.projector];
        let x = self.of_vision(body, vision, &format!("{name}_in"), x, widths, &bias)?;
        let x = self.gelu(body, vision, &format!("{name}_gelu"), x)?;
        let widths = [vision.projector, self.model.hidden.value];
        self.of_vision(body, vision, &format!("{name}_out"), x, widths, &bias)
    }

    fn repeated<'a>(
        &self,
        body: &Body<'c, 'a>,
        vision: &Vision<'c>,
        symbol: &str,
        x: Value<'c, 'a>,
        times: u64,
    ) -> Result<Value<'c, 'a>, Malformed> {
        let callee = FlatSymbolRefAttribute::new(self.context, symbol);
        let said = [("callee", callee.into()), ("times", self.integer(times))];
        body.operation("berth.repeat", vision.location, &[x], &said)
    }

    /// `x` times a matrix of 16 bits.
    fn of_vision<'a>(
        &self,
        body: &Body<'c, 'a>,
        vision: &Vision<'c>,
        name: &str,
        x: Value<'c, 'a>,
        [rows, columns]: [u64; 2],
        marks: &[Option<Named<'c>>],
    ) -> Result<Value<'c, 'a>, Malformed> {
        let mut attributes = vec![self.matrix(rows, columns, self.bf16()), self.undivided()];
        attributes.extend(marks.iter().flatten());
        body.append("berth.matmul", name, vision.field(), &[x], &attributes)
    }

    fn vision_norm<'a>(
        &self,
        body: &Body<'c, 'a>,
        vision: &Vision<'c>,
        name: &str,
        x: Value<'c, 'a>,
        width: u64,
    ) -> Result<Value<'c, 'a>, Malformed> {
        let mut attributes = vec![self.vector(width)];
        attributes.extend(self.mark("bias", !vision.gated));
        body.append("berth.norm", name, vision.field(), &[x], &attributes)
    }

    fn gelu<'a>(
        &self,
        body: &Body<'c, 'a>,
        vision: &Vision<'c>,
        name: &str,
        x: Value<'c, 'a>,
    ) -> Result<Value<'c, 'a>, Malformed> {
        body.append("berth.activate", name, vision.field(), &[x], &[("function", self.text("gelu"))])
    }
}

impl<'c> Vision<'c> {
    /// The line that states it, for an operation of it.
    fn field(&self) -> Field<'c> {
        Field { value: self.hidden, location: self.location }
    }
}
