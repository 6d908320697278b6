//! The bodies of layers.
//!
//! A decoder's layer is pre-normalised: attention and feed-forward, each normalised before and added to the
//! stream after. An encoder's normalises after each sum (Devlin et al., BERT, 2018).

use super::Lowering;
use super::architecture::{Attention, Experts, Field, Sort};
use super::builder::{Body, Named};
use crate::Malformed;
use berth_compiler::graph::Phase;
use melior::ir::{Module, Value};

impl<'c> Lowering<'c, '_> {
    /// The body of one layer of a sort.
    pub(super) fn layer(&self, module: &Module<'c>, phase: Phase, sort: &Sort<'c>) -> Result<(), Malformed> {
        let model = self.model;
        let symbol = format!("{}_{}", self.symbol(phase), sort.suffix);
        let numbers = self.activation(self.bf16());
        let body = self.function(module, &symbol, numbers, &[], model.layers.location)?;
        let stream = body.argument()?;
        if let Attention::Bidirectional { .. } = &model.attention {
            let x = self.attend(&body, stream, sort)?;
            let x = body.append("berth.residual", "attention_residual", model.hidden, &[stream, x], &[])?;
            let stream = self.norm(&body, "attention_norm", x)?;
            let x = self.plain_feed_forward(&body, stream)?;
            let x = body.append("berth.residual", "mlp_residual", model.hidden, &[stream, x], &[])?;
            let x = self.norm(&body, "mlp_norm", x)?;
            body.end(x);
            return Ok(());
        }
        let x = self.norm(&body, "attention_norm", stream)?;
        let x = self.attend(&body, x, sort)?;
        let x = self.post_norm(&body, "attention_post_norm", x)?;
        let stream = body.append("berth.residual", "attention_residual", model.hidden, &[stream, x], &[])?;
        let x = self.norm(&body, "mlp_norm", stream)?;
        let x = match &model.experts {
            Some(experts) if sort.experts => self.experts(&body, x, experts)?,
            _ => {
                let width = model.feed_forward.ok_or_else(|| Malformed("no feed-forward".to_owned()))?;
                self.gated(&body, x, ["gate_up", "silu_multiply", "down"], width, width.value)?
            }
        };
        let x = self.post_norm(&body, "mlp_post_norm", x)?;
        let stream = body.append("berth.residual", "mlp_residual", model.hidden, &[stream, x], &[])?;
        body.end(stream);
        Ok(())
    }

    /// `x` normalised before the stream takes it, where the model does that (Gemma Team, Gemma 2, 2024, section 2).
    fn post_norm<'a>(
        &self,
        body: &Body<'c, 'a>,
        name: &str,
        x: Value<'c, 'a>,
    ) -> Result<Value<'c, 'a>, Malformed> {
        if self.model.post_norms { self.norm(body, name, x) } else { Ok(x) }
    }

    /// `x` normalised; an encoder's norm takes the mean away and adds a vector.
    pub(super) fn norm<'a>(
        &self,
        body: &Body<'c, 'a>,
        name: &str,
        x: Value<'c, 'a>,
    ) -> Result<Value<'c, 'a>, Malformed> {
        let hidden = self.model.hidden;
        let encoder = matches!(self.model.attention, Attention::Bidirectional { .. });
        let mut attributes = vec![self.vector(hidden.value)];
        attributes.extend(self.mark("bias", encoder));
        body.append("berth.norm", name, hidden, &[x], &attributes)
    }

    /// `x` times a matrix, at the line of a field.
    fn matmul<'a>(
        &self,
        body: &Body<'c, 'a>,
        name: &str,
        field: Field<'c>,
        x: Value<'c, 'a>,
        [rows, columns]: [u64; 2],
        marks: &[Option<Named<'c>>],
    ) -> Result<Value<'c, 'a>, Malformed> {
        let mut attributes = self.quantised(None, rows, columns)?;
        attributes.push(self.undivided());
        attributes.extend(marks.iter().flatten());
        body.append("berth.matmul", name, field, &[x], &attributes)
    }

    /// Attention with the matrices before and after it.
    fn attend<'a>(
        &self,
        body: &Body<'c, 'a>,
        x: Value<'c, 'a>,
        sort: &Sort<'c>,
    ) -> Result<Value<'c, 'a>, Malformed> {
        let model = self.model;
        let hidden = model.hidden.value;
        // Within u64: import has checked these products.
        let (heads, width) = (model.heads.value, model.head_width.value);
        let [qkv_bias, output_bias, _] = model.biases;
        let counts = [("heads", self.integer(heads)), ("head_width", self.integer(width))];
        let (x, value_width, output_bias) = match &model.attention {
            Attention::Grouped { kv_heads, query_key_norm, sinks, .. } => {
                let x = self.queries_keys_values(body, x, kv_heads.value, qkv_bias)?;
                let mut of_heads = vec![("kv_heads", self.integer(kv_heads.value)), self.cache()];
                of_heads.extend(counts);
                of_heads.push(self.undivided());
                let mut write = of_heads.clone();
                write.extend(self.mark("head_norm", *query_key_norm));
                let x = body.append("berth.cache_write", "rotary_kv_write", *kv_heads, &[x], &write)?;
                if let Some(window) = sort.window {
                    of_heads.push(("window", self.integer(window.value)));
                }
                of_heads.extend(self.mark("sinks", *sinks));
                let x = body.append("berth.attention", "attention", model.heads, &[x], &of_heads)?;
                (x, heads * width, output_bias)
            }
            Attention::Latent { kv, rope, query, value } => {
                let small = [self.mark("replicated", true), self.mark("bias", qkv_bias)];
                let query_width = heads * (width + rope.value);
                let queries = match query {
                    None => self.matmul(body, "queries", model.heads, x, [hidden, query_width], &[])?,
                    Some(latent) => {
                        let down =
                            self.matmul(body, "query_latent", *latent, x, [hidden, latent.value], &small)?;
                        let norm = [self.vector(latent.value)];
                        let down = body.append("berth.norm", "query_latent_norm", *latent, &[down], &norm)?;
                        let widths = [latent.value, query_width];
                        self.matmul(body, "queries", model.heads, down, widths, &[])?
                    }
                };
                let of_latent =
                    [("latent", self.integer(kv.value)), ("rope", self.integer(rope.value)), self.cache()];
                let widths = [hidden, kv.value + rope.value];
                let latent = self.matmul(body, "kv_latent", *kv, x, widths, &small)?;
                let latent =
                    body.append("berth.latent_cache_write", "latent_kv_write", *kv, &[latent], &of_latent)?;
                let widths = [kv.value, heads * (width + value)];
                let expanded = self.matmul(body, "kv_expansion", model.heads, latent, widths, &[])?;
                let mut attributes = vec![("value_width", self.integer(*value)), self.undivided()];
                attributes.extend(counts);
                attributes.extend(of_latent);
                let operands = [queries, expanded];
                let x =
                    body.append("berth.latent_attention", "attention", model.heads, &operands, &attributes)?;
                (x, heads * value, output_bias)
            }
            Attention::Bidirectional { kv_heads, .. } => {
                let x = self.queries_keys_values(body, x, *kv_heads, true)?;
                let mut attributes = counts.to_vec();
                attributes.push(self.undivided());
                if *kv_heads < heads {
                    attributes.push(("kv_heads", self.integer(*kv_heads)));
                }
                let x =
                    body.append("berth.encoder_attention", "attention", model.heads, &[x], &attributes)?;
                (x, heads * width, true)
            }
        };
        let marks = [self.mark("bias", output_bias)];
        self.matmul(body, "output", model.heads, x, [value_width, hidden], &marks)
    }

    /// Queries, keys and values of `x` side by side, by one matrix that says which columns make keys and values
    /// where these have fewer heads.
    fn queries_keys_values<'a>(
        &self,
        body: &Body<'c, 'a>,
        x: Value<'c, 'a>,
        kv_heads: u64,
        bias: bool,
    ) -> Result<Value<'c, 'a>, Malformed> {
        let (heads, width) = (self.model.heads.value, self.model.head_width.value);
        let mut marks = vec![self.mark("bias", bias)];
        if kv_heads < heads {
            marks.push(Some(("key_columns", self.integer(2 * kv_heads * width))));
            marks.push(Some(("kv_heads", self.integer(kv_heads))));
        }
        let widths = [self.model.hidden.value, (heads + 2 * kv_heads) * width];
        self.matmul(body, "qkv", self.model.heads, x, widths, &marks)
    }

    /// A gated feed-forward.
    fn gated<'a>(
        &self,
        body: &Body<'c, 'a>,
        x: Value<'c, 'a>,
        [gate_up, multiply, down]: [&str; 3],
        field: Field<'c>,
        inner: u64,
    ) -> Result<Value<'c, 'a>, Malformed> {
        let hidden = self.model.hidden.value;
        let bias = [self.mark("bias", self.model.biases[2])];
        let x = self.matmul(body, gate_up, field, x, [hidden, 2 * inner], &bias)?;
        let x = body.append("berth.silu_multiply", multiply, field, &[x], &[])?;
        self.matmul(body, down, field, x, [inner, hidden], &bias)
    }

    /// A feed-forward without gate.
    fn plain_feed_forward<'a>(
        &self,
        body: &Body<'c, 'a>,
        x: Value<'c, 'a>,
    ) -> Result<Value<'c, 'a>, Malformed> {
        let hidden = self.model.hidden.value;
        let width = self.model.feed_forward.ok_or_else(|| Malformed("no feed-forward".to_owned()))?;
        let bias = [self.mark("bias", true)];
        let x = self.matmul(body, "up", width, x, [hidden, width.value], &bias)?;
        let x = body.append("berth.activate", "gelu", width, &[x], &[("function", self.text("gelu"))])?;
        self.matmul(body, "down", width, x, [width.value, hidden], &bias)
    }

    /// The router, the experts that it chooses, and those that read every token.
    fn experts<'a>(
        &self,
        body: &Body<'c, 'a>,
        x: Value<'c, 'a>,
        experts: &Experts<'c>,
    ) -> Result<Value<'c, 'a>, Malformed> {
        let Experts { count, per_token, width, shared, dense_layers: _, router_bias } = experts;
        let hidden = self.model.hidden.value;
        let biased = self.model.biases[2];
        // Published fp8 checkpoints leave the router alone.
        let mut router = vec![self.matrix(hidden, count.value, self.bf16()), self.undivided()];
        router.extend(self.mark("replicated", true));
        router.extend(self.mark("bias", *router_bias || biased));
        let scores = body.append("berth.matmul", "router", *count, &[x], &router)?;
        let chosen = ("per_token", self.integer(*per_token));
        let choice = [("experts", self.integer(count.value)), chosen];
        let routed = body.append("berth.dispatch", "dispatch", *count, &[x, scores], &choice)?;
        let grouped = |name: &str, x, rows, columns| {
            let mut attributes = self.quantised(Some(count.value), rows, columns)?;
            attributes.extend([chosen, self.undivided()]);
            attributes.extend(self.mark("bias", biased));
            body.append("berth.grouped_matmul", name, *width, &[x], &attributes)
        };
        let routed = grouped("experts_gate_up", routed, hidden, 2 * width.value)?;
        let routed = body.append("berth.silu_multiply", "experts_silu_multiply", *width, &[routed], &[])?;
        let routed = grouped("experts_down", routed, width.value, hidden)?;
        let routed = body.append("berth.combine", "combine", *count, &[routed], &[chosen])?;
        if *shared == 0 {
            return Ok(routed);
        }
        let names = ["shared_gate_up", "shared_silu_multiply", "shared_down"];
        let always = self.gated(body, x, names, *width, shared * width.value)?;
        body.append("berth.residual", "experts_sum", self.model.hidden, &[routed, always], &[])
    }
}
