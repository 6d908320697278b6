// The dialect `berth`: what a language model's pass computes, moves and sends.
//
// Activations are `tensor<?x?xT>`: rows (tokens) by width. Widths are not in their types; they follow
// from the weights, so that one edited weight is one edited line. A weight is a type attribute; its
// element type is its precision. `split` says what the tensor-parallel axis divides.
//
//   mlir-opt --irdl-file=berth.irdl.mlir FILE
irdl.dialect @berth {
  // ---- before decompose ----------------------------------------------------------------------

  // The architecture of a dense decoder. `places` maps a field to the line that states it.
  irdl.operation @model {
    %symbol = irdl.base "#builtin.string"
    %layers = irdl.base "#builtin.integer"
    %hidden = irdl.base "#builtin.integer"
    %heads = irdl.base "#builtin.integer"
    %kv_heads = irdl.base "#builtin.integer"
    %head_width = irdl.base "#builtin.integer"
    %feed_forward = irdl.base "#builtin.integer"
    %vocabulary = irdl.base "#builtin.integer"
    %tied = irdl.base "#builtin.integer"
    %places = irdl.base "#builtin.dictionary"
    irdl.attributes {
      "sym_name" = %symbol, "layers" = %layers, "hidden" = %hidden, "heads" = %heads,
      "kv_heads" = %kv_heads, "head_width" = %head_width, "feed_forward" = %feed_forward,
      "vocabulary" = %vocabulary, "tied_embeddings" = %tied, "places" = %places
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
  // a partial sum.
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

  // Root-mean-square normalisation, scaled by the vector `weight`.
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
  // and values to the KV cache as `cache` elements, and returns the queries.
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

  // Causal attention of the queries over everything in the KV cache.
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

  // The last row of each sequence.
  irdl.operation @last_token {
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
    %axis = irdl.is "tensor"
    irdl.operands(x: %x)
    irdl.results(y: %y)
    irdl.attributes {"name" = %name, "axis" = %axis}
  }

  // Concatenates the parts of a split value over the axis; every device gets the whole.
  irdl.operation @all_gather {
    %x = irdl.base "!builtin.tensor"
    %y = irdl.base "!builtin.tensor"
    %name = irdl.base "#builtin.string"
    %axis = irdl.is "tensor"
    irdl.operands(x: %x)
    irdl.results(y: %y)
    irdl.attributes {"name" = %name, "axis" = %axis}
  }
}
