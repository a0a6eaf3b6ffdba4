"""The arrays of an operator whose shapes MXNet doesn't find by itself. Runs in MXNet's Python."""

from cases.case import distinct, given, integers, normal, uniform

SIZES = (1, 1, 2, 3, 4, 5)


DTYPES = ("float32",) * 12 + ("float16", "float64", "int32", "int64", "int8", "uint8")


def shape(r, *ranks):
    """Small sizes."""
    return tuple(r.choice(SIZES) for _ in range(r.choice(ranks or (1, 2, 2, 3, 3, 4, 4, 5))))


def images(r):
    """(N, C, spatial…), large enough for windows."""
    return (r.randint(1, 3), r.choice((1, 2, 4, 6)), *(r.randint(3, 8) for _ in range(r.choice((1, 2, 2, 2, 3)))))


def broadcast(r):
    """Two shapes that fit each other."""
    whole = shape(r)
    both = [tuple(1 if r.random() < 0.3 else d for d in whole) for _ in range(2)]
    return both[0], both[1]


def values(r, shape, dtype):
    """An array's recipe."""
    if dtype[0] in "iu":
        return integers(0 if dtype == "uint8" else -4, 5, *shape, dtype=dtype)
    kind = r.random()
    if kind < 0.2:
        return uniform(0.05, 0.95, *shape, dtype=dtype)
    return distinct(*shape, scale=0.37, dtype=dtype) if kind < 0.5 else normal(*shape, dtype=dtype)


class Draw:
    """What the arrays of one operator are drawn with."""

    def __init__(self, r, op, names, dtype, many):
        self.r, self.op, self.names, self.dtype, self.many = r, op, names, dtype, many
        self.sizes = r.randint(1, 3), r.choice((2, 4)), r.randint(2, 6), r.randint(2, 6)
        self.shape = shape(r)

    def v(self, *sizes):
        """An array of the operator's type."""
        return values(self.r, sizes, self.dtype)

    def all(self):
        """In the order in which families take them apart."""
        return self.r, self.op, self.v, self.shape, self.sizes


def layers(draw):
    """Layers with windows, norms, recurrent ones, embeddings."""
    r, op, v, s, (n, c, h, w) = draw.all()
    if op in ("Convolution", "Deconvolution", "Pooling", "BatchNorm", "InstanceNorm", "GroupNorm", "LRN", "Pad"):
        s = images(r)
        width = s[1] * 0 + len(s) - 2
        forced = {"kernel": str(tuple(r.randint(1, 3) for _ in range(width)))} if op.endswith("onvolution") else {}
        if op == "Pad":
            pads = [0] * 4 + [r.randint(0, 2) for _ in range(2 * width)]
            forced = {"pad_width": str(tuple(pads))}
        if op.endswith("onvolution"):
            groups = r.choice([g for g in (1, 2, s[1]) if s[1] % g == 0])
            forced.update(num_filter=str(groups * r.randint(1, 3)), num_group=str(groups))
            forced["layout"] = r.choice(("None", {1: "NCW", 2: "NCHW", 3: "NCDHW"}[width]))
        if op == "Pooling":
            forced["layout"] = r.choice(("None", {1: "NCW", 2: "NCHW", 3: "NCDHW"}[width]))
            forced["p_value"] = r.choice(("1", "2", "3"))
        if op == "LRN":
            forced["nsize"] = r.choice(("1", "3", "5"))
            s = (*s[:2], *images(r)[2:4]) if len(images(r)) > 3 else (n, c, h, w)
        return {"data": values(r, s, draw.dtype)}, forced
    if op == "FullyConnected":
        return {"data": v(*shape(r, 2, 2, 3, 4))}, {}
    if op == "RNN":
        bi = r.random() < 0.5
        sizes = {"state_size": str(r.randint(1, 4)), "num_layers": str(r.randint(1, 2)), "bidirectional": str(bi), "p": "0"}
        return {"data": normal(r.randint(1, 5), n, r.randint(1, 4), dtype=draw.dtype)}, {
            **sizes,
            "use_sequence_length": "False",
            "projection_size": "None",
        }
    if op in ("Embedding", "one_hot"):
        name = "data" if op == "Embedding" else "indices"
        kind = r.choice(("float32", "int32", "int64"))
        forced = (
            {"input_dim": "5", "output_dim": str(r.randint(1, 4))} if op == "Embedding" else {"depth": str(r.randint(3, 6))}
        )
        return {name: integers(0, 4, *shape(r, 1, 2, 3), dtype=kind)}, forced
    return None


def indexed(draw):
    """What reads by index, and products of matrices."""
    r, op, v, s, (n, _c, _h, _w) = draw.all()
    if op in ("take", "batch_take", "pick", "_contrib_boolean_mask", "_contrib_index_copy", "gather_nd"):
        kind = r.choice(("float32", "int32", "int64"))
        s = shape(r, 1, 2, 3, 4)
        if op == "take":
            axis = r.randint(-len(s), len(s) - 1)
            mode = r.choice(("clip", "wrap"))
            return {"a": v(*s), "indices": integers(-7, 7, *shape(r, 1, 2, 3), dtype=kind)}, {"axis": str(axis), "mode": mode}
        if op == "batch_take":
            s = shape(r, 2)
            return {"a": v(*s), "indices": integers(0, s[1] - 1, s[0], dtype="int32")}, {}
        if op == "pick":
            axis = r.randint(-len(s), len(s) - 1)
            keep = r.random() < 0.5
            rest = [d for i, d in enumerate(s) if i != axis % len(s)]
            index = tuple(rest) if r.random() < 0.6 else tuple(1 if i == axis % len(s) else d for i, d in enumerate(s))
            return {"data": v(*s), "index": integers(-3, 6, *(index or (1,)), dtype=kind)}, {
                "axis": str(axis),
                "keepdims": str(keep),
            }
        if op == "gather_nd":
            m = r.randint(1, len(s))
            return {"data": v(*s), "indices": integers(0, min(s[:m]) - 1, m, *shape(r, 1, 2), dtype=kind)}, {}
        if op == "_contrib_boolean_mask":
            return {"data": v(*s), "index": integers(0, 1, s[0], dtype=kind)}, {"axis": "0"}
        k = r.randint(1, s[0])
        return {
            "old_tensor": v(*s),
            "index_vector": given(r.sample(range(s[0]), k), dtype=r.choice(("int32", "int64"))),
            "new_tensor": v(k, *s[1:]),
        }, {}
    if op == "where":
        s = shape(r)
        return {
            "condition": integers(0, 1, *(s if r.random() < 0.7 else s[:1]), dtype=r.choice(("float32", "int32"))),
            "x": v(*s),
            "y": v(*s),
        }, {}
    if op in ("dot", "batch_dot", "_linalg_gemm2", "_linalg_gemm"):
        names = dict(zip(("transpose_a", "transpose_b"), (r.random() < 0.5, r.random() < 0.5)))
        m, k, q = (r.choice(SIZES) for _ in range(3))
        a, b = (k, m) if names["transpose_a"] else (m, k), (q, k) if names["transpose_b"] else (k, q)
        lead = {"dot": (), "batch_dot": (n,)}.get(op, shape(r, 0, 1, 2) if r.random() < 0.8 else ())
        forced = {name: str(value) for name, value in names.items()}
        if op == "dot" and r.random() < 0.4:
            a = (*shape(r, 0, 1, 2), k) if not names["transpose_a"] else (k, *shape(r, 1, 2))
            b = (k, *shape(r, 0, 1, 2)) if not names["transpose_b"] else (*shape(r, 1, 2), k)
        if op.startswith("_linalg"):
            forced["axis"] = "-2"
            found = {"A": v(*lead, *a), "B": v(*lead, *b)}
            return ({**found, "C": v(*lead, m, q)} if op == "_linalg_gemm" else found), forced
        return {"lhs": v(*lead, *a), "rhs": v(*lead, *b)}, {**forced, "forward_stype": "None"}
    return None


def places(draw):
    """Sampling, regions, sequences, boxes."""
    r, op, v, s, (n, c, h, w) = draw.all()
    if op in ("BilinearSampler", "SpatialTransformer", "GridGenerator"):
        size = {"target_shape": f"({r.randint(1, 5)}, {r.randint(1, 5)})"}
        if op == "GridGenerator":
            affine = r.random() < 0.5
            return {"data": v(n, 6) if affine else v(n, 2, h, w)}, {"transform_type": "affine" if affine else "warp", **size}
        second = {"grid": uniform(-1.2, 1.2, n, 2, h, w, dtype=draw.dtype)} if op[0] == "B" else {"loc": v(n, 6)}
        forced = {} if op[0] == "B" else {**size, "transform_type": "affine", "sampler_type": "bilinear"}
        return {"data": v(n, c, h, w), **second}, forced
    if op in ("ROIPooling", "_contrib_ROIAlign"):
        rois = [
            (r.randrange(n), x, y, x + r.uniform(0, 6), y + r.uniform(0, 6))
            for x, y in [(r.uniform(-1, 4), r.uniform(-1, 4)) for _ in range(r.randint(1, 4))]
        ]
        return {"data": v(n, 4, 7, 8), "rois": given(rois, dtype=draw.dtype)}, {
            "pooled_size": f"({r.randint(1, 2)}, {r.randint(1, 2)})"
            if op[0] == "_"
            else f"({r.randint(1, 4)}, {r.randint(1, 4)})",
            "spatial_scale": r.choice(("1", "0.5", "0.25")),
        }
    if op in ("SequenceLast", "SequenceMask", "SequenceReverse"):
        s = (r.randint(1, 5), r.randint(1, 4), *shape(r, 0, 1, 2)) if r.random() < 2 else s
        use = r.random() < 0.7
        axis = r.choice((0, 1)) if op != "SequenceReverse" else 0
        found = {"data": v(*s)}
        if use:
            found["sequence_length"] = integers(1, s[axis], s[1 - axis], dtype=r.choice(("float32", "int32", draw.dtype)))
        return found, {"use_sequence_length": str(use), "axis": str(axis)}
    if op == "softmax":
        s = shape(r, 1, 2, 3, 4)
        use = r.random() < 0.3 and len(s) > 1
        axis = r.randint(-len(s), len(s) - 1)
        found = {"data": v(*s)}
        if use:
            found["length"] = integers(
                1, s[axis], *[d for i, d in enumerate(s) if i != axis % len(s)], dtype=r.choice(("int32", "int64"))
            )
        return found, {"axis": str(axis), "use_length": str(use), "temperature": r.choice(("None", "2.0", "0.5"))}
    if op == "_contrib_DeformableConvolution":
        return {"data": v(n, 4, 6, 7), "offset": v(n, 18, 6, 7)}, {
            "kernel": "(3, 3)",
            "pad": "(1, 1)",
            "stride": "(1, 1)",
            "dilate": "(1, 1)",
            "num_filter": "4",
            "num_group": r.choice("12"),
            "num_deformable_group": "1",
            "layout": "None",
        }
    if op == "_contrib_MultiBoxDetection":
        a = r.randint(2, 6)
        return {
            "cls_prob": uniform(0, 1, n, 3, a),
            "loc_pred": normal(n, 4 * a, scale=0.3),
            "anchor": uniform(0, 1, 1, a, 4),
        }, {
            "background_id": r.choice("012"),
            "nms_threshold": r.choice(("0.5", "0.3", "0.7")),
            "threshold": r.choice(("0.01", "0.2", "0.5")),
            "variances": "(0.1, 0.1, 0.2, 0.2)",
        }
    if op in ("_contrib_box_iou", "_contrib_box_decode", "_contrib_box_nms"):
        if op == "_contrib_box_iou":
            return {"lhs": uniform(0, 9, *shape(r, 0, 1, 2), 4), "rhs": uniform(0, 9, *shape(r, 0, 1, 2), 4)}, {}
        if op == "_contrib_box_decode":
            return {"data": v(n, h, 4), "anchors": uniform(0, 9, 1, h, 4)}, {}
        return {"data": uniform(0, 9, *shape(r, 0, 1), r.randint(1, 8), 6)}, {
            "coord_start": "2",
            "score_index": r.choice("01"),
            "id_index": r.choice(("-1", "0", "1")),
            "background_id": r.choice(("-1", "0", "3")),
            "overlap_thresh": r.choice(("0.5", "0.1")),
        }
    if op == "_contrib_dequantize":
        kind = r.choice(("int8", "uint8"))
        return {"data": integers(0, 99, *s, dtype=kind), "min_range": uniform(-3, -1, 1), "max_range": uniform(1, 3, 1)}, {}
    return None


def matrices(draw):
    """Attention, linear algebra, reshapes."""
    r, op, v, s, (n, _c, h, w) = draw.all()
    if "interleaved" in op:
        heads, d = r.randint(1, 3), r.randint(1, 3)
        qkv, attention = v(h, n, heads * d * 3), v(n * heads, h, h)
        kv = v(w, n, heads * d * 2)
        found = {
            "selfatt_qk": {"queries_keys_values": qkv},
            "selfatt_valatt": {"queries_keys_values": qkv, "attention": attention},
            "encdec_qk": {"queries": v(h, n, heads * d), "keys_values": kv},
            "encdec_valatt": {"keys_values": kv, "attention": v(n * heads, h, w)},
        }
        return found[op.split("matmul_")[1]], {"heads": str(heads)}
    if op in ("_linalg_potrf", "_linalg_syrk", "_linalg_trsm"):
        if op == "_linalg_syrk":
            return {"A": v(*shape(r, 2, 3, 4))}, {}
        k = r.randint(1, 4)
        rows = [[(3.0 + i if i == j else 0.3 / (1 + i + j)) for j in range(k)] for i in range(k)]
        if op == "_linalg_potrf":
            return {"A": given(rows, dtype=draw.dtype)}, {}
        right = r.random() < 0.5
        return {"A": given(rows, dtype=draw.dtype), "B": v(*((w, k) if right else (k, w)))}, {"rightside": str(right)}
    if op == "_ravel_multi_index":
        return {"data": integers(0, 2, 3, *shape(r, 1, 2), dtype=draw.dtype)}, {
            "shape": str((r.randint(3, 5), r.randint(3, 5), r.randint(3, 5)))
        }
    if op == "_unravel_index":
        return {"data": integers(0, 26, *shape(r, 1, 2), dtype=draw.dtype)}, {
            "shape": str((r.randint(3, 5), r.randint(3, 5), r.randint(3, 5)))
        }
    if op in ("depth_to_space", "space_to_depth"):
        b = r.randint(1, 3)
        return {"data": v(n, b * b * 2, 2, 3) if op[0] == "d" else v(n, 3, 2 * b, b)}, {"block_size": str(b)}
    if op in ("Reshape", "_npx_reshape"):
        whole = shape(r, 2, 3, 4)
        return {"data" if op == "Reshape" else "a": v(*whole)}, {
            "shape" if op == "Reshape" else "newshape": codes(r, whole, op != "Reshape")
        }
    if op in ("broadcast_to", "_npi_broadcast_to"):
        whole = shape(r)
        own = tuple(1 if r.random() < 0.4 else d for d in whole)
        own = own[r.randint(0, len(own) - 1) :] if op.startswith("_np") else own
        return {"array" if op.startswith("_np") else "data": v(*own)}, {
            "shape": str(
                tuple(0 if not op.startswith("_np") and own[i] == d and r.random() < 0.3 else d for i, d in enumerate(whole))
            )
        }
    if op == "broadcast_axis":
        whole = tuple(1 if r.random() < 0.6 else d for d in s)
        axes = [i for i, d in enumerate(whole) if d == 1 and r.random() < 0.7]
        return {"data": v(*whole)}, {"axis": str(tuple(axes)), "size": str(tuple(r.randint(1, 4) for _ in axes))}
    return None


def parts(draw):
    """Slices, splits, and any number of arrays."""
    r, op, v, s, (n, c, _h, w) = draw.all()
    if op in ("broadcast_like", "reshape_like", "slice_like", "_contrib_arange_like"):
        whole = shape(r)
        if op == "slice_like":
            return {"data": v(*whole), "shape_like": v(*(r.randint(1, d) for d in whole))}, {}
        if op == "broadcast_like":
            return {"lhs": v(*(1 if r.random() < 0.5 else d for d in whole)), "rhs": v(*whole)}, {
                "lhs_axes": "None",
                "rhs_axes": "None",
            }
        if op == "reshape_like":
            return {"lhs": v(*whole), "rhs": v(*r.sample(whole, len(whole)))}, {
                "lhs_begin": "None",
                "lhs_end": "None",
                "rhs_begin": "None",
                "rhs_end": "None",
            } if r.random() < 0.8 else {}
        return {"data": v(*whole)}, {"repeat": "1"} if r.random() < 0.6 else {}
    if op in ("slice_axis", "SliceChannel", "_split_v2"):
        axis = r.randint(-len(s), len(s) - 1)
        size = s[axis]
        if op == "slice_axis":
            a = r.randint(0, size - 1)
            b = r.choice(("None", str(r.randint(a + 1, size))))
            return {"data": v(*s)}, {"axis": str(axis), "begin": str(a - size if r.random() < 0.3 else a), "end": b}
        parts = r.choice([p for p in range(1, size + 1) if size % p == 0])
        if op == "SliceChannel":
            return {"data": v(*s)}, {"axis": str(axis), "num_outputs": str(parts)}
        if r.random() < 0.5:
            return {"data": v(*s)}, {"axis": str(axis), "sections": str(parts), "indices": "()"}
        return {"data": v(*s)}, {
            "axis": str(axis),
            "sections": "0",
            "indices": str((0, *sorted(r.sample(range(1, size), r.randint(0, size - 1))))),
        }
    if draw.names == ["args"] or draw.many:  # any number of arrays
        count = r.randint(1, 4)
        alike = [s] * count
        forced = {"num_args": str(count)}
        if op in ("Concat", "concat"):
            dim = r.randint(-len(s), len(s) - 1)
            alike = [tuple(r.choice(SIZES) if i == dim % len(s) else d for i, d in enumerate(s)) for _ in range(count)]
            forced["dim"] = str(dim)
        elif op == "stack":
            forced["axis"] = str(r.randint(-len(s) - 1, len(s)))
        elif op == "khatri_rao":
            alike = [(r.choice(SIZES), w) for _ in range(count)]
        elif op == "UpSampling":
            k = r.randint(1, 3)
            alike = [(n, c, 4, 4), (n, c, 2, 2)][: r.randint(1, 2)]
            forced = {"sample_type": "nearest", "num_args": str(len(alike)), "scale": str(k), "num_filter": "0"}
        elif op == "Crop":
            alike = [(n, c, 6, 7), (n, 1, 3, 4)][: r.randint(1, 2)]
            forced = {"num_args": str(len(alike)), "h_w": "(2, 3)", "offset": str((r.randint(0, 2), r.randint(0, 2)))}
        return {f"arg{i}": values(r, one, draw.dtype) for i, one in enumerate(alike)}, forced
    return None


def pairs(draw):
    """Two alike, and what else is of images."""
    r, op, v, s, (n, c, h, w) = draw.all()
    if len(draw.names) >= 2 and draw.names[:2] == ["lhs", "rhs"]:
        both = broadcast(r) if op.startswith(("broadcast", "_np")) else (s, s)
        return {"lhs": v(*both[0]), "rhs": v(*both[1])}, {}
    if op in (
        "_contrib_AdaptiveAvgPooling2D",
        "_contrib_BilinearResize2D",
        "SoftmaxActivation",
        "_contrib_MultiBoxPrior",
        "Correlation",
    ):
        data = v(n, c, h, w)
        if op == "_contrib_AdaptiveAvgPooling2D":
            return {"data": data}, {"output_size": r.choice(("()", "1", "(2, 3)", "(3,)", "5"))}
        if op == "Correlation":
            return {"data1": v(n, c, 6, 7), "data2": v(n, c, 6, 7)}, {
                "kernel_size": r.choice("13"),
                "pad_size": r.choice("123"),
                "max_displacement": r.choice("12"),
            }
        return {"data": data}, {"mode": "size"} if op == "_contrib_BilinearResize2D" else {}
    if op in ("LinearRegressionOutput", "LogisticRegressionOutput", "MAERegressionOutput"):
        s = shape(r, 2, 3, 4)
        return {"data": v(*s), "label": v(*s)}, {}
    if len(draw.names) > 1 and r.random() < 0.5:
        both = broadcast(r) if r.random() < 0.5 else (s, s)
        return {name: v(*both[min(i, 1)]) for i, name in enumerate(draw.names)}, {}
    return None


def inputs_of(r, op, names, dtype, many):
    """The arrays whose shapes the operator doesn't find by itself, in a dictionary, and the settings that they force."""
    draw = Draw(r, op, names, dtype, many)
    for family in (layers, indexed, places, matrices, parts, pairs):
        found = family(draw)
        if found is not None:
            return found
    return {names[0]: draw.v(*draw.shape)} if names else {}, {}


def codes(r, whole, numpy):
    """A shape for Reshape with MXNet's codes."""
    made, i, free = [], 0, True
    same, rest, joined, dropped = (-2, -4, -5, -3) if numpy else (0, -2, -3, None)
    while i < len(whole):
        kind = r.random()
        if kind < 0.3:
            made.append(same)
        elif kind < 0.45 and i + 1 < len(whole):
            made.append(joined)
            i += 1
        elif kind < 0.6 and free and not numpy:
            free = False
            made += [-4, *r.choice(((-1, whole[i]), (1, -1), (1, whole[i])))]
        elif kind < 0.7:
            made.append(rest)
            break
        elif kind < 0.8 and free:
            free = False
            made.append(-1)
        elif dropped is not None and whole[i] == 1:
            made.append(dropped)
        else:
            made.append(whole[i])
        i += 1
    return str(tuple(made))
