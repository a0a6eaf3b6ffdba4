"""The worker: loads a model in another interpreter and runs it there. This file stands alone.

Started as ``INTERPRETER worker.py``; Python 3.6 syntax; needs the standard library and numpy; imports nothing of Dragoman.

Requests come in on the stdin it was started with and answers leave on its stdout, one JSON object a line; both are at
once moved to private descriptors, and whatever a framework prints goes to stderr. Tensors travel as ``.npz`` files, in a
folder that each request names, with keys ``t0``, ``t1``, ... so that no tensor's name is ever part of a path.

    {"id": 1, "op": "load", "adapter": "caffe", "options": {...}}        -> {"id": 1, "result": {description}}
    {"id": 2, "op": "run", "file": "in.npz", "keys": {"data": "t0"}, "taps": [], "into": "out.npz"}
                                                                         -> {"id": 2, "result": {"keys": {"prob": "t0"}}}
    {"id": 3, "op": "stop"}
An answer with ``error`` in place of ``result`` holds ``kind`` and ``message``.
"""

# ruff: noqa - the interpreter may be Python 3.6, so this file keeps to its syntax and idioms
# mypy: ignore-errors
import json
import os
import sys
import traceback

PROTOCOL = 1


class Refused(Exception):
    """A request that can't be fulfilled, with a message for the user; ``kind`` tells whose fault it is."""

    def __init__(self, kind, message):
        Exception.__init__(self, message)
        self.kind = kind


def spec(name, shape, dtype="float32"):
    """An input or output as the description lists it; ``shape`` None means unknown before a run."""
    return {"name": name, "dtype": dtype, "shape": None if shape is None else [int(d) for d in shape]}


def split_tap(tap, blobs, layers):
    """``blob@layer`` is the blob as that layer leaves it (layers may work in place); ``blob`` alone is its last value."""
    if tap in blobs:
        return tap, None
    blob, _, layer = tap.rpartition("@")
    if blob and layer in layers:
        return blob, layer
    raise Refused("tap", "the network has no tensor %r" % tap)


class Caffe(object):
    """pycaffe. Options: ``prototxt``, ``weights`` (binary or HDF5; may be None) and ``phase`` (TEST or TRAIN)."""

    def __init__(self, options):
        os.environ.setdefault("GLOG_minloglevel", "2")
        import caffe

        self.version = getattr(caffe, "__version__", "unknown")
        caffe.set_mode_cpu()
        self.caffe = caffe
        self.options = options
        self.net = self._load()
        self.layers = list(self.net._layer_names)
        # These carry their state from one call to the next, and nothing resets it: each call takes a new network.
        self.stateful = any(layer.type in ("LSTM", "RNN") for layer in self.net.layers)
        self.used = False

    def _load(self):
        caffe = self.caffe
        phase = caffe.TRAIN if self.options.get("phase") == "TRAIN" else caffe.TEST
        weights = self.options.get("weights")
        if weights:
            return caffe.Net(self.options["prototxt"], weights, phase)
        return caffe.Net(self.options["prototxt"], phase)

    def describe(self):
        blobs = self.net.blobs
        return {
            "runtime": "Caffe",
            "version": self.version,
            "inputs": [spec(name, blobs[name].data.shape) for name in self.net.inputs],
            "outputs": [spec(name, blobs[name].data.shape) for name in self.net.outputs],
            "ordered": False,
        }

    def run(self, feeds, taps):
        if self.stateful and self.used:
            self.net = self._load()
        self.used = True
        net = self.net
        reshaped = False
        for name, value in feeds.items():
            if tuple(net.blobs[name].data.shape) != value.shape:
                net.blobs[name].reshape(*value.shape)
                reshaped = True
        if reshaped:
            net.reshape()
        for name, value in feeds.items():
            net.blobs[name].data[...] = value
        stops = {}
        last = []
        for tap in taps:
            blob, layer = split_tap(tap, net.blobs, self.layers)
            if layer is None:
                last.append(tap)
            elif blob not in net.blobs:
                raise Refused("tap", "the network has no blob %r" % blob)
            else:
                stops.setdefault(self.layers.index(layer), []).append((tap, blob))
        results = {}
        start = 0
        for stop in sorted(stops):
            net._forward(start, stop)
            start = stop + 1
            for tap, blob in stops[stop]:
                results[tap] = net.blobs[blob].data.copy()
        if start < len(self.layers):
            net._forward(start, len(self.layers) - 1)
        for name in list(net.outputs) + last:
            results[name] = net.blobs[name].data.copy()
        return results


class OpenCV(object):
    """OpenCV's dnn, which names tensors by layer, not by blob: the options say which layer makes each blob.

    Options: ``prototxt``, ``weights``; ``layers``, a list of {name, type, tops} in network order; ``inputs``, a list of
    {name, shape}; ``outputs``, a list of blobs.
    """

    def __init__(self, options):
        os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
        import cv2

        self.cv2 = cv2
        if not hasattr(cv2.dnn, "readNetFromCaffe"):
            raise Refused("missing", "OpenCV %s has no Caffe reader (versions 4.10 to 4.14 have)" % cv2.__version__)
        self.options = options
        self.net = cv2.dnn.readNetFromCaffe(options["prototxt"], options.get("weights") or "")
        # The plainest arithmetic, so that the numbers are the layers' own: no fused layers, no Winograd transforms.
        self.net.enableFusion(False)
        if hasattr(self.net, "enableWinograd"):
            self.net.enableWinograd(False)
        self.made = {}
        self.final = {}
        for layer in options["layers"]:
            known = self._known_as(layer)
            for index, top in enumerate(layer["tops"]):
                # All the tops of a Split are one tensor to OpenCV.
                place = (known, 0 if layer["type"] == "Split" else index, layer["type"])
                self.made["%s@%s" % (top, layer["name"])] = place
                self.final[top] = place

    def _known_as(self, layer):
        """OpenCV calls some convolutions by their top in place of the layer's name."""
        names = set(self.net.getLayerNames())
        if layer["type"] in ("Convolution", "ConvolutionDepthwise") and layer["tops"]:
            top = layer["tops"][0]
            if top in names and self.net.getLayer(self.net.getLayerId(top)).type == "Convolution":
                return top
        return layer["name"]

    def describe(self):
        return {
            "runtime": "OpenCV dnn",
            "version": self.cv2.__version__,
            "inputs": [spec(entry["name"], entry["shape"]) for entry in self.options["inputs"]],
            "outputs": [spec(name, None) for name in self.options["outputs"]],
            "ordered": False,
        }

    def run(self, feeds, taps):
        import numpy

        wanted = list(self.options["outputs"]) + list(taps)
        places = {}
        for name in wanted:
            place = self.made.get(name) or self.final.get(name)
            if place is None:
                raise Refused("tap", "the network has no tensor %r" % name)
            places[name] = place
        for name, value in feeds.items():
            self.net.setInput(value, name)
        layers = sorted(set(place[0] for place in places.values()))
        values = dict(zip(layers, self.net.forwardAndRetrieve(layers)))
        results = {}
        for name, (layer, index, kind) in places.items():
            if index >= len(values[layer]):
                raise Refused("failed", "OpenCV made %d of the tops of layer %s" % (len(values[layer]), layer))
            value = numpy.array(values[layer][index])
            if kind == "DetectionOutput":
                value = self._detections(value, feeds)
            results[name] = value
        return results

    def _detections(self, value, feeds):
        """The rows as SSD's Caffe writes them: by image, then class, the best score first; if none is found one of -1 an image.

        OpenCV sorts an image's boxes of all classes by score, and pads with rows of zeros.
        """
        import numpy

        rows = value.reshape(-1, 7)
        rows = rows[numpy.any(rows != 0, axis=1)]
        rows = rows[numpy.lexsort((-rows[:, 2], rows[:, 1], rows[:, 0]))]
        if not len(rows):
            images = max(v.shape[0] for v in feeds.values())
            rows = numpy.full((images, 7), -1, value.dtype)
            rows[:, 0] = numpy.arange(images)
        return rows.reshape(1, 1, -1, 7)


class MXNet(object):
    """MXNet 1.x. Options: ``symbol``, ``weights`` (may be None), ``names`` (array in the file -> variable of the symbol),
    ``outputs`` (what to call outputs that MXNet names otherwise), ``inputs``, a list of {name, shape, dtype}, and ``heads``, the
    tensors to give if they aren't the symbol's own outputs.
    """

    @staticmethod
    def prepare():
        """MXNet 1.9 was written for numpy 1.19: give back, in this process only, the names that numpy has dropped since."""
        import numpy

        for name, value in (("bool", bool), ("object", object), ("int", int), ("float", float), ("complex", complex)):
            if name not in numpy.__dict__:
                setattr(numpy, name, value)
        if int(numpy.__version__.split(".")[0]) < 2:
            return
        values = {"PZERO": 0.0, "NZERO": -0.0, "NINF": -numpy.inf, "PINF": numpy.inf, "NAN": numpy.nan, "NaN": numpy.nan}
        values.update({"Inf": numpy.inf, "alltrue": numpy.all, "sometrue": numpy.any, "product": numpy.prod, "round_": numpy.round})
        values["in1d"] = getattr(numpy, "isin", None)
        values["trapz"] = getattr(numpy, "trapezoid", None)
        for name in ("msort", "mirr", "npv", "pmt", "ppmt", "pv", "rate"):
            values[name] = None
        for name, value in values.items():
            if name not in numpy.__dict__:
                setattr(numpy, name, value)

    def __init__(self, options):
        import mxnet

        self.mx = mxnet
        names = options.get("names") or {}
        stored = self._stored(options["weights"]) if options.get("weights") else {}
        arrays = dict((names.get(name, name.split(":", 1)[-1]), value) for name, value in stored.items())
        renamed = options.get("outputs") or {}
        self.hold(self._cut(mxnet.sym.load(options["symbol"]), options.get("heads") or [], renamed), arrays, options["inputs"])
        with open(options["symbol"]) as stream:
            flags = json.load(stream).get("attrs", {})
        self.numpy_shapes = self.numpy_shapes or flags.get("is_np_shape") == ["int", 1]
        self.outputs = [renamed.get(name, name) for name in self.outputs]

    def _cut(self, symbol, heads, renamed):
        """The symbol that gives ``heads``, where it has them all and gives others."""
        internals = symbol.get_internals()
        found = dict((renamed.get(name, name), name) for name in internals.list_outputs())
        own = [renamed.get(name, name) for name in self._apart(symbol.list_outputs())]
        if heads in ([], own) or not all(name in found for name in heads):
            return symbol
        return self.mx.sym.Group([internals[found[name]] for name in heads])

    def _stored(self, path):
        """The arrays of a file: MXNet's own, or numpy's as MXNet 2 writes them."""
        import numpy

        with open(path, "rb") as stream:
            if stream.read(2) != b"PK":
                try:
                    return self.mx.nd.load(path)
                except self.mx.MXNetError as error:
                    if "np_shape" not in str(error):
                        raise
                with self.mx.util.np_shape(True):  # arrays that were saved with numpy's shapes are only read with them
                    return self.mx.nd.load(path)
        with numpy.load(path, allow_pickle=False) as stored:
            return dict((name, self.mx.nd.array(stored[name], dtype=stored[name].dtype)) for name in stored.files)

    def hold(self, symbol, arrays, inputs):
        """Take a symbol and its arrays by the symbol's names."""
        self.symbol = symbol
        self.inputs = inputs
        auxiliary = set(self.symbol.list_auxiliary_states())
        self.weights = dict((name, value) for name, value in arrays.items() if name not in auxiliary)
        self.states = dict((name, value) for name, value in arrays.items() if name in auxiliary)
        self.bound = None
        # numpy's operators take empty and zero-dimensional tensors; in older symbols a 0 is a size that isn't known.
        self.numpy_shapes = any(node["op"].startswith("_np") for node in json.loads(symbol.tojson())["nodes"])
        self.outputs = self._apart(symbol.list_outputs())

    def _apart(self, names):
        """Output names, with a number behind those that another has already."""
        taken = []
        for name in names:
            own, number = name, 0
            while name in taken:
                number += 1
                name = "%s_%d" % (own, number)
            taken.append(name)
        return taken

    def describe(self):
        return {
            "runtime": "MXNet",
            "version": self.mx.__version__,
            "inputs": [{"name": i["name"], "dtype": i["dtype"], "shape": i["shape"]} for i in self.inputs],
            "outputs": [spec(name, None, self._name(kind)) for name, kind in zip(self.outputs, self._output_types())],
        }

    def _name(self, kind):
        import numpy

        return numpy.dtype(kind or "float32").name

    def _output_types(self):
        known = dict((i["name"], i["dtype"]) for i in self.inputs)
        known.update((name, value.dtype) for name, value in self.weights.items())
        arguments = set(self.symbol.list_arguments())
        found = self.symbol.infer_type(**dict((name, kind) for name, kind in known.items() if name in arguments))[1]
        return found or [None] * len(self.outputs)

    def run(self, feeds, taps):
        with self.mx.util.np_shape(self.numpy_shapes):
            return self._run(feeds, taps)

    def _run(self, feeds, taps):
        import numpy

        mx = self.mx
        key = (tuple(taps), tuple(sorted((name, value.shape, str(value.dtype)) for name, value in feeds.items())))
        if self.bound is None or self.bound[0] != key:
            internals = self.symbol.get_internals()
            missing = [tap for tap in taps if tap not in internals.list_outputs()]
            if missing:
                raise Refused("tap", "the symbol has no tensor %r" % missing[0])
            symbol = mx.sym.Group([self.symbol] + [internals[tap] for tap in taps]) if taps else self.symbol
            shapes = dict((name, value.shape) for name, value in self.weights.items() if name in symbol.list_arguments())
            shapes.update((name, value.shape) for name, value in feeds.items())
            types = dict((name, value.dtype.type) for name, value in feeds.items())
            types.update((name, value.dtype) for name, value in self.weights.items())
            known = dict((name, kind) for name, kind in types.items() if name in symbol.list_arguments())
            executor = self._bind(symbol, known, shapes)
            executor.copy_params_from(self.weights, self.states, allow_extra_params=True)
            self.bound = (key, executor)
        executor = self.bound[1]
        for name, value in feeds.items():
            executor.arg_dict[name][:] = mx.nd.array(value, dtype=value.dtype)
        values = [output.asnumpy() for output in executor.forward(is_train=False)]
        return dict(zip(self.outputs + list(taps), [numpy.asarray(value) for value in values]))

    def _bind(self, symbol, types, shapes):
        """An executor of the plain operators: what oneDNN's fused ones give of a tensor in their middle is wrong (MXNet 1.9.1)."""
        name = "MXNET_SUBGRAPH_BACKEND"
        before = os.environ.get(name)
        os.environ[name] = "NONE"
        try:
            return self._bound(symbol, types, shapes)
        finally:
            if before is None:
                del os.environ[name]
            else:
                os.environ[name] = before

    def _bound(self, symbol, types, shapes):
        mx = self.mx
        try:
            return symbol.simple_bind(mx.cpu(), grad_req="null", type_dict=types, **shapes)
        except RuntimeError as error:
            if "cannot decide shapes" not in str(error):
                raise
        # it doesn't infer the shapes that loops and conditions make, but runs them
        known = dict((name, value.shape) for name, value in self.states.items())
        known.update(shapes)

        def zeros(names):
            return dict((name, mx.nd.zeros(known[name], dtype=types.get(name, "float32"))) for name in names)

        states = zeros(symbol.list_auxiliary_states())
        return symbol.bind(mx.cpu(), zeros(symbol.list_arguments()), grad_req="null", aux_states=states)


ADAPTERS = {"caffe": (Caffe, "caffe"), "opencv": (OpenCV, "cv2"), "mxnet": (MXNet, "mxnet")}


def imported(adapter, module):
    """The framework's module; ``Refused`` if it can't be imported."""
    try:
        getattr(adapter, "prepare", lambda: None)()
        return __import__(module)
    except Exception as error:
        raise Refused("missing", "can't import %s: %s: %s" % (module, type(error).__name__, error))


def load(request):
    """The adapter with its model; ``Refused`` if the framework can't be imported or the model can't be loaded."""
    if request["adapter"] not in ADAPTERS:
        raise Refused("protocol", "this worker has no adapter %r" % request["adapter"])
    adapter, module = ADAPTERS[request["adapter"]]
    imported(adapter, module)
    return adapter(request["options"])


def version_of(request):
    """The version of an adapter's framework, without a model."""
    return {"version": str(getattr(imported(*ADAPTERS[request["adapter"]]), "__version__", "unknown"))}


def run(model, request):
    """Run one sample from file to file."""
    import numpy

    with numpy.load(request["file"], allow_pickle=False) as stored:
        feeds = dict((name, stored[key]) for name, key in request["keys"].items())
    results = model.run(feeds, request["taps"])
    names = sorted(results)
    arrays = dict(("t%d" % index, numpy.asarray(results[name])) for index, name in enumerate(names))
    for index, name in enumerate(names):
        if arrays["t%d" % index].dtype.kind not in "fiub":
            raise Refused("failed", "tensor %r has dtype %s, which can't be sent" % (name, arrays["t%d" % index].dtype))
    numpy.savez(request["into"], **arrays)
    return {"keys": dict((name, "t%d" % index) for index, name in enumerate(names))}


def serve(requests, answer):
    """Answer requests until stopped, or until whoever asks is gone."""
    model = None
    for line in requests:
        request = json.loads(line)
        try:
            if request["op"] == "stop":
                return
            if request["op"] == "version":
                result = version_of(request)
            elif request["op"] == "load":
                model = load(request)
                result = model.describe()
            elif request["op"] == "run":
                result = run(model, request)
            else:
                raise Refused("protocol", "this worker knows no %r" % request["op"])
            answer({"id": request["id"], "result": result})
        except Refused as refused:
            answer({"id": request["id"], "error": {"kind": refused.kind, "message": str(refused)}})
        except MemoryError:
            answer({"id": request["id"], "error": {"kind": "failed", "message": "out of memory"}})
        except Exception as error:
            traceback.print_exc()
            answer({"id": request["id"], "error": {"kind": "failed", "message": "%s: %s" % (type(error).__name__, error)}})


def main():
    requests = os.fdopen(os.dup(0), "r")
    answers = os.fdopen(os.dup(1), "w")
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(2, 1)

    def answer(message):
        answers.write(json.dumps(message) + "\n")
        answers.flush()

    hello = {"dragoman": PROTOCOL, "python": "%d.%d.%d" % sys.version_info[:3]}
    try:
        import faulthandler

        faulthandler.enable()
    except Exception:
        pass  # stderr isn't a file here: a crash is then told without its Python frames
    try:
        import numpy

        hello["numpy"] = numpy.__version__
    except Exception as error:
        hello["error"] = "can't import numpy: %s: %s" % (type(error).__name__, error)
    answer(hello)
    if "error" not in hello:
        serve(requests, answer)


if __name__ == "__main__":
    main()
