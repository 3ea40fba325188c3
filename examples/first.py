"""The first call: the GIoU loss of two predicted boxes, and where its gradient wants to move them."""

import boxgrad
import numpy as np

predicted = np.array([[30, 30, 60, 60], [120, 120, 150, 150]], dtype=np.float32)
truth = np.array([[40, 40, 80, 80], [10, 10, 50, 50]], dtype=np.float32)

loss, gradient = boxgrad.value_and_grad(boxgrad.generalized_box_iou_loss)(predicted, truth, reduction="mean")

print(f"loss {loss:.6f}")
for box, (x1, y1, x2, y2) in enumerate(gradient):
    print(f"gradient of box {box}: {x1:9.6f} {y1:9.6f} {x2:9.6f} {y2:9.6f}")
