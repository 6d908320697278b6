//! Modules that guess further tokens (DeepSeek-V3, 2024, section 2.2, multi-token prediction).
//!
//! Each takes what the layers, or the module before it, made of every token, and the embedding of the token after it. Both are
//! normalised and projected to the width of the stream by one matrix of twice that width, which stands here as its two
//! halves and their sum: the same weights and FLOPs, on every device as engines have it. One layer like the model's last follows, with a cache of its own, and
//! a norm. Embedding and head are the model's. In prefill a module reads the prompt too, because its layer attends it.

use super::Lowering;
use super::architecture::Field;
use super::builder::Body;
use crate::Malformed;
use berth_compiler::graph::Phase;
use melior::ir::Value;
use melior::ir::attribute::FlatSymbolRefAttribute;

impl<'c> Lowering<'c, '_> {
    /// The model's answer, and behind it what each of its modules guesses of the `stream` that the answer is made of.
    pub(super) fn predictions<'a>(
        &self,
        body: &Body<'c, 'a>,
        stream: Value<'c, 'a>,
        answer: Value<'c, 'a>,
        phase: Phase,
        modules: Field<'c>,
    ) -> Result<Value<'c, 'a>, Malformed> {
        let model = self.model;
        let Some((sort, _)) = model.sorts().pop() else { return Ok(answer) };
        let symbol = format!("{}_{}", self.symbol(phase), sort.suffix);
        let hidden = model.hidden.value;
        let (mut stream, mut answer) = (stream, answer);
        for number in 1..=modules.value {
            let name = |part: &str| format!("module_{number}_{part}");
            let norm =
                |part: &str, x| body.append("berth.norm", &name(part), modules, &[x], &[self.vector(hidden)]);
            let product = |part: &str, x, columns: u64, mark: &'static str| {
                let mut marks = vec![self.matrix(hidden, columns, self.bf16()), self.undivided()];
                marks.extend(self.mark(mark, true));
                body.append("berth.matmul", &name(part), modules, &[x], &marks)
            };
            let table = self.matrix(model.vocabulary.value, hidden, self.bf16());
            let mut marks = vec![table, self.undivided()];
            marks.extend(self.mark("tied", true));
            let token =
                body.append("berth.lookup", &name("embedding"), modules, &[body.argument()?], &marks)?;
            let token = product("from_token", norm("token_norm", token)?, hidden, "replicated")?;
            let seen = product("from_stream", norm("stream_norm", stream)?, hidden, "replicated")?;
            let x = body.append("berth.residual", &name("sum"), modules, &[seen, token], &[])?;
            let callee = FlatSymbolRefAttribute::new(self.context, &symbol);
            let said = [("callee", callee.into()), ("times", self.integer(1))];
            stream = body.operation("berth.repeat", modules.location, &[x], &said)?;
            let x = norm("norm", stream)?;
            let x = body.append("berth.last_token", &name("last_token"), modules, &[x], &[])?;
            let guess = product("head", x, model.vocabulary.value, "tied")?;
            answer = body.append("berth.join", &name("answer"), modules, &[answer, guess], &[])?;
        }
        Ok(answer)
    }
}
