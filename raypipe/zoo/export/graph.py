"""TrOCR (Li et al., AAAI 2023) as ONNX graphs with the inputs and outputs of Optimum's exporter.

The encoder is exported by torch.onnx. The decoder is written node by node, so that one body serves the first step and
all later ones: only the nodes that read the encoder's keys are in a branch, and each weight is stored and packed once.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from transformers import AttentionInterface, VisionEncoderDecoderModel

OPSET = 20
MICROSOFT = "com.microsoft"
IR_VERSION = 10


def encoder(model: VisionEncoderDecoderModel, half: bool) -> onnx.ModelProto:
    """Return the encoder: `pixel_values` (n, 3, h, w) to `last_hidden_state` (n, patches, hidden)."""
    AttentionInterface.register("onnx_attention", _fused_attention)
    model.encoder.set_attn_implementation("onnx_attention")
    config = model.config.encoder
    height, width = (config.image_size,) * 2 if isinstance(config.image_size, int) else config.image_size
    program = torch.onnx.export(
        _Encoder(model, half),
        (torch.zeros(2, 3, height, width),),
        input_names=["pixel_values"],
        output_names=["last_hidden_state"],
        dynamic_shapes={"pixel_values": {0: torch.export.Dim("batch_size")}},
        opset_version=OPSET,
        dynamo=True,
        verbose=False,
    )
    file = io.BytesIO()
    program.save(file)
    return onnx.load_from_string(file.getvalue())


class _Encoder(torch.nn.Module):
    """The encoder with the layer between it and the decoder; float32 outside, and float16 inside if wanted."""

    def __init__(self, model: VisionEncoderDecoderModel, half: bool) -> None:
        super().__init__()
        wide = model.config.encoder.hidden_size != model.config.decoder.hidden_size
        between = wide and model.config.decoder.cross_attention_hidden_size is None
        self.encoder = model.encoder.half() if half else model.encoder
        self.projection = model.enc_to_dec_proj if between else torch.nn.Identity()
        self.dtype = torch.float16 if half else torch.float32

    def forward(self, pixel_values: torch.Tensor) -> torch.Tensor:
        hidden = self.encoder(pixel_values=pixel_values.to(self.dtype), return_dict=True).last_hidden_state
        return self.projection(hidden)


def _fused_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    **_: object,
) -> tuple[torch.Tensor, None]:
    """Attention (n, heads, length, size) as one operator, which never holds the scores of all heads at once."""
    assert attention_mask is None, "the encoder of a picture has no mask"
    batch, heads, length, size = query.shape
    flat = [part.transpose(1, 2).reshape(batch, length, heads * size) for part in (query, key, value)]
    attended = torch.onnx.ops.symbolic(
        f"{MICROSOFT}::MultiHeadAttention",
        flat,
        {"num_heads": heads, "scale": float(scaling or size**-0.5)},
        dtype=query.dtype,
        shape=flat[0].shape,
        version=1,
    )
    return attended.reshape(batch, length, heads, size), None


class GraphBuilder:
    """Nodes and weights under construction. Values are named for what they are, nodes after their first output."""

    def __init__(self, half: bool, parent: GraphBuilder | None = None) -> None:
        self.half = half
        self.nodes: list[onnx.NodeProto] = []
        self.weights: dict[str, onnx.TensorProto] = parent.weights if parent else {}

    def add(self, operator: str, *inputs: str, name: str, domain: str = "", **attributes: object) -> str:
        """Add a node with one output and return its name."""
        self.nodes.append(helper.make_node(operator, inputs, [name], name=name, domain=domain, **attributes))
        return name

    def weight(self, name: str, value: torch.Tensor | np.ndarray) -> str:
        """Store floats in the graph's precision, integers as they are."""
        array = value.detach().float().numpy() if isinstance(value, torch.Tensor) else value
        if array.dtype == np.float32 and self.half:
            array = array.astype(np.float16)
        self.weights[name] = numpy_helper.from_array(array.copy(order="C"), name)
        return name

    def integers(self, *values: int) -> str:
        """Store a list of int64."""
        return self.weight("integers_" + "_".join(map(str, values)), np.array(values, np.int64))

    def linear(self, value: str, layers: Sequence[torch.nn.Linear], name: str, scales: Sequence[float] = ()) -> str:
        """Apply linear layers to one input as a single product, its results side by side, each times its scale."""
        scales = scales or [1.0] * len(layers)
        matrix = torch.cat([layer.weight.detach().T * scale for layer, scale in zip(layers, scales, strict=True)], 1)
        product = self.add("MatMul", value, self.weight(f"{name}.weight", matrix), name=f"{name}.product")
        if layers[0].bias is None:
            return product
        bias = torch.cat([layer.bias.detach() * scale for layer, scale in zip(layers, scales, strict=True)])
        return self.add("Add", product, self.weight(f"{name}.bias", bias), name=name)

    def norm(self, value: str, layer: torch.nn.LayerNorm, name: str) -> str:
        """Normalise the last axis."""
        weight, bias = self.weight(f"{name}.weight", layer.weight), self.weight(f"{name}.bias", layer.bias)
        return self.add("LayerNormalization", value, weight, bias, name=name, axis=-1, epsilon=layer.eps)

    def heads(self, value: str, heads: int, size: int, name: str) -> str:
        """Split the last axis: (n, t, heads x size) to (n, heads, t, size)."""
        split = self.add("Reshape", value, self.integers(0, 0, heads, size), name=f"{name}.split")
        return self.add("Transpose", split, name=name, perm=[0, 2, 1, 3])

    def attend(self, query: str, key: str, value: str, mask: str | None, name: str) -> str:
        """Attention of (n, heads, t, size) as (n, t, heads x size); the query is scaled already."""
        turned = self.add("Transpose", key, name=f"{name}.turned", perm=[0, 1, 3, 2])
        scores = self.add("MatMul", query, turned, name=f"{name}.scores")
        if mask:
            scores = self.add("Add", scores, mask, name=f"{name}.masked")
        shares = self.add("Softmax", scores, name=f"{name}.shares", axis=-1)
        mixed = self.add("MatMul", shares, value, name=f"{name}.mixed")
        back = self.add("Transpose", mixed, name=f"{name}.back", perm=[0, 2, 1, 3])
        return self.add("Reshape", back, self.integers(0, 0, -1), name=name)


def decoder(model: VisionEncoderDecoderModel, half: bool, kind: str = "merged") -> onnx.ModelProto:
    """Return a decoder with key/value cache.

    Inputs: `input_ids` (n, t), `encoder_hidden_states`, `past_key_values.L.{decoder,encoder}.{key,value}` and
    `use_cache_branch`, which says whether the past counts. Outputs: `logits` (n, t, tokens) and `present.*`; those of
    the encoder are empty where the past counts, since they do not change. `kind` is `merged`, or `first` and `later`
    for two files that have no `use_cache_branch` and only those of the other inputs that they need.
    """
    return _Decoder(model, half, kind).build()


class _Decoder:
    """Builds the graph of a TrOCR decoder."""

    def __init__(self, model: VisionEncoderDecoderModel, half: bool, kind: str) -> None:
        self.kind = kind
        self.head = model.decoder.output_projection
        self.body = model.decoder.model.decoder
        self.config = model.config.decoder
        self.encoder_size = self.config.cross_attention_hidden_size or self.config.hidden_size
        self.heads = self.config.decoder_attention_heads
        self.size = self.config.hidden_size // self.heads
        self.type = TensorProto.FLOAT16 if half else TensorProto.FLOAT
        self.graph = GraphBuilder(half)
        self.outputs: list[onnx.ValueInfoProto] = []

    def build(self) -> onnx.ModelProto:
        graph = self.graph
        self._lengths()
        value = self._embedded()
        for number, layer in enumerate(self.body.layers):
            value = self._layer(value, number, layer)
        logits = graph.linear(value, [self.head], "head")
        logits = graph.add("Cast", logits, name="logits", to=TensorProto.FLOAT)
        shape = ["batch", "length", self.config.vocab_size]
        self.outputs.insert(0, helper.make_tensor_value_info("logits", TensorProto.FLOAT, shape))
        body = helper.make_graph(graph.nodes, "decoder", self._inputs(), self.outputs, list(graph.weights.values()))
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(MICROSOFT, 1)]
        made = helper.make_model(body, opset_imports=opsets, ir_version=IR_VERSION)
        helper.set_model_props(made, {"shared_cross_attention": "true"})
        return made

    def _inputs(self) -> list[onnx.ValueInfoProto]:
        values = [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "length"])]
        if self.kind != "later":
            hidden = ["batch", "encoder_length", self.encoder_size]
            values.append(helper.make_tensor_value_info("encoder_hidden_states", self.type, hidden))
        for number in range(len(self.body.layers) if self.kind != "first" else 0):
            for side, length in (("decoder", "past_length"), ("encoder", "encoder_past_length")):
                for part in ("key", "value"):
                    values.append(self._cache(f"past_key_values.{number}.{side}.{part}", length))
        if self.kind == "merged":
            values.append(helper.make_tensor_value_info("use_cache_branch", TensorProto.BOOL, [1]))
        return values

    def _cache(self, name: str, length: str) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, self.type, ["batch", self.heads, length, self.size])

    def _lengths(self) -> None:
        """Computes how much of the past counts, the positions of the tokens, and which earlier ones each may see."""
        graph = self.graph
        if self.kind == "first":
            past = graph.integers(0)
        else:
            past = graph.add("Shape", "past_key_values.0.decoder.key", name="past_length", start=2, end=3)
        if self.kind == "merged":
            graph.add("Cast", "use_cache_branch", name="counts", to=TensorProto.INT64)
            past = graph.add("Mul", "past_length", "counts", name="past")
            graph.add("Sub", "past_length", "past", name="ignored")
        graph.add("Shape", "input_ids", name="length", start=1, end=2)
        graph.add("Add", past, "length", name="total")
        graph.add("Shape", "input_ids", name="rows_and_length")
        graph.add("Concat", "rows_and_length", graph.integers(self.config.hidden_size), name="query_shape", axis=0)
        first, last = graph.add("Squeeze", past, name="first"), graph.add("Squeeze", "total", name="last")
        zero, one = graph.weight("zero", np.array(0, np.int64)), graph.weight("one", np.array(1, np.int64))
        graph.add("Range", first, last, one, name="places")
        graph.add("Range", zero, last, one, name="seen")
        graph.add("Unsqueeze", "places", graph.integers(1), name="rows")
        graph.add("LessOrEqual", "seen", "rows", name="visible")
        lowest = np.array(np.finfo(np.float16 if graph.half else np.float32).min, np.float32)
        graph.add("Where", "visible", graph.weight("shown", np.array(0, np.float32)),
                  graph.weight("hidden", lowest), name="mask")  # fmt: skip

    def _embedded(self) -> str:
        graph, tokens, places = self.graph, self.body.embed_tokens, self.body.embed_positions
        learned = self.config.use_learned_position_embeddings
        table = tokens.weight * tokens.embed_scale
        graph.add("Gather", graph.weight("tokens.weight", table), "input_ids", name="tokens")
        rows = (places.weight if learned else places.weights)[places.offset if learned else places.padding_idx + 1 :]
        graph.add("Gather", graph.weight("positions.weight", rows), "places", name="positions")
        value = graph.add("Add", "tokens", "positions", name="embedded")
        norm = self.body.layernorm_embedding
        return value if norm is None else graph.norm(value, norm, "embedded.norm")

    def _layer(self, value: str, number: int, layer: torch.nn.Module) -> str:
        graph, name = self.graph, f"layers.{number}"
        mixed = self._self_attention(value, number, layer.self_attn, f"{name}.self")
        value = graph.norm(
            graph.add("Add", value, mixed, name=f"{name}.a"), layer.self_attn_layer_norm, f"{name}.a.norm"
        )
        mixed = self._cross_attention(value, number, layer.encoder_attn, f"{name}.cross")
        value = graph.norm(
            graph.add("Add", value, mixed, name=f"{name}.b"), layer.encoder_attn_layer_norm, f"{name}.b.norm"
        )
        inner = graph.linear(value, [layer.fc1], f"{name}.fc1")
        inner = self._activation(inner, f"{name}.active")
        inner = graph.linear(inner, [layer.fc2], f"{name}.fc2")
        return graph.norm(graph.add("Add", value, inner, name=f"{name}.c"), layer.final_layer_norm, f"{name}.c.norm")

    def _activation(self, value: str, name: str) -> str:
        match self.config.activation_function:
            case "gelu":
                return self.graph.add("Gelu", value, name=name)
            case "relu":
                return self.graph.add("Relu", value, name=name)
            case other:
                raise SystemExit(f"Decoders with activation {other!r} are not supported: gelu and relu are.")

    def _self_attention(self, value: str, number: int, layer: torch.nn.Module, name: str) -> str:
        graph = self.graph
        joint = graph.linear(value, [layer.q_proj, layer.k_proj, layer.v_proj], f"{name}.qkv", [layer.scaling, 1, 1])
        split = graph.add("Reshape", joint, graph.integers(0, 0, 3, self.heads, self.size), name=f"{name}.split")
        turned = graph.add("Transpose", split, name=f"{name}.heads", perm=[2, 0, 3, 1, 4])
        query, *fresh = (
            graph.add("Gather", turned, graph.weight(f"part_{n}", np.array(n, np.int64)), name=f"{name}.{kind}", axis=0)
            for n, kind in enumerate(("query", "key", "value"))
        )
        kept = []
        for kind, new in zip(("key", "value"), fresh, strict=True):
            past, present = f"past_key_values.{number}.decoder.{kind}", f"present.{number}.decoder.{kind}"
            if self.kind == "merged":
                past = graph.add("Slice", past, "ignored", "past_length", graph.integers(2), name=f"{present}.past")
            parts = [new] if self.kind == "first" else [past, new]
            kept.append(graph.add("Concat", *parts, name=present, axis=2))
            self.outputs.append(self._cache(present, "total_length"))
        key, value = kept
        mixed = graph.attend(query, key, value, "mask", f"{name}.mixed")
        return graph.linear(mixed, [layer.out_proj], f"{name}.out")

    def _cross_attention(self, value: str, number: int, layer: torch.nn.Module, name: str) -> str:
        graph = self.graph
        query = graph.linear(value, [layer.q_proj], f"{name}.q", [layer.scaling])
        names = [f"{name}.mixed", *(f"present.{number}.encoder.{kind}" for kind in ("key", "value"))]
        if self.kind != "later":
            self.outputs += [self._cache(present, "encoder_length_out") for present in names[1:]]
        if self.kind == "merged":
            again, fresh = GraphBuilder(graph.half, graph), GraphBuilder(graph.half, graph)
            past = self._branch(
                again, [self._read_again(again, query, number, f"{name}.again"), *self._nothing(again, name)]
            )
            first = self._branch(fresh, self._read_first(fresh, query, layer, name))
            branches = {"then_branch": past, "else_branch": first}
            graph.nodes.append(helper.make_node("If", ["use_cache_branch"], names, name=name, **branches))
        elif self.kind == "first":
            for made, wanted in zip(self._read_first(graph, query, layer, name), names, strict=True):
                graph.add("Identity", made, name=wanted)
        else:
            self._read_again(graph, query, number, names[0])
        return graph.linear(names[0], [layer.out_proj], f"{name}.out")

    def _read_again(self, graph: GraphBuilder, query: str, number: int, name: str) -> str:
        key, value = (f"past_key_values.{number}.encoder.{kind}" for kind in ("key", "value"))
        return self._read(graph, query, key, value, name)

    def _nothing(self, graph: GraphBuilder, name: str) -> list[str]:
        """Empty keys and values, for a branch that must have outputs."""
        nothing = graph.weight("nothing", np.zeros((0, self.heads, 1, self.size), np.float32))
        return [graph.add("Identity", nothing, name=f"{name}.no_{kind}") for kind in ("key", "value")]

    def _read_first(self, graph: GraphBuilder, query: str, layer: torch.nn.Module, name: str) -> list[str]:
        """Attention to the encoder, and the keys and values that it needs."""
        computed = []
        for kind, projection in (("key", layer.k_proj), ("value", layer.v_proj)):
            flat = graph.linear("encoder_hidden_states", [projection], f"{name}.{kind}")
            computed.append(graph.heads(flat, self.heads, self.size, f"{name}.{kind}.heads"))
        key, value = computed
        return [self._read(graph, query, key, value, f"{name}.first"), key, value]

    def _read(self, graph: GraphBuilder, query: str, key: str, value: str, name: str) -> str:
        """Attention of (n, t, hidden) to keys of n pictures, or of fewer that n / pictures rows each share."""
        graph.add("Shape", key, name=f"{name}.pictures", start=0, end=1)
        rest = graph.integers(-1, self.heads, self.size)
        shape = graph.add("Concat", f"{name}.pictures", rest, name=f"{name}.shape", axis=0)
        split = graph.add("Reshape", query, shape, name=f"{name}.split")
        heads = graph.add("Transpose", split, name=f"{name}.query", perm=[0, 2, 1, 3])
        mixed = graph.attend(heads, key, value, None, f"{name}.shared")
        return graph.add("Reshape", mixed, "query_shape", name=name)

    def _branch(self, graph: GraphBuilder, outputs: Sequence[str]) -> onnx.GraphProto:
        values = [helper.make_tensor_value_info(name, self.type, None) for name in outputs]
        return helper.make_graph(graph.nodes, outputs[0], [], values)
