"""Translate one picture with ONNX Runtime alone: pip install onnxruntime numpy pillow

    python translate.py MODEL.onnx INPUT OUTPUT Blond_Hair Young ...

MODEL.onnx comes from: stargan export WEIGHTS --to onnx --uint8
The attributes that you name are on, all others are off. If the model joins several sets of attributes, name those of
one set.
"""

import json
import sys

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

model, source, target, *wanted = sys.argv[1:]

session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
about = session.get_modelmeta().custom_metadata_map
attributes, sets, size = json.loads(about["attributes"]), json.loads(about["sets"]), int(about["image_size"])
unknown = set(wanted) - set(attributes)
if unknown:
    sys.exit(f"unknown: {', '.join(sorted(unknown))}; the model knows {', '.join(attributes)}")

label = np.zeros((1, int(about["label_dim"])), np.float32)
for name in wanted:
    label[0, attributes.index(name)] = 1

if len(sets) > 1:  # the label ends with a number for each set: 1 for the one whose attributes it gives
    given = [number for number, names in enumerate(sets) if set(names) & set(wanted)]
    if len(given) != 1:
        sys.exit(f"name attributes of one set: {' or '.join(', '.join(names) for names in sets)}")
    label[0, len(attributes) + given[0]] = 1

picture = ImageOps.exif_transpose(Image.open(source)).convert("RGB")
square = ImageOps.fit(picture, (size, size), Image.Resampling.BILINEAR)
(result,) = session.run(["picture"], {"image": np.asarray(square)[None], "label": label})
Image.fromarray(result[0]).save(target)
