"""Layers of no samples, which MXNet takes where 0 is a size."""

from .case import Case, normal


def sweep(mx):
    """One of each layer."""
    x, s = mx.sym.Variable("data"), mx.sym
    image, channels = (0, 2, 4, 4), {"n_gamma": normal(2), "n_beta": normal(2)}
    statistics = {**channels, "n_moving_mean": normal(2), "n_moving_var": normal(2, mean=3.0, scale=0.1)}
    dense = {"n_weight": normal(3, 2)}
    layers = (
        ("Pooling,max", s.Pooling(x, kernel=(2, 2)), image, {}),
        ("Pooling,avg", s.Pooling(x, kernel=(2, 2), pool_type="avg", layout="NHWC"), image, {}),
        ("Pooling,lp", s.Pooling(x, kernel=(2, 2), pool_type="lp", p_value=3), image, {}),
        ("Pooling,global", s.Pooling(x, global_pool=True, pool_type="avg"), image, {}),
        ("BatchNorm", s.BatchNorm(x, name="n"), image, statistics),
        ("LayerNorm", s.LayerNorm(x, name="n"), (0, 2), channels),
        ("FullyConnected", s.FullyConnected(x, num_hidden=3, no_bias=True, name="n"), (0, 2), dense),
        ("FullyConnected,rows", s.FullyConnected(x, num_hidden=3, no_bias=True, flatten=False, name="n"), (0, 4, 2), dense),
        ("Convolution", s.Convolution(x, num_filter=3, kernel=(2, 2), no_bias=True, name="n"), image, {"n_weight": normal(3, 2, 2, 2)}),
        ("UpSampling", s.UpSampling(x, scale=2, sample_type="nearest", num_args=1), image, {}),
        ("BilinearResize2D", s.contrib.BilinearResize2D(x, height=3, width=3), image, {}),
        ("LRN", s.LRN(x, nsize=3), image, {}),
        ("AdaptiveAvgPooling2D", s.contrib.AdaptiveAvgPooling2D(x, output_size=3), image, {}),
    )
    for label, symbol, shape, params in layers:
        yield Case(f"empty,{label}", symbol, {"data": normal(*shape)}, params, numpy=True)
