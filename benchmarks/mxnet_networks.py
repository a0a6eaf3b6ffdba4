"""Write networks as MXNet saves them: its 34 vision networks, and a language model, an encoder, a detector and a two-stage head.

    MXNET_PYTHON benchmarks/mxnet_networks.py FOLDER NAME ...
    MXNET_PYTHON benchmarks/mxnet_networks.py                     lists the names

Runs in an interpreter with mxnet 1.9.1 (Python 3.6 or newer), needs nothing of Dragoman. Weights are seeded; the statistics of batch
normalisations are perturbed, since fresh ones are 0 and 1 and hide mistakes. Prints a line of JSON for each network: its name, its inputs'
shapes, and whether it takes batches of any size.
"""

import json
import os
import sys

import numpy as np

for _name, _type in (("bool", bool), ("object", object), ("int", int), ("float", float)):
    if _name not in np.__dict__:
        setattr(np, _name, _type)
import mxnet as mx
from mxnet import gluon
from mxnet.gluon import nn, rnn
from mxnet.gluon.model_zoo import vision

VISION = sorted(
    [
        *("alexnet", "squeezenet1.0", "squeezenet1.1", "inceptionv3"),
        *("densenet%d" % depth for depth in (121, 161, 169, 201)),
        *("vgg%d%s" % (depth, bn) for depth in (11, 13, 16, 19) for bn in ("", "_bn")),
        *("resnet%d_v%d" % (depth, version) for depth in (18, 34, 50, 101, 152) for version in (1, 2)),
        *("mobilenet%s" % width for width in ("1.0", "0.75", "0.5", "0.25")),
        *("mobilenetv2_%s" % width for width in ("1.0", "0.75", "0.5", "0.25")),
    ]
)


class LanguageModel(gluon.HybridBlock):
    """Words, two fused LSTM layers, and a score for each next word."""

    def __init__(self, words=200, width=32):
        super().__init__()
        with self.name_scope():
            self.embedding = nn.Embedding(words, width)
            self.lstm = rnn.LSTM(width, 2, layout="NTC")
            self.scores = nn.Dense(words, flatten=False)

    def hybrid_forward(self, F, words):
        return self.scores(self.lstm(self.embedding(words)))


class Attention(gluon.HybridBlock):
    """Self-attention by the interleaved products, as GluonNLP's BERT has it."""

    def __init__(self, width, heads):
        super().__init__()
        self._heads = heads
        with self.name_scope():
            self.qkv = nn.Dense(3 * width, flatten=False)
            self.out = nn.Dense(width, flatten=False)

    def hybrid_forward(self, F, x, mask):
        qkv = self.qkv(x)
        scores = F.contrib.interleaved_matmul_selfatt_qk(qkv, heads=self._heads)
        weights = F.softmax(F.broadcast_add(scores, mask), axis=-1)
        return self.out(F.contrib.interleaved_matmul_selfatt_valatt(qkv, weights, heads=self._heads))


class Encoder(gluon.HybridBlock):
    """A BERT-like encoder: words, segments and places; layers of attention and GELU; a pooled first word."""

    def __init__(self, words=300, width=32, heads=4, layers=2, length=12):
        super().__init__()
        self._heads = heads
        with self.name_scope():
            self.words, self.segments = nn.Embedding(words, width), nn.Embedding(2, width)
            self.places = self.params.get("places", shape=(1, length, width))
            self.norm = nn.LayerNorm(epsilon=1e-12)
            self.layers = []
            for number in range(layers):
                wide, narrow = nn.Dense(4 * width, flatten=False), nn.Dense(width, flatten=False)
                self.layers.append((Attention(width, heads), nn.LayerNorm(), wide, nn.GELU(), narrow, nn.LayerNorm()))
                for index, part in enumerate(self.layers[-1]):
                    setattr(self, "part%d_%d" % (number, index), part)
            self.pooler = nn.Dense(width, activation="tanh", flatten=False)

    def hybrid_forward(self, F, words, segments, length, places):
        x = self.norm(F.broadcast_add(self.words(words) + self.segments(segments), places))
        steps = F.contrib.arange_like(words, axis=1)
        seen = F.broadcast_lesser(F.reshape(steps, (1, -1)), F.reshape(length, (-1, 1)))
        mask = F.reshape(F.expand_dims((seen - 1) * 1e4, 1), (-1, 1, 0), reverse=False)
        mask = F.repeat(mask, repeats=self._heads, axis=0)
        x = F.transpose(x, (1, 0, 2))
        for attention, first, wide, act, narrow, second in self.layers:
            x = first(x + attention(x, mask))
            x = second(x + narrow(act(wide(x))))
        x = F.transpose(x, (1, 0, 2))
        return x, self.pooler(F.squeeze(F.slice_axis(x, axis=1, begin=0, end=1), axis=1))


def classic():
    """An image classifier as the symbol API's examples are: a deploy network that still has its loss."""
    x = mx.sym.Variable("data")
    for number, filters in enumerate((32, 64, 128, 128)):
        x = mx.sym.Convolution(x, num_filter=filters, kernel=(3, 3), pad=(1, 1), name="conv%d" % number)
        x = mx.sym.Activation(mx.sym.BatchNorm(x, fix_gamma=False, name="bn%d" % number), act_type="relu", name="relu%d" % number)
        x = mx.sym.Pooling(x, kernel=(2, 2), stride=(2, 2), pool_type="max", name="pool%d" % number)
    x = mx.sym.Activation(mx.sym.FullyConnected(mx.sym.Flatten(x, name="flat"), num_hidden=256, name="fc0"), act_type="relu", name="relu9")
    return mx.sym.SoftmaxOutput(mx.sym.FullyConnected(x, num_hidden=10, name="fc1"), name="softmax")


def detector():
    """An SSD of two scales: anchors, class scores and offsets, decoded and suppressed."""
    x = mx.sym.Variable("data")
    scores, offsets, anchors = [], [], []
    for number, filters in enumerate((8, 16, 16)):
        x = mx.sym.Convolution(x, num_filter=filters, kernel=(3, 3), pad=(1, 1), stride=(2, 2), no_bias=True, name="conv%d" % number)
        x = mx.sym.Activation(mx.sym.BatchNorm(x, fix_gamma=False, name="bn%d" % number), act_type="relu")
        if number == 0:
            continue
        size = 0.2 + 0.3 * number
        anchors.append(mx.sym.contrib.MultiBoxPrior(x, sizes=(size, size * 1.2), ratios=(1, 2, 0.5), clip=True, name="anchors%d" % number))
        for name, count, found in (("scores", 4 * 4, scores), ("offsets", 4 * 4, offsets)):
            head = mx.sym.Convolution(x, num_filter=count, kernel=(3, 3), pad=(1, 1), name="%s%d" % (name, number))
            found.append(mx.sym.Flatten(mx.sym.transpose(head, axes=(0, 2, 3, 1))))
    scores = mx.sym.transpose(mx.sym.reshape(mx.sym.Concat(*scores, dim=1), shape=(0, -1, 4)), axes=(0, 2, 1))
    probabilities = mx.sym.SoftmaxActivation(scores, mode="channel")
    boxes = mx.sym.Concat(*offsets, dim=1)
    priors = mx.sym.Concat(*anchors, dim=1)
    return mx.sym.contrib.MultiBoxDetection(probabilities, boxes, priors, nms_threshold=0.45, nms_topk=50, name="found")


def two_stages():
    """A region head: proposals, aligned pooling, class scores and box offsets."""
    x, info = mx.sym.Variable("data"), mx.sym.Variable("im_info")
    for number, filters in enumerate((8, 16)):
        x = mx.sym.Convolution(x, num_filter=filters, kernel=(3, 3), pad=(1, 1), stride=(2, 2), name="conv%d" % number)
        x = mx.sym.Activation(x, act_type="relu")
    rpn = mx.sym.Activation(mx.sym.Convolution(x, num_filter=16, kernel=(3, 3), pad=(1, 1), name="rpn"), act_type="relu")
    scores = mx.sym.Convolution(rpn, num_filter=6, kernel=(1, 1), name="rpn_scores")
    scores = mx.sym.softmax(mx.sym.reshape(scores, shape=(0, 2, -1, 0)), axis=1)
    scores = mx.sym.reshape(scores, shape=(0, 6, -1, 16))
    offsets = mx.sym.Convolution(rpn, num_filter=12, kernel=(1, 1), name="rpn_offsets")
    settings = {"feature_stride": 4, "scales": (2,), "ratios": (0.5, 1, 2), "rpn_pre_nms_top_n": 60, "rpn_post_nms_top_n": 12}
    regions = mx.sym.contrib.Proposal(scores, offsets, info, threshold=0.7, rpn_min_size=2, name="regions", **settings)
    pooled = mx.sym.contrib.ROIAlign(x, regions, pooled_size=(3, 3), spatial_scale=0.25, sample_ratio=2)
    hidden = mx.sym.Activation(mx.sym.FullyConnected(pooled, num_hidden=32, name="fc"), act_type="relu")
    classes = mx.sym.softmax(mx.sym.FullyConnected(hidden, num_hidden=5, name="classes"), axis=-1)
    return mx.sym.Group([regions, classes, mx.sym.FullyConnected(hidden, num_hidden=20, name="boxes")])


OTHERS = ("classic", "language_model", "encoder", "ssd", "rcnn")


def perturb(arrays):
    """Statistics and scales that a trained network could have, in place."""
    random = np.random.RandomState(7)
    for name, array in sorted(arrays.items()):
        if name.endswith(("running_mean", "moving_mean", "beta")):
            array[:] = random.normal(0, 0.1, array.shape)
        elif name.endswith(("running_var", "moving_var", "gamma")):
            array[:] = random.uniform(0.7, 1.3, array.shape)


def from_block(net, examples, prefix, initializer):
    """Save a block that has run once."""
    net.initialize(initializer)
    net(*examples)
    perturb({name: parameter.data() for name, parameter in net.collect_params().items()})
    net.hybridize()
    net(*examples)
    net.export(prefix)
    inputs, _ = net._cached_graph
    return {variable.name: list(example.shape) for variable, example in zip(inputs, examples)}


def from_symbol(symbol, shapes, prefix):
    """Save a symbol with seeded weights."""
    executor = symbol.simple_bind(mx.cpu(), grad_req="null", **shapes)
    for name, array in executor.arg_dict.items():
        if name not in shapes:
            if array.ndim > 1:
                mx.init.Xavier(magnitude=6)(mx.init.InitDesc(name), array)
            else:
                array[:] = 0.05
    perturb(executor.arg_dict)
    perturb(executor.aux_dict)
    arguments = {name: array for name, array in executor.arg_dict.items() if name not in shapes and not name.endswith("_label")}
    mx.model.save_checkpoint(prefix, 0, symbol, arguments, executor.aux_dict)
    return {name: list(shape) for name, shape in shapes.items()}


def write(name, folder):
    """Build and save one network; its inputs' shapes."""
    mx.random.seed(11)
    prefix = os.path.join(folder, name)
    if name == "classic":
        return from_symbol(classic(), {"data": (1, 3, 64, 64)}, prefix)
    if name == "ssd":
        return from_symbol(detector(), {"data": (1, 3, 64, 64)}, prefix)
    if name == "rcnn":
        return from_symbol(two_stages(), {"data": (1, 3, 64, 64), "im_info": (1, 3)}, prefix)
    if name == "language_model":
        words = mx.nd.array(np.random.RandomState(0).randint(0, 200, (2, 9)))
        return from_block(LanguageModel(), [words], prefix, mx.init.Uniform(0.3))
    if name == "encoder":
        words = mx.nd.array(np.random.RandomState(0).randint(0, 300, (2, 12)))
        return from_block(Encoder(), [words, words > 150, mx.nd.array([12, 7])], prefix, mx.init.Normal(0.3))
    size = 299 if name == "inceptionv3" else 224
    image = mx.nd.random.normal(shape=(1, 3, size, size))
    return from_block(vision.get_model(name, classes=1000), [image], prefix, mx.init.Xavier(factor_type="in", magnitude=2.5))


def main():
    if len(sys.argv) < 2:
        print("\n".join([*OTHERS, *VISION]))
        return
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    for name in sys.argv[2:]:
        made = {"name": name, "inputs": write(name, folder), "any_batch": name != "rcnn"}  # Proposal takes one image
        print(json.dumps(made), flush=True)


if __name__ == "__main__":
    main()
