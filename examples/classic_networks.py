"""Writes a classic network as Caffe files with seeded weights.

python examples/classic_networks.py resnet50 OUT_DIR [--width 0.25]
"""

import argparse

from dragoman.converters.caffe import zoo


def main() -> None:
    parser = argparse.ArgumentParser(description="Write a classic network as a prototxt and a caffemodel with seeded weights.")
    parser.add_argument("network", choices=[*zoo.NETWORKS, "all"])
    parser.add_argument("folder", help="where the files go")
    parser.add_argument("--width", type=float, default=1.0, help="factor for the number of channels")
    parser.add_argument("--size", type=int, help="the image's height and width; the published one by default")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    for name in zoo.NETWORKS if arguments.network == "all" else [arguments.network]:
        for path in zoo.write(
            name, arguments.folder, width=arguments.width, size=arguments.size, batch=arguments.batch, seed=arguments.seed
        ):
            print(path)


if __name__ == "__main__":
    main()
