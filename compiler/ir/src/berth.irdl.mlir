// The dialect `berth`: what a language model's pass computes, moves and sends.
//
// Activations are `tensor<?x?xT>`: rows (tokens) by width. Widths are not in their types; they follow
// from the weights, so that one edited weight is one edited line. A weight is a type attribute; its
// element type is its precision. `split` says what the tensor-parallel axis divides, `over` which axis
// beside it divides experts ("expert"), the layers of a repeat ("pipeline") or cached tokens ("context").
// A pass names the axes that divide its rows in `berth.rows`: "data" the sequences, "context" their tokens.
//
//   mlir-opt --irdl-file=berth.irdl.mlir FILE
irdl.dialect @berth {
  // ---- before decompose ----------------------------------------------------------------------

  // The architecture of a model: what every one has; the rest depends on its sort and is checked in Rust.
  // `places` maps a field to the line that states it.
  irdl.operation @model {
    %symbol = irdl.base "#builtin.string"
    %layers = irdl.base "#builtin.integer"
    %hidden = irdl.base "#builtin.integer"
    %heads = irdl.base "#builtin.integer"
    %head_width = irdl.base "#builtin.integer"
    %vocabulary = irdl.base "#builtin.integer"
    %tied = irdl.base "#builtin.integer"
    %places = irdl.base "#builtin.dictionary"
    irdl.attributes {
      "sym_name" = %symbol, "layers" = %layers, "hidden" = %hidden, "heads" = %heads,
      "head_width" = %head_width, "vocabulary" = %vocabulary, "tied_embeddings" = %tied, "places" = %places
    }
  }

  // A diffusion transformer as its fact says, without what it leaves out: `out_channels`, `pixels` and `scalars` stand
  // always; `single_layers`, `dual_layers`, `positions`, `text`, `pooled`, `classes` and `head_norm` where there are some.
  irdl.operation @diffusion {
    %symbol = irdl.base "#builtin.string"
    %layers = irdl.base "#builtin.integer"
    %hidden = irdl.base "#builtin.integer"
    %heads = irdl.base "#builtin.integer"
    %feed_forward = irdl.base "#builtin.integer"
    %channels = irdl.base "#builtin.integer"
    %out_channels = irdl.base "#builtin.integer"
    %pixels = irdl.base "#builtin.integer"
    %patch = irdl.base "#builtin.integer"
    %scalars = irdl.base "#builtin.integer"
    irdl.attributes {
      "sym_name" = %symbol, "layers" = %layers, "hidden" = %hidden, "heads" = %heads, "feed_forward" = %feed_forward,
      "channels" = %channels, "out_channels" = %out_channels, "pixels" = %pixels, "patch" = %patch, "scalars" = %scalars
    }
  }

  // A service answers with a model at one precision.
  irdl.operation @call {
    %service = irdl.base "#builtin.string"
    %model = irdl.base "#builtin.symbol_ref"
    %bf16 = irdl.is "bf16"
    %fp8 = irdl.is "fp8"
    %precision = irdl.any_of(%bf16, %fp8)
    irdl.attributes {"service" = %service, "model" = %model, "precision" = %precision}
  }

  // ---- operators -----------------------------------------------------------------------------

  // Runs the body `callee` on its own result, `times` in all.
  irdl.operation @repeat {
    %x = irdl.base "!builtin.tensor"
    %y = irdl.base "!builtin.tensor"
    %callee = irdl.base "#builtin.symbol_ref"
    %times = irdl.base "#builtin.integer"
    irdl.operands(x: %x)
    irdl.results(y: %y)
    irdl.attributes {"callee" = %callee, "times" = %times}
  }

  // Rows of the table `weight` (vocabulary by width). Split by rows, each device adds what it holds:
  // the result is a partial sum.
  irdl.operation @lookup {
    %x = irdl.base "!builtin.tensor"
    %y = irdl.base "!builtin.tensor"
    %name = irdl.base "#builtin.string"
    %weight = irdl.base "#builtin.type"
    %none = irdl.is "none"
    %rows = irdl.is "rows"
    %split = irdl.any_of(%none, %rows)
    irdl.operands(x: %x)
    irdl.results(y: %y)
    irdl.attributes {"name" = %name, "weight" = %weight, "split" = %split}
  }

  // `x` times `weight` (inner by columns). Split by columns the result is split; split by rows it is
  // a partial sum. `tied`: the table of the embedding; `bias`: a vector is added; `replicated`: every
  // device computes all of it, because it is small; `scales` (groups by columns): what its numbers are
  // multiplied with, where they are quantised.
  irdl.operation @matmul {
    %x = irdl.base "!builtin.tensor"
    %y = irdl.base "!builtin.tensor"
    %name = irdl.base "#builtin.string"
    %weight = irdl.base "#builtin.type"
    %none = irdl.is "none"
    %columns = irdl.is "columns"
    %rows = irdl.is "rows"
    %split = irdl.any_of(%none, %columns, %rows)
    irdl.operands(x: %x)
    irdl.results(y: %y)
    irdl.attributes {"name" = %name, "weight" = %weight, "split" = %split}
  }

  // Root-mean-square normalisation, scaled by the vector `weight`; with `bias` the mean is taken away
  // first and a vector added.
  irdl.operation @norm {
    %x = irdl.base "!builtin.tensor"
    %y = irdl.base "!builtin.tensor"
    %name = irdl.base "#builtin.string"
    %weight = irdl.base "#builtin.type"
    irdl.operands(x: %x)
    irdl.results(y: %y)
    irdl.attributes {"name" = %name, "weight" = %weight}
  }

  // The sum of two values of one width; the first is the residual stream.
  irdl.operation @residual {
    %stream = irdl.base "!builtin.tensor"
    %x = irdl.base "!builtin.tensor"
    %y = irdl.base "!builtin.tensor"
    %name = irdl.base "#builtin.string"
    irdl.operands(stream: %stream, x: %x)
    irdl.results(y: %y)
    irdl.attributes {"name" = %name}
  }

  // silu of one half of the width times the other half.
  irdl.operation @silu_multiply {
    %x = irdl.base "!builtin.tensor"
    %y = irdl.base "!builtin.tensor"
    %name = irdl.base "#builtin.string"
    irdl.operands(x: %x)
    irdl.results(y: %y)
    irdl.attributes {"name" = %name}
  }

  // Takes queries, keys and values side by side, rotates queries and keys by position, writes keys
  // and values to the KV cache as `cache` elements, and returns the queries. `head_norm`: each query and
  // key head is normalised first.
  irdl.operation @cache_write {
    %x = irdl.base "!builtin.tensor"
    %y = irdl.base "!builtin.tensor"
    %name = irdl.base "#builtin.string"
    %heads = irdl.base "#builtin.integer"
    %kv_heads = irdl.base "#builtin.integer"
    %head_width = irdl.base "#builtin.integer"
    %cache = irdl.base "#builtin.type"
    %none = irdl.is "none"
    %by_heads = irdl.is "heads"
    %split = irdl.any_of(%none, %by_heads)
    irdl.operands(x: %x)
    irdl.results(y: %y)
    irdl.attributes {
      "name" = %name, "heads" = %heads, "kv_heads" = %kv_heads, "head_width" = %head_width,
      "cache" = %cache, "split" = %split
    }
  }

  // Causal attention of the queries over everything in the KV cache, or over the last `window` tokens.
  // `sinks`: each head has a learned logit besides.
  irdl.operation @attention {
    %x = irdl.base "!builtin.tensor"
    %y = irdl.base "!builtin.tensor"
    %name = irdl.base "#builtin.string"
    %heads = irdl.base "#builtin.integer"
    %kv_heads = irdl.base "#builtin.integer"
    %head_width = irdl.base "#builtin.integer"
    %cache = irdl.base "#builtin.type"
    %none = irdl.is "none"
    %by_heads = irdl.is "heads"
    %split = irdl.any_of(%none, %by_heads)
    irdl.operands(x: %x)
    irdl.results(y: %y)
    irdl.attributes {
      "name" = %name, "heads" = %heads, "kv_heads" = %kv_heads, "head_width" = %head_width,
      "cache" = %cache, "split" = %split
    }
  }

  // A function of each number: gelu, silu, or the hyperbolic tangent.
  irdl.operation @activate {
    %x = irdl.base "!builtin.tensor"
    %y = irdl.base "!builtin.tensor"
    %name = irdl.base "#builtin.string"
    %gelu = irdl.is "gelu"
    %silu = irdl.is "silu"
    %tanh = irdl.is "tanh"
    %function = irdl.any_of(%gelu, %silu, %tanh)
    irdl.operands(x: %x)
    irdl.results(y: %y)
    irdl.attributes {"name" = %name, "function" = %function}
  }

  // Takes a token's latent values and its rotary part side by side, normalises the first, rotates the
  // second, writes both to the cache as `cache` elements, and returns the latent values.
  irdl.operation @latent_cache_write {
    %x = irdl.base "!builtin.tensor"
    %y = irdl.base "!builtin.tensor"
    %name = irdl.base "#builtin.string"
    %latent = irdl.base "#builtin.integer"
    %rope = irdl.base "#builtin.integer"
    %cache = irdl.base "#builtin.type"
    irdl.operands(x: %x)
    irdl.results(y: %y)
    irdl.attributes {"name" = %name, "latent" = %latent, "rope" = %rope, "cache" = %cache}
  }

  // Causal attention of the queries `x` over the latent vectors in the cache. `z` is what the matrix that
  // expands them makes of the new ones: keys without their rotary part, and values. In decode engines apply
  // that matrix to queries and answers instead; products and bytes are the same.
  irdl.operation @latent_attention {
    %x = irdl.base "!builtin.tensor"
    %z = irdl.base "!builtin.tensor"
    %y = irdl.base "!builtin.tensor"
    %name = irdl.base "#builtin.string"
    %heads = irdl.base "#builtin.integer"
    %head_width = irdl.base "#builtin.integer"
    %value_width = irdl.base "#builtin.integer"
    %latent = irdl.base "#builtin.integer"
    %rope = irdl.base "#builtin.integer"
    %cache = irdl.base "#builtin.type"
    %none = irdl.is "none"
    %by_heads = irdl.is "heads"
    %split = irdl.any_of(%none, %by_heads)
    irdl.operands(x: %x, z: %z)
    irdl.results(y: %y)
    irdl.attributes {
      "name" = %name, "heads" = %heads, "head_width" = %head_width, "value_width" = %value_width,
      "latent" = %latent, "rope" = %rope, "cache" = %cache, "split" = %split
    }
  }

  // Takes queries, keys and values side by side: attention in which every token sees every other. `kv_heads`: key and
  // value heads, where there are fewer than `heads`; `window`: each sees so many.
  irdl.operation @encoder_attention {
    %x = irdl.base "!builtin.tensor"
    %y = irdl.base "!builtin.tensor"
    %name = irdl.base "#builtin.string"
    %heads = irdl.base "#builtin.integer"
    %head_width = irdl.base "#builtin.integer"
    %none = irdl.is "none"
    %by_heads = irdl.is "heads"
    %split = irdl.any_of(%none, %by_heads)
    irdl.operands(x: %x)
    irdl.results(y: %y)
    irdl.attributes {"name" = %name, "heads" = %heads, "head_width" = %head_width, "split" = %split}
  }

  // Adds to each row the row of the table `weight` (rows by width) that stands for its place, or for its class. Every
  // device has the table.
  irdl.operation @positions {
    %x = irdl.base "!builtin.tensor"
    %y = irdl.base "!builtin.tensor"
    %name = irdl.base "#builtin.string"
    %weight = irdl.base "#builtin.type"
    irdl.operands(x: %x)
    irdl.results(y: %y)
    irdl.attributes {"name" = %name, "weight" = %weight}
  }

  // Takes queries, keys and values side by side, as many heads of each: each head of queries and of keys is normalised,
  // with one vector of `head_width` for all of the one and one for all of the other.
  irdl.operation @head_norm {
    %x = irdl.base "!builtin.tensor"
    %y = irdl.base "!builtin.tensor"
    %name = irdl.base "#builtin.string"
    %heads = irdl.base "#builtin.integer"
    %head_width = irdl.base "#builtin.integer"
    %none = irdl.is "none"
    %by_heads = irdl.is "heads"
    %split = irdl.any_of(%none, %by_heads)
    irdl.operands(x: %x)
    irdl.results(y: %y)
    irdl.attributes {"name" = %name, "heads" = %heads, "head_width" = %head_width, "split" = %split}
  }

  // Rows that are given beside those of a pass that makes images: all `text` of each, or one row for each, a
  // `condition` such as the time of the step. `x` is only what they stand beside.
  irdl.operation @given {
    %x = irdl.base "!builtin.tensor"
    %y = irdl.base "!builtin.tensor"
    %name = irdl.base "#builtin.string"
    %text = irdl.is "text"
    %condition = irdl.is "condition"
    %of = irdl.any_of(%text, %condition)
    %width = irdl.base "#builtin.integer"
    irdl.operands(x: %x)
    irdl.results(y: %y)
    irdl.attributes {"name" = %name, "of" = %of, "width" = %width}
  }

  // The rows of `x` and those of `z`, which are as wide, one after the other. Where it has `copied` they are written as
  // one value; else they stay where they are.
  irdl.operation @join {
    %x = irdl.base "!builtin.tensor"
    %z = irdl.base "!builtin.tensor"
    %y = irdl.base "!builtin.tensor"
    %name = irdl.base "#builtin.string"
    irdl.operands(x: %x, z: %z)
    irdl.results(y: %y)
    irdl.attributes {"name" = %name}
  }

  // Those rows of `x` that are of the image, of its text, of both, or of its condition; nothing is moved.
  irdl.operation @take {
    %x = irdl.base "!builtin.tensor"
    %y = irdl.base "!builtin.tensor"
    %name = irdl.base "#builtin.string"
    %image = irdl.is "image"
    %text = irdl.is "text"
    %tokens = irdl.is "tokens"
    %condition = irdl.is "condition"
    %of = irdl.any_of(%image, %text, %tokens, %condition)
    irdl.operands(x: %x)
    irdl.results(y: %y)
    irdl.attributes {"name" = %name, "of" = %of}
  }

  // Each row of `x` scaled by a vector of its image: number `vector`, from 1, of those as wide as `x` that stand side by
  // side in the row of the image in `z`. With `norm` it is normalised before, without a weight, and shifted by that vector and
  // scaled by the one after it.
  irdl.operation @modulate {
    %x = irdl.base "!builtin.tensor"
    %z = irdl.base "!builtin.tensor"
    %y = irdl.base "!builtin.tensor"
    %name = irdl.base "#builtin.string"
    %vector = irdl.base "#builtin.integer"
    irdl.operands(x: %x, z: %z)
    irdl.results(y: %y)
    irdl.attributes {"name" = %name, "vector" = %vector}
  }

  // `factor` rows side by side become one.
  irdl.operation @merge {
    %x = irdl.base "!builtin.tensor"
    %y = irdl.base "!builtin.tensor"
    %name = irdl.base "#builtin.string"
    %factor = irdl.base "#builtin.integer"
    irdl.operands(x: %x)
    irdl.results(y: %y)
    irdl.attributes {"name" = %name, "factor" = %factor}
  }

  // Each row of `x` once for each of the `per_token` experts that read it, chosen by the scores `z`.
  irdl.operation @dispatch {
    %x = irdl.base "!builtin.tensor"
    %z = irdl.base "!builtin.tensor"
    %y = irdl.base "!builtin.tensor"
    %name = irdl.base "#builtin.string"
    %experts = irdl.base "#builtin.integer"
    %per_token = irdl.base "#builtin.integer"
    irdl.operands(x: %x, z: %z)
    irdl.results(y: %y)
    irdl.attributes {"name" = %name, "experts" = %experts, "per_token" = %per_token}
  }

  // Each row times the matrix of its expert; `weight` is experts by inner by columns. Split as a matmul.
  // `bias`: each expert adds a vector.
  irdl.operation @grouped_matmul {
    %x = irdl.base "!builtin.tensor"
    %y = irdl.base "!builtin.tensor"
    %name = irdl.base "#builtin.string"
    %weight = irdl.base "#builtin.type"
    %per_token = irdl.base "#builtin.integer"
    %none = irdl.is "none"
    %columns = irdl.is "columns"
    %rows = irdl.is "rows"
    %split = irdl.any_of(%none, %columns, %rows)
    irdl.operands(x: %x)
    irdl.results(y: %y)
    irdl.attributes {"name" = %name, "weight" = %weight, "per_token" = %per_token, "split" = %split}
  }

  // The weighted sum of the `per_token` answers for each token.
  irdl.operation @combine {
    %x = irdl.base "!builtin.tensor"
    %y = irdl.base "!builtin.tensor"
    %name = irdl.base "#builtin.string"
    %per_token = irdl.base "#builtin.integer"
    irdl.operands(x: %x)
    irdl.results(y: %y)
    irdl.attributes {"name" = %name, "per_token" = %per_token}
  }

  // The last row of each sequence.
  irdl.operation @last_token {
    %x = irdl.base "!builtin.tensor"
    %y = irdl.base "!builtin.tensor"
    %name = irdl.base "#builtin.string"
    irdl.operands(x: %x)
    irdl.results(y: %y)
    irdl.attributes {"name" = %name}
  }

  // The first row of each sequence.
  irdl.operation @first_token {
    %x = irdl.base "!builtin.tensor"
    %y = irdl.base "!builtin.tensor"
    %name = irdl.base "#builtin.string"
    irdl.operands(x: %x)
    irdl.results(y: %y)
    irdl.attributes {"name" = %name}
  }

  // The cross entropy of each row: one number, of which a device that has a part of the width has a summand.
  irdl.operation @loss {
    %x = irdl.base "!builtin.tensor"
    %y = irdl.base "!builtin.tensor"
    %name = irdl.base "#builtin.string"
    irdl.operands(x: %x)
    irdl.results(y: %y)
    irdl.attributes {"name" = %name}
  }

  // ---- collectives, inserted by shard --------------------------------------------------------

  // Sums partial sums over the axis; every device gets the whole.
  irdl.operation @all_reduce {
    %x = irdl.base "!builtin.tensor"
    %y = irdl.base "!builtin.tensor"
    %name = irdl.base "#builtin.string"
    %tensor = irdl.is "tensor"
    %pipeline = irdl.is "pipeline"
    %expert = irdl.is "expert"
    %data = irdl.is "data"
    %context = irdl.is "context"
    %axis = irdl.any_of(%tensor, %pipeline, %expert, %data, %context)
    irdl.operands(x: %x)
    irdl.results(y: %y)
    irdl.attributes {"name" = %name, "axis" = %axis}
  }

  // Concatenates over the axis: the parts of a width over tensor, rows over data and context; every device
  // gets the whole.
  irdl.operation @all_gather {
    %x = irdl.base "!builtin.tensor"
    %y = irdl.base "!builtin.tensor"
    %name = irdl.base "#builtin.string"
    %tensor = irdl.is "tensor"
    %pipeline = irdl.is "pipeline"
    %expert = irdl.is "expert"
    %data = irdl.is "data"
    %context = irdl.is "context"
    %axis = irdl.any_of(%tensor, %pipeline, %expert, %data, %context)
    irdl.operands(x: %x)
    irdl.results(y: %y)
    irdl.attributes {"name" = %name, "axis" = %axis}
  }

  // Sums over the axis; every device keeps its part: of the width over tensor, of the rows over data and context.
  irdl.operation @reduce_scatter {
    %x = irdl.base "!builtin.tensor"
    %y = irdl.base "!builtin.tensor"
    %name = irdl.base "#builtin.string"
    %tensor = irdl.is "tensor"
    %pipeline = irdl.is "pipeline"
    %expert = irdl.is "expert"
    %data = irdl.is "data"
    %context = irdl.is "context"
    %axis = irdl.any_of(%tensor, %pipeline, %expert, %data, %context)
    irdl.operands(x: %x)
    irdl.results(y: %y)
    irdl.attributes {"name" = %name, "axis" = %axis}
  }

  // Sends rows to the devices that hold their experts, or back from there.
  irdl.operation @all_to_all {
    %x = irdl.base "!builtin.tensor"
    %y = irdl.base "!builtin.tensor"
    %name = irdl.base "#builtin.string"
    %axis = irdl.is "expert"
    irdl.operands(x: %x)
    irdl.results(y: %y)
    irdl.attributes {"name" = %name, "axis" = %axis}
  }

  // Hands the stream from stage to stage: once less than there are stages.
  irdl.operation @send {
    %x = irdl.base "!builtin.tensor"
    %y = irdl.base "!builtin.tensor"
    %name = irdl.base "#builtin.string"
    %axis = irdl.is "pipeline"
    irdl.operands(x: %x)
    irdl.results(y: %y)
    irdl.attributes {"name" = %name, "axis" = %axis}
  }

  // Passes queries on while keys and values of `width` numbers a token go round the devices that share the tokens
  // of a sequence, so that each sees all of them (ring attention).
  irdl.operation @kv_exchange {
    %x = irdl.base "!builtin.tensor"
    %y = irdl.base "!builtin.tensor"
    %name = irdl.base "#builtin.string"
    %axis = irdl.is "context"
    %width = irdl.base "#builtin.integer"
    %cache = irdl.base "#builtin.type"
    %none = irdl.is "none"
    %by_heads = irdl.is "heads"
    %split = irdl.any_of(%none, %by_heads)
    irdl.operands(x: %x)
    irdl.results(y: %y)
    irdl.attributes {"name" = %name, "axis" = %axis, "width" = %width, "cache" = %cache, "split" = %split}
  }
}
