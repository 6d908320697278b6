"""Writes the modules of this folder anew, from the networks below.

    python3 -m venv venv && venv/bin/pip install -r requirements.txt && venv/bin/python export.py [FOLDER]

`encoder.mlir` is JAX's: one layer of an encoder under a table of tokens, its batch and length left open, in StableHLO's
generic form. `layers.mlir` is the same layer four times in a loop. `tests/ir/modules.md` derives their figures.
"""

import pathlib
import sys

import jax
import jax.numpy as jnp
from jax import export

VOCABULARY, HIDDEN, HEADS, INNER, LAYERS = 512, 64, 4, 256, 4
WIDTH = HIDDEN // HEADS


def norm(x, scale):
    x = x.astype(jnp.float32)
    return (x * jax.lax.rsqrt(jnp.mean(x * x, axis=-1, keepdims=True) + 1e-6)).astype(jnp.bfloat16) * scale


def layer(x, weights):
    batch, tokens, _ = x.shape
    heads = lambda y: y.reshape(batch, tokens, HEADS, WIDTH)
    y = norm(x, weights["attention_norm"])
    q, k, v = (heads(y @ weights[name]) for name in ("q", "k", "v"))
    scores = jnp.einsum("bqhd,bkhd->bhqk", q, k, preferred_element_type=jnp.float32)
    shares = jax.nn.softmax(scores * WIDTH**-0.5, axis=-1).astype(jnp.bfloat16)
    y = jnp.einsum("bhqk,bkhd->bqhd", shares, v).reshape(batch, tokens, HIDDEN)
    x = x + y @ weights["o"]
    y = norm(x, weights["mlp_norm"])
    return x + jax.nn.relu(y @ weights["up"]) @ weights["down"]


def encoder(weights, tokens):
    return layer(weights["embedding"][tokens], weights["layer"]).mean(axis=1)


def layers(weights, tokens):
    x = weights["embedding"][tokens]
    x, _ = jax.lax.scan(lambda x, weights: (layer(x, weights), None), x, weights["layer"])
    return x.mean(axis=1)


def shapes(*leading):
    matrix = lambda *extents: jax.ShapeDtypeStruct(leading + extents, jnp.bfloat16)
    square = {name: matrix(HIDDEN, HIDDEN) for name in ("q", "k", "v", "o")}
    norms = {name: matrix(HIDDEN) for name in ("attention_norm", "mlp_norm")}
    inner = {"up": matrix(HIDDEN, INNER), "down": matrix(INNER, HIDDEN)}
    return {
        "embedding": jax.ShapeDtypeStruct((VOCABULARY, HIDDEN), jnp.bfloat16),
        "layer": square | norms | inner,
    }


def generic(exported):
    """StableHLO's generic form, without what says where in this file an operation is from."""
    from jax._src.interpreters import mlir
    from jaxlib.mlir import ir

    with mlir.make_ir_context():
        module = ir.Module.parse(exported.mlir_module())
        return module.operation.get_asm(print_generic_op_form=True, enable_debug_info=False) + "\n"


def main(folder):
    batch, tokens = export.symbolic_shape("b, t")
    open_input = jax.ShapeDtypeStruct((batch, tokens), jnp.int32)
    closed_input = jax.ShapeDtypeStruct((8, 128), jnp.int32)
    for name, network, arguments in [
        ("encoder", encoder, (shapes(), open_input)),
        ("layers", layers, (shapes(LAYERS), closed_input)),
    ]:
        exported = export.export(jax.jit(network))(*arguments)
        (folder / f"{name}.mlir").write_text(generic(exported))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent))
