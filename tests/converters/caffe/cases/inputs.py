"""How a network says its inputs, and which layers a phase rule keeps."""

from .case import Case, data, layer

USE = layer("Power", "data", "out", power_param={"scale": 2, "shift": 1})


def forms():
    """Input layers, and the older fields of the network."""
    yield Case("Input,layer", data(data=(2, 3, 4, 5)) + USE)
    yield Case(
        "Input,two-tops-two-shapes",
        layer("Input", [], ["data", "b"], input_param={"shape": [{"dim": [2, 3]}, {"dim": [2, 3]}]})
        + layer("Eltwise", ["data", "b"], "out"),
    )
    yield Case(
        "Input,two-tops-one-shape",
        layer("Input", [], ["data", "b"], input_param={"shape": {"dim": [2, 3]}}) + layer("Eltwise", ["data", "b"], "out"),
    )
    yield Case("Input,five-axes", data(data=(1, 2, 1, 3, 2)) + USE)
    yield Case("Input,scalar", data(data=()) + USE)
    yield Case("Input,an-output-too", data(data=(2, 3), other=(4,)) + USE)
    yield Case("input_dim", 'input: "data"\ninput_dim: 2 input_dim: 3 input_dim: 4 input_dim: 5\n' + USE)
    yield Case(
        "input_dim,two",
        'input: "data" input: "b"\n'
        + "input_dim: 1\ninput_dim: 2\ninput_dim: 3\ninput_dim: 4\n" * 2
        + layer("Eltwise", ["data", "b"], "out"),
    )
    yield Case("input_shape", 'input: "data"\ninput_shape { dim: 2 dim: 3 }\n' + USE)
    yield Case(
        "input_shape,two",
        'input: "b"\ninput_shape { dim: 2 dim: 3 }\ninput: "data" input_shape { dim: 2 dim: 3 }\n'
        + layer("Eltwise", ["b", "data"], "out"),
    )
    yield Case("input_shape,after-the-layers", USE + 'input: "data" input_shape: { dim: 3 dim: 1 }\n')
    yield Case(
        "input,many-layers",
        data(data=(2, 3))
        + layer("ReLU", "data", "a")
        + layer("Sigmoid", "data", "b")
        + layer("Eltwise", ["a", "b"], "out", eltwise_param={"operation": "PROD"}),
    )
    yield Case("input,no-such-bottom", data(data=(2, 3)) + layer("ReLU", "absent", "out"), refused=True)
    yield Case(
        "input,bottom-made-later",
        data(data=(2, 3)) + layer("ReLU", "late", "out") + layer("ReLU", "data", "late"),
        refused=True,
    )
    yield Case(
        "input,top-made-twice",
        data(data=(2, 3)) + layer("ReLU", "data", "out") + layer("Sigmoid", "data", "out", name="again"),
        refused=True,
    )
    yield Case("input,unknown-layer", data(data=(2, 3)) + layer("NoSuchLayer", "data", "out"), refused=True)
    yield Case(
        "input,unknown-field", data(data=(2, 3)) + layer("ReLU", "data", "out", relu_param={"no_such_field": 1}), refused=True
    )


def rules():
    """include and exclude: the layers that remain at TEST."""
    for name, rule in {
        "include-TEST": {"include": {"phase": "TEST"}},
        "include-TRAIN": {"include": {"phase": "TRAIN"}},
        "exclude-TEST": {"exclude": {"phase": "TEST"}},
        "exclude-TRAIN": {"exclude": {"phase": "TRAIN"}},
        "include-both": {"include": [{"phase": "TRAIN"}, {"phase": "TEST"}]},
        "exclude-both": {"exclude": [{"phase": "TRAIN"}, {"phase": "TEST"}]},
        "phase-field": {"phase": "TRAIN"},
        "include-nothing-said": {"include": {}},
        "exclude-nothing-said": {"exclude": {}},
        "include-level-0": {"include": {"min_level": 0}},
        "include-level-1": {"include": {"min_level": 1}},
        "include-max-level": {"include": {"max_level": -1}},
        "include-stage": {"include": {"stage": "deploy"}},
        "include-not-stage": {"include": {"not_stage": "deploy"}},
        "exclude-stage": {"exclude": {"stage": "deploy"}},
        "include-phase-and-stage": {"include": {"phase": "TEST", "stage": "deploy"}},
    }.items():
        yield Case(
            f"rule,{name}",
            data(data=(2, 3))
            + layer("ReLU", "data", "x", name="always")
            + layer("Power", "x", "x", name="maybe", power_param={"shift": 5}, **rule),
        )
    yield Case(
        "rule,one-of-two",
        data(data=(2, 3))
        + layer("ReLU", "data", "out", name="train", include={"phase": "TRAIN"})
        + layer("Sigmoid", "data", "out", name="test", include={"phase": "TEST"}),
    )
    yield Case(
        "rule,include-and-exclude",
        data(data=(2, 3)) + layer("ReLU", "data", "out", include={"phase": "TEST"}, exclude={"phase": "TRAIN"}),
        refused=True,
    )


def sources():
    """Layers that read data sets become inputs of the shape that they say, or that they are given."""
    image = layer("Convolution", "data", "out", convolution_param={"num_output": 2, "kernel_size": 3})
    reference = data(data=(2, 3, 6, 5)) + image
    shapes = {"data": (2, 3, 6, 5)}
    dummy = {"shape": {"dim": [2, 3, 6, 5]}}
    legacy = {"num": 2, "channels": 3, "height": 6, "width": 5}
    for name, text, given_shapes in (
        ("DummyData,shape", layer("DummyData", [], "data", dummy_data_param=dummy), {}),
        ("DummyData,legacy", layer("DummyData", [], "data", dummy_data_param=legacy), {}),
        (
            "DummyData,filler",
            layer("DummyData", [], "data", dummy_data_param={"data_filler": {"type": "gaussian", "std": 1}, **dummy}),
            {},
        ),
        (
            "MemoryData",
            layer(
                "MemoryData", [], ["data", "label"], memory_data_param={"batch_size": 2, "channels": 3, "height": 6, "width": 5}
            ),
            {},
        ),
        (
            "Data",
            layer("Data", [], ["data", "label"], data_param={"source": "train_lmdb", "batch_size": 2, "backend": "LMDB"}),
            shapes,
        ),
        (
            "ImageData",
            layer(
                "ImageData",
                [],
                ["data", "label"],
                image_data_param={"source": "files.txt", "batch_size": 2, "new_height": 6, "new_width": 5},
            ),
            shapes,
        ),
        ("HDF5Data", layer("HDF5Data", [], "data", hdf5_data_param={"source": "files.txt", "batch_size": 2}), shapes),
        (
            "WindowData",
            layer(
                "WindowData",
                [],
                ["data", "label"],
                window_data_param={"source": "windows.txt", "batch_size": 2},
                transform_param={"crop_size": 6},
            ),
            shapes,
        ),
    ):
        yield Case(name, text + image, reference=reference, shapes=given_shapes)
    yield Case(
        "Data,refused,no-shape",
        layer("Data", [], ["data", "label"], data_param={"source": "train_lmdb", "batch_size": 2}) + image,
        refused=True,
    )
    crop = layer(
        "Data", [], ["data", "label"], data_param={"source": "lmdb", "batch_size": 2}, transform_param={"crop_size": 5}
    )
    yield Case("Data,crop_size", crop + image, reference=data(data=(2, 3, 5, 5)) + image, shapes={"data": (2, 3, 5, 5)})
    two = layer("DummyData", [], ["data", "b"], dummy_data_param={"shape": {"dim": [2, 3]}})
    add = layer("Eltwise", ["data", "b"], "out")
    yield Case("DummyData,two-tops-one-shape", two + add, reference=data(data=(2, 3), b=(2, 3)) + add)
    phases = "".join(
        layer(
            "Data",
            [],
            ["data", "label"],
            name=f"data-{p}",
            include={"phase": p},
            data_param={"source": p.lower(), "batch_size": 2},
        )
        for p in ("TRAIN", "TEST")
    )
    yield Case("Data,train-and-test", phases + image, reference=reference, shapes=shapes)


CASES = [*forms(), *rules(), *sources()]
