"""The files of the reader's tests, whose fate in the real Caffe ``record_reader.py`` records."""

RELU = (
    'layer {{ name: "data" type: "Input" top: "data" input_param {{ shape {{ dim: 1 }} }} }}\n'
    'layer {{ name: "r" type: "ReLU" bottom: "data" top: "r" relu_param {{ negative_slope: {} }} }}'
)
NAME = 'name: {}\nlayer {{ name: "data" type: "Input" top: "data" input_param {{ shape {{ dim: 1 }} }} }}'
FORCE = 'force_backward: {}\nlayer {{ name: "data" type: "Input" top: "data" input_param {{ shape {{ dim: 1 }} }} }}'
SHAPE = 'layer {{ name: "data" type: "Input" top: "data" input_param {{ shape {{ {} }} }} }}'
POOL = (
    'layer {{ name: "data" type: "Input" top: "data" input_param {{ shape {{ dim: [1, 1, 2, 2] }} }} }}\n'
    'layer {{ name: "p" type: "Pooling" bottom: "data" top: "p" pooling_param {{ kernel_size: 1 pool: {} }} }}'
)
ANY = "{}\n" + SHAPE.format("dim: 1").replace("{", "{{").replace("}", "}}")

TEXTS = {
    RELU: [
        "1",
        "-1",
        "- 1",
        "-# minus\n1",
        "+1",
        ".5",
        "5.",
        "1e-3",
        "1E+3",
        "1e",
        "0.1f",
        "1F",
        "1.f",
        "0x10",
        "010",
        "00",
        "1e60",
        "-1e60",
        "1e-60",
        "16777217",
        "0.1",
        "inf",
        "-inf",
        "Infinity",
        "INF",
        "inff",
        "nan",
        "true",
        '"1"',
        "1;",
        "1,",
        "1;;",
        "",
        "1 2",
        "[1]",
        "{ }",
        "1.0.0",
        "1-2",
        "--1",
        "0.30000001192092896",
    ],
    NAME: [
        '"a"',
        "'a'",
        "'a\"b'",
        '"a" \'b\' # c\n "c"',
        r'"\n\t\\\"\x41\101\?\a"',
        r'"\q"',
        r'"\u00e9"',
        '"é"',
        '"a\nb"',
        '"a',
        "a",
        "1",
        r'"a\000b"',
        '""',
        '"#"',
        '"{"',
        '["a"]',
        '"a" name: "b"',
        '\x0b"a"\x0c',
        '"a"\r',
        '"a"; # end',
    ],
    FORCE: ["true", "True", "t", "1", "0", "false", "False", "f", "TRUE", "2", "01", "0x1", "-1", '"true"', "yes"],
    SHAPE: [
        "dim: 1 dim: 2",
        "dim: [1, 2]",
        "dim: []",
        "dim: [1,]",
        "dim: [1 2]",
        "dim [1]",
        "dim: [1, 2] dim: 3",
        "dim: 0x10",
        "dim: 010",
        "dim: 08",
        "dim: 0XfF",
        "dim: 1.0",
        "dim: 1e1",
        "dim: 3dim: 1",
        "dim:1,dim:2;dim:3",
        "dim: 4294967296",
        "dim: 9223372036854775808",
        "dim",
        "dim: # no\n",
        "dim: 1 }",
        "dim: 1 {",
        "dim: -1",
    ],
    POOL: ["AVE", "1", "AVG", "7", '"AVE"', "ave", "0x1", "-1"],
    ANY: [
        "",
        "# comment\n",
        "layer { name: 'x' type: 'Silence' bottom: 'data'",
        "layer < name: 'x' type: 'Input' >",
        "layer: { name: 'x' type: 'Input' }",
        "layer: < name: 'x' type: 'Input' };",
        "layer: [{name: 'a' type: 'Input'}, <name: 'b' type: 'Input'>]",
        "layer [{name: 'a' type: 'Input'}];",
        "layer: 3",
        "name { }",
        "}",
        ">",
        ";",
        "name: 'a';; ",
        "layer { ; }",
        "name 'a'",
        "name:",
        "1: 2",
        "foo: 1",
        "[x.y]: 1",
        "name-x: 'a'",
        "layer { name: 'x' type: 'Input' }, layer { name: 'y' type: 'Input' };",
        "layer { relu_param { } relu_param { } }",
        "layer { clip_param { min: 1 } }",
        "\ufeffname: 'a'",
        "state { level: -2147483649 }",
        "state { level: 2147483648 }",
        "state { level: -2147483648 }",
        "layer { convolution_param { num_output: -1 } }",
    ],
}

DATA = 'name: "t" input: "data" input_shape { dim: 2 dim: 3 dim: 9 dim: 9 }\n'

V0 = """
name: "v0" input: "data" input_dim: 2 input_dim: 4 input_dim: 11 input_dim: 11
layers { layer { name: "pad1" type: "padding" pad: 2 } bottom: "data" top: "pad1" }
layers { layer { name: "conv1" type: "conv" num_output: 6 kernelsize: 3 stride: 2 group: 2 biasterm: true blobs_lr: 1
  blobs_lr: 2
  weight_decay: 1 weight_decay: 0 weight_filler { type: "constant" value: 0.01 } bias_filler { type: "constant" value: 0.1 } }
  bottom: "pad1" top: "conv1" }
layers { layer { name: "relu1" type: "relu" } bottom: "conv1" top: "conv1" }
layers { layer { name: "norm1" type: "lrn" local_size: 3 alpha: 0.0001 beta: 0.7 k: 2 } bottom: "conv1" top: "norm1" }
layers { layer { name: "pad2" type: "padding" pad: 1 } bottom: "norm1" top: "pad2" }
layers { layer { name: "pool1" type: "pool" kernelsize: 3 stride: 2 pool: AVE } bottom: "pad2" top: "pool1" }
layers { layer { name: "pool1b" type: "pool" kernelsize: 3 stride: 2 pad: 1 } bottom: "norm1" top: "pool1b" }
layers { layer { name: "cat" type: "concat" concat_dim: 1 } bottom: "pool1" bottom: "pool1b" top: "cat" }
layers { layer { name: "bnll" type: "bnll" } bottom: "cat" top: "bnll" }
layers { layer { name: "tanh" type: "tanh" } bottom: "bnll" top: "tanh" }
layers { layer { name: "sig" type: "sigmoid" } bottom: "tanh" top: "sig" }
layers { layer { name: "flat" type: "flatten" } bottom: "sig" top: "flat" }
layers { layer { name: "fc" type: "innerproduct" num_output: 5 biasterm: false weight_filler { type: "constant" value: 0.02 } }
  bottom: "flat" top: "fc" }
layers { layer { name: "drop" type: "dropout" dropout_ratio: 0.4 } bottom: "fc" top: "fc" }
layers { layer { name: "prob" type: "softmax" } bottom: "fc" top: "prob" }
"""

V1 = """
name: "v1" input: "data" input: "other"
input_dim: 2 input_dim: 4 input_dim: 8 input_dim: 8 input_dim: 2 input_dim: 4 input_dim: 8 input_dim: 8
layers { name: "conv" type: CONVOLUTION bottom: "data" top: "conv" blobs_lr: 1 blobs_lr: 2 weight_decay: 1 param: "w" param: "b"
  blob_share_mode: STRICT
  convolution_param { num_output: 4 kernel_size: 3 pad: 1 weight_filler { type: "constant" value: 0.02 } } }
layers { name: "conv_p" type: CONVOLUTION bottom: "other" top: "conv_p" blobs_lr: 1 blobs_lr: 2 weight_decay: 1
  param: "w" param: "b"
  convolution_param { num_output: 4 kernel_size: 3 pad: 1 } }
layers { name: "sum" type: ELTWISE bottom: "conv" bottom: "conv_p" top: "sum" eltwise_param { operation: SUM coeff: 1
  coeff: -1 } }
layers { name: "abs" type: ABSVAL bottom: "sum" top: "abs" }
layers { name: "power" type: POWER bottom: "abs" top: "power" power_param { power: 2 shift: 0.5 } }
layers { name: "thr" type: THRESHOLD bottom: "power" top: "thr" threshold_param { threshold: 0.3 } }
layers { name: "slice" type: SLICE bottom: "thr" top: "s1" top: "s2" slice_param { slice_dim: 1 slice_point: 1 } }
layers { name: "sil" type: SILENCE bottom: "s1" }
layers { name: "mvn" type: MVN bottom: "s2" top: "mvn" mvn_param { normalize_variance: false } }
layers { name: "deconv" type: DECONVOLUTION bottom: "mvn" top: "deconv" convolution_param { num_output: 3
  kernel_size: 4 stride: 2 group: 3
  bias_term: false weight_filler { type: "bilinear" } } }
layers { name: "exp" type: EXP bottom: "deconv" top: "exp" exp_param { scale: 0.1 } }
layers { name: "am" type: ARGMAX bottom: "exp" top: "am" argmax_param { top_k: 2 } }
layers { name: "only_train" type: DROPOUT bottom: "exp" top: "exp" include { phase: TRAIN } }
layers { name: "not_train" type: RELU bottom: "exp" top: "relu" exclude { phase: TRAIN }
  relu_param { negative_slope: 0.1 } loss_weight: 0 }
layers { name: "i2c" type: IM2COL bottom: "relu" top: "i2c" convolution_param { kernel_size: 2 } }
"""

BN = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 dim: 4 dim: 4 } } }
layer { name: "bn" type: "BatchNorm" bottom: "data" top: "bn"
  param { lr_mult: 0 } param { lr_mult: 1 } param { name: "x" decay_mult: 2 } }
layer { name: "bn2" type: "BatchNorm" bottom: "bn" top: "bn2"
  param { lr_mult: 0 } param { lr_mult: 0 } param { name: "x" lr_mult: 0 } }
"""

UPGRADES = {"v0": V0, "v1": V1, "batch_norm": BN, "shape": DATA + 'layer { name: "r" type: "ReLU" bottom: "data" top: "data" }'}

IP = 'layer {{ name: "{}" type: "InnerProduct" bottom: "{}" top: "{}" {} inner_product_param {{ num_output: {} {} }} }}\n'
INPUT = 'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 2 } } }\n'
SHARED = 'param { name: "w" } param { name: "b" }'

NETS = {
    "shared": (
        INPUT + IP.format("a", "data", "a", SHARED, 2, "") + IP.format("b", "a", "b", SHARED, 2, ""),
        [("a", [[2, 2], [2]]), ("b", [[2, 2], [2]])],
    ),
    "shared, in the other order": (
        INPUT + IP.format("a", "data", "a", SHARED, 2, "") + IP.format("b", "a", "b", SHARED, 2, ""),
        [("b", [[2, 2], [2]]), ("a", [[2, 2], [2]])],
    ),
    "shared, only the sharer": (
        INPUT + IP.format("a", "data", "a", SHARED, 2, "") + IP.format("b", "a", "b", SHARED, 2, ""),
        [("b", [[2, 2], [2]])],
    ),
    "shared in part": (
        INPUT
        + IP.format("a", "data", "a", 'param { name: "w" }', 2, "")
        + IP.format("b", "a", "b", 'param { name: "w" }', 2, ""),
        [("a", [[2, 2], [2]]), ("b", [[2, 2], [2]])],
    ),
    "shared, permissive": (
        INPUT
        + IP.format("a", "data", "a", 'param { name: "w" }', 3, "bias_term: false")
        + IP.format("b", "a", "b", 'param { name: "w" share_mode: PERMISSIVE }', 2, "bias_term: false"),
        [("a", [[3, 2]]), ("b", [[2, 3]])],
    ),
    "same name": (
        INPUT + IP.format("a", "data", "a", "", 2, "bias_term: false") + IP.format("a", "a", "b", "", 2, "bias_term: false"),
        [("a", [[2, 2]]), ("a", [[2, 2]])],
    ),
    "ignored": (INPUT + IP.format("a", "data", "a", "", 2, "bias_term: false"), [("z", [[5]]), ("a", [[2, 2]]), ("data", [])]),
    "embedded": (
        INPUT
        + IP.format("a", "data", "a", "blobs { shape { dim: 2 dim: 2 } data: [1, 2, 3.5, 4] }", 2, "bias_term: false")
        + IP.format(
            "b",
            "a",
            "b",
            "blobs { shape { dim: 2 dim: 2 } double_data: [5, 6] double_data: 7 double_data: 0.1 }",
            2,
            "bias_term: false",
        ),
        [("b", [[2, 2]])],
    ),
    "embedded and shared": (
        INPUT
        + IP.format(
            "a", "data", "a", 'param { name: "w" } blobs { shape { dim: [2, 2] } data: [1, 2, 3, 4] }', 2, "bias_term: false"
        )
        + IP.format(
            "b", "a", "b", 'param { name: "w" } blobs { shape { dim: [2, 2] } data: [5, 6, 7, 8] }', 2, "bias_term: false"
        ),
        [],
    ),
    "legacy": (INPUT + IP.format("a", "data", "a", "", 2, ""), [("a", [[1, 1, 2, 2], [1, 1, 1, 2]])]),
    "bias as a matrix": (INPUT + IP.format("a", "data", "a", "", 2, ""), [("a", [[2, 2], [1, 2]])]),
    "legacy, other shape": (INPUT + IP.format("a", "data", "a", "", 2, ""), [("a", [[2, 2, 1, 1], [1, 1, 1, 2]])]),
}
LEGACY = {"legacy", "legacy, other shape"}

RULES = [
    ("", "TEST", 0, []),
    ("include { phase: TEST }", "TEST", 0, []),
    ("include { phase: TEST }", "TRAIN", 0, []),
    ("exclude { phase: TRAIN }", "TEST", 0, []),
    ("include { min_level: 2 }", "TEST", 1, []),
    ("include { min_level: 2 }", "TEST", 2, []),
    ("include { max_level: 2 }", "TEST", 3, []),
    ("include { min_level: -1 max_level: 2 }", "TEST", 0, []),
    ("include { stage: 'a' }", "TEST", 0, []),
    ("include { stage: 'a' stage: 'b' }", "TEST", 0, ["a"]),
    ("include { stage: 'a' stage: 'b' }", "TEST", 0, ["b", "a"]),
    ("include { stage: 'a' } include { stage: 'b' }", "TEST", 0, ["b"]),
    ("include { not_stage: 'a' }", "TEST", 0, []),
    ("include { not_stage: 'a' }", "TEST", 0, ["a"]),
    ("exclude { not_stage: 'a' }", "TEST", 0, ["a"]),
    ("exclude { stage: 'a' } exclude { phase: TEST }", "TRAIN", 0, ["b"]),
    ("include { } ", "TEST", 0, []),
    ("exclude { }", "TEST", 0, []),
    ("include { phase: TEST } exclude { phase: TRAIN }", "TEST", 0, []),
]

CONNECTIONS = {
    "chain": "data>a a>b",
    "in place": "data>a a>a a>b",
    "in place twice": "data>a a>a a>a",
    "unknown": "data>a x>b",
    "later": "b>a data>b",
    "made twice": "data>a data>a",
    "in place, read before": "data>a a>b a>a",
    "in place, read after": "data>a a>a a>b a>c",
    "in place at another index": "data>a data,a>a",
    "both bottoms": "data>a a,a>a",
    "in place, first of two": "data>a a,data>a",
    "input again": "data>data",
    "input made": "data>a a>data",
    "two tops": "data>a,a",
    "fan out": "data>a data>b a,b>c",
}


def connections(text):
    """The net that ``bottom,bottom>top,top`` for each layer stands for."""
    lines = [SHAPE.format("dim: 1")]
    for index, layer in enumerate(text.split()):
        bottoms, tops = (blobs.split(",") for blobs in layer.split(">"))
        kind = "Eltwise" if len(bottoms) > 1 else "Split" if len(tops) > 1 else "ReLU"
        blobs = " ".join([*(f'bottom: "{bottom}"' for bottom in bottoms), *(f'top: "{top}"' for top in tops)])
        lines.append(f'layer {{ name: "l{index}" type: "{kind}" {blobs} }}')
    return "\n".join(lines)
