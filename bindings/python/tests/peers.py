"""Formulas of libraries that cannot be installed here, written down from what they publish, for torch's autograd. Named as such."""

import math


def mmdetection_balanced_l1_loss(torch, pred, target, beta=1.0, alpha=0.5, gamma=1.5):
    size = torch.abs(pred - target)
    b = math.exp(gamma / alpha) - 1
    near = alpha / b * (b * size + 1) * torch.log(b * size / beta + 1) - alpha * size
    return torch.where(size < beta, near, gamma * size + gamma / b - alpha * beta)


def mmdetection_distribution_focal_loss(torch, pred, label):
    """pred (N, bins), label (N): the cross entropies of the bins on both sides, by their distances."""
    left = label.detach().long()
    cross_entropy = torch.nn.functional.cross_entropy
    return cross_entropy(pred, left, reduction="none") * (left + 1 - label) + cross_entropy(pred, left + 1, reduction="none") * (label - left)


def ultralytics_distribution_focal_loss(torch, pred, target):
    """pred (boxes * 4, bins), target (boxes, 4): clamped, and the mean of the four sides."""
    target = target.clamp(0, pred.shape[-1] - 1 - 0.01)
    left = target.detach().long()
    losses = [torch.nn.functional.cross_entropy(pred, x.view(-1), reduction="none").view(target.shape) for x in (left, left + 1)]
    return (losses[0] * (left + 1 - target) + losses[1] * (target - left)).mean(-1, keepdim=True)


def mmdetection_integral(torch, x, reg_max):
    """(N, 4 * (reg_max + 1)) to (N, 4)."""
    shares = torch.softmax(x.reshape(-1, reg_max + 1), dim=1)
    return (shares * torch.arange(reg_max + 1, dtype=x.dtype)).sum(-1).reshape(-1, 4)


def precise_roi_pool(torch, input, boxes, size):
    """The integrals of Jiang 2018, as a product of matrices: along an axis a pixel's weight is that of its hat function over the bin."""

    def integral(x):
        x = x.clamp(-1, 1)
        return torch.where(x < 0, (x + 1) ** 2 / 2, 0.5 + x - x**2 / 2)

    def weights(low, high, bins, pixels):
        ends = low + (high - low) * torch.arange(bins + 1, dtype=low.dtype) / bins
        between = integral(ends[:, None] - torch.arange(pixels, dtype=low.dtype))
        return (between[1:] - between[:-1]) * bins / (high - low)

    pooled = [
        torch.einsum("iy,cyx,jx->cij", weights(y1, y2, size[0], input.shape[2]), input[int(image)], weights(x1, x2, size[1], input.shape[3]))
        for image, x1, y1, x2, y2 in boxes
    ]
    return torch.stack(pooled)


def sides(boxes):
    return boxes[..., 2:] - boxes[..., :2]


def area(boxes):
    return sides(boxes).prod(-1)


def keras_convert_format(torch, boxes, source, target, image_shape):
    """By way of corners in pixels. Formats that begin with rel_ are fractions of an image (height, width)."""
    height, width = image_shape
    image = torch.tensor([width, height] * 2, dtype=boxes.dtype)
    exchanged = [1, 0, 3, 2]
    if "yxyx" in source:
        boxes = boxes[..., exchanged]
    if source.startswith("rel_"):
        boxes = boxes * image
    first, second = boxes[..., :2], boxes[..., 2:]
    if "cxcywh" in source:
        first, second = first - second / 2, first + second / 2
    elif "xywh" in source:
        second = first + second
    if "cxcywh" in target:
        first, second = (first + second) / 2, second - first
    elif "xywh" in target:
        second = second - first
    boxes = torch.cat([first, second], -1)
    if target.startswith("rel_"):
        boxes = boxes / image
    return boxes[..., exchanged] if "yxyx" in target else boxes


def overlaps(torch, a, b):
    """Intersection and union of aligned boxes, as most libraries compute them."""
    inter = (torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2])).clamp(min=0).prod(-1)
    return inter, area(a) + area(b) - inter


def detectron2_pairwise_iou(torch, a, b):
    """0 where nothing is shared, without a gradient there."""
    inter, union = overlaps(torch, a[:, None], b)
    return torch.where(inter > 0, inter / union, torch.zeros_like(inter))


def detectron2_pairwise_ioa(torch, a, b):
    """By the area of the second box."""
    inter, _ = overlaps(torch, a[:, None], b)
    return torch.where(inter > 0, inter / area(b), torch.zeros_like(inter))


def supervision_ios(torch, a, b):
    """By the smaller area; 0 where that is not positive."""
    inter, _ = overlaps(torch, a, b)
    smaller = torch.minimum(area(a), area(b))
    return torch.where(smaller > 0, inter / smaller, torch.zeros_like(inter))


def detectron2_get_deltas(torch, proposals, targets, weights):
    source, size = sides(proposals), sides(targets)
    centers = (targets[:, :2] + size / 2) - (proposals[:, :2] + source / 2)
    return torch.cat([centers / source, torch.log(size / source)], 1) * torch.tensor(weights, dtype=proposals.dtype)


def detectron2_apply_deltas(torch, proposals, deltas, weights):
    d = deltas / torch.tensor(weights, dtype=deltas.dtype)
    center = proposals[:, :2] + sides(proposals) / 2 + d[:, :2] * sides(proposals)
    half = torch.exp(d[:, 2:].clamp(max=math.log(1000 / 16))) * sides(proposals) / 2
    return torch.cat([center - half, center + half], 1)


def ultralytics_xywhr2xyxyxyxy(torch, boxes):
    center, w, h, angle = boxes[:, :2], boxes[:, 2:3], boxes[:, 3:4], boxes[:, 4:5]
    cos, sin = torch.cos(angle), torch.sin(angle)
    u, v = torch.cat([w / 2 * cos, w / 2 * sin], -1), torch.cat([-h / 2 * sin, h / 2 * cos], -1)
    first, second, third, fourth = center + u + v, center + u - v, center - u - v, center - u + v
    return torch.cat([third, second, first, fourth], -1)


def mmrotate_rbox2hbox(torch, boxes):
    centers, w, h, theta = torch.split(boxes, (2, 1, 1, 1), dim=-1)
    cos, sin = torch.cos(theta), torch.sin(theta)
    bias = torch.cat([torch.abs(w / 2 * cos) + torch.abs(h / 2 * sin), torch.abs(w / 2 * sin) + torch.abs(h / 2 * cos)], dim=-1)
    return torch.cat([centers - bias, centers + bias], dim=-1)


def mmrotate_regularize_boxes(torch, boxes, pattern):
    """RotatedBoxes.regularize_boxes of mmrotate 1.x, of which "oc" begins at -90 degrees there."""
    width_longer, start = {"oc": (False, 0.0), "le90": (True, -math.pi / 2), "le135": (True, -math.pi / 4)}[pattern]
    x, y, w, h, t = boxes.unbind(dim=-1)
    if width_longer:
        w_, h_ = torch.where(w > h, w, h), torch.where(w > h, h, w)
        t = (torch.where(w > h, t, t + math.pi / 2) - start) % math.pi + start
    else:
        t = (t - start) % math.pi
        w_, h_ = torch.where(t < math.pi / 2, w, h), torch.where(t < math.pi / 2, h, w)
        t = torch.where(t < math.pi / 2, t, t - math.pi / 2) + start
    return torch.stack([x, y, w_, h_, t], dim=-1)


def ultralytics_regularize_rboxes(torch, rboxes):
    x, y, w, h, t = rboxes.unbind(dim=-1)
    swap = t % math.pi >= math.pi / 2
    w_, h_ = torch.where(swap, h, w), torch.where(swap, w, h)
    return torch.stack([x, y, w_, h_, t % (math.pi / 2)], dim=-1)


CONVENTIONS = {"radians-cw": (1, 1), "degrees-ccw": (-1, math.pi / 180), "degrees-cw": (1, math.pi / 180), "radians-ccw": (-1, 1)}
"""The sense and the unit of each convention."""
TURNS = {"turn": (-1, 2), "le90": (-0.5, 1), "le135": (-0.25, 1), "oc": (0, 0)}
"""Where a range begins and how wide it is, in half turns."""


def moved_angle(torch, x, range, half):
    first, width = TURNS[range]
    return x if not width else x - torch.floor((x / half - first) / width) * width * half


def first_side(torch, p, angle, proj_xy):
    sense, unit = CONVENTIONS[angle]
    turned = p[:, 4] * (unit * sense if proj_xy else 0)
    return torch.cos(turned), torch.sin(turned)


def rotated_bbox2delta(torch, p, t, angle, range="turn", norm_factor=None, edge_swap=False, proj_xy=False, means=(0,) * 5, stds=(1,) * 5):
    half = math.pi / CONVENTIONS[angle][1]
    (x, y), (c, s) = (t[:, :2] - p[:, :2]).T, first_side(torch, p, angle, proj_xy)
    u, v = c * x + s * y, c * y - s * x
    turn = moved_angle(torch, t[:, 4] - p[:, 4], range, half)
    w, h = t[:, 2], t[:, 3]
    if edge_swap:
        other = moved_angle(torch, t[:, 4] - p[:, 4] + half / 2, range, half)
        stays = abs(turn) < abs(other)
        w, h, turn = torch.where(stays, w, t[:, 3]), torch.where(stays, h, t[:, 2]), torch.where(stays, turn, other)
    da = turn * CONVENTIONS[angle][1] / (norm_factor * math.pi if norm_factor else 1)
    d = torch.stack([u / p[:, 2], v / p[:, 3], torch.log(w / p[:, 2]), torch.log(h / p[:, 3]), da], 1)
    return (d - torch.tensor(means, dtype=torch.float64)) / torch.tensor(stds, dtype=torch.float64)


def rotated_delta2bbox(
    torch, p, d, angle, range="turn", norm_factor=None, edge_swap=False, proj_xy=False, means=(0,) * 5, stds=(1,) * 5, max_shape=None,
    log_ratio_clip=math.log(1000 / 16), center_clamp=None,
):  # fmt: skip
    half = math.pi / CONVENTIONS[angle][1]
    d = d * torch.tensor(stds, dtype=torch.float64) + torch.tensor(means, dtype=torch.float64)
    (u, v), (c, s) = (d[:, :2] * p[:, 2:4]).T, first_side(torch, p, angle, proj_xy)
    if center_clamp is not None:
        u, v = u.clamp(-center_clamp, center_clamp), v.clamp(-center_clamp, center_clamp)
    x, y = p[:, 0] + c * u - s * v, p[:, 1] + s * u + c * v
    if max_shape is not None:
        x, y = x.clamp(0, max(max_shape[1] - 1, 0)), y.clamp(0, max(max_shape[0] - 1, 0))
    low, high = log_ratio_clip if isinstance(log_ratio_clip, tuple) else (-math.inf, log_ratio_clip)
    w, h = (p[:, 2:4] * torch.exp(d[:, 2:4].clamp(low, high))).T
    turned = p[:, 4] + d[:, 4] / CONVENTIONS[angle][1] * (norm_factor * math.pi if norm_factor else 1)
    if edge_swap:
        stays = w > h
        w, h, turned = torch.where(stays, w, h), torch.where(stays, h, w), torch.where(stays, turned, turned + half / 2)
    return torch.stack([x, y, w, h, moved_angle(torch, turned, range, half)], 1)


def corners_about(torch, t, angle):
    sense, unit = CONVENTIONS[angle]
    c, s = torch.cos(t[:, 4] * unit) / 2, torch.sin(t[:, 4] * unit) * sense / 2
    u, v = torch.stack([c, s], 1) * t[:, 2:3], torch.stack([-s, c], 1) * t[:, 3:4]
    return torch.stack([u + v, v - u, u - v, -u - v], 1)


def midpoint_bbox2delta(torch, p, t, angle, means=(0,) * 6, stds=(1,) * 6, corner_tolerance=0.1):
    """mmrotate's, with the corners about the centre."""
    corners = corners_about(torch, t, angle)
    x, y = corners[..., 0], corners[..., 1]
    w, h = 2 * x.amax(1), 2 * y.amax(1)
    pw, ph = p[:, 2] - p[:, 0], p[:, 3] - p[:, 1]
    a = torch.where(y - y.amin(1, keepdim=True) <= corner_tolerance, x, -math.inf).amax(1)
    b = torch.where(x.amax(1, keepdim=True) - x <= corner_tolerance, y, -math.inf).amax(1)
    dx, dy = (t[:, 0] - (p[:, 0] + p[:, 2]) / 2) / pw, (t[:, 1] - (p[:, 1] + p[:, 3]) / 2) / ph
    return (torch.stack([dx, dy, torch.log(w / pw), torch.log(h / ph), a / w, b / h], 1) - torch.tensor(means, dtype=torch.float64)) / torch.tensor(stds, dtype=torch.float64)


def midpoint_delta2bbox(torch, p, d, angle, range="le90", means=(0,) * 6, stds=(1,) * 6, log_ratio_clip=math.log(1000 / 16)):
    d = d * torch.tensor(stds, dtype=torch.float64) + torch.tensor(means, dtype=torch.float64)
    half = math.pi / CONVENTIONS[angle][1]
    low, high = log_ratio_clip if isinstance(log_ratio_clip, tuple) else (-math.inf, log_ratio_clip)
    pw, ph = p[:, 2] - p[:, 0], p[:, 3] - p[:, 1]
    w, h = pw * torch.exp(d[:, 2].clamp(low, high)), ph * torch.exp(d[:, 3].clamp(low, high))
    top = torch.stack([d[:, 4].clamp(-0.5, 0.5) * w, -h / 2], 1)
    right = torch.stack([w / 2, d[:, 5].clamp(-0.5, 0.5) * h], 1)
    lengths = top.norm(dim=1, keepdim=True), right.norm(dim=1, keepdim=True)
    longer = torch.maximum(*lengths)
    top, right = top * longer / lengths[0], right * longer / lengths[1]
    first, second = right - top, -right - top
    w, h = first.norm(dim=1), second.norm(dim=1)
    turned = torch.atan2(first[:, 1], first[:, 0]) * half / math.pi * CONVENTIONS[angle][0]
    if range in ("le90", "le135"):
        wide = w >= h
        w, h, turned = torch.where(wide, w, h), torch.where(wide, h, w), torch.where(wide, turned, turned + half / 2)
    elif range == "oc":
        quarters = torch.ceil(turned / (half / 2)) - 1
        odd = quarters % 2 == 1
        w, h, turned = torch.where(odd, h, w), torch.where(odd, w, h), turned - quarters * half / 2
    x, y = (p[:, 0] + p[:, 2]) / 2 + d[:, 0] * pw, (p[:, 1] + p[:, 3]) / 2 + d[:, 1] * ph
    return torch.stack([x, y, w, h, moved_angle(torch, turned, range, half)], 1)


def within_half_a_turn(torch, p, t):
    """p with the last number as far from that of t as its turn of less than a quarter is."""
    d = p[:, 4:] - t[:, 4:]
    return torch.cat([p[:, :4], t[:, 4:] + torch.atan(torch.sin(d) / torch.cos(d))], dim=1)


def mmrotate_gaussian(torch, boxes):
    """xy_wh_r_2_xy_sigma."""
    wh, r = boxes[:, 2:4].clamp(min=1e-7, max=1e7), boxes[:, 4]
    cos, sin = torch.cos(r), torch.sin(r)
    rotation = torch.stack((cos, -sin, sin, cos), dim=-1).reshape(-1, 2, 2)
    scale = 0.5 * torch.diag_embed(wh)
    return boxes[:, :2], rotation.bmm(scale.square()).bmm(rotation.permute(0, 2, 1))


def trace(matrices):
    return matrices.diagonal(dim1=-2, dim2=-1).sum(dim=-1)


def mmrotate_postprocess(torch, distance, fun, tau):
    if fun == "log1p":
        distance = torch.log1p(distance)
    elif fun == "sqrt":
        distance = torch.sqrt(distance.clamp(1e-7))
    return 1 - 1 / (tau + distance) if tau >= 1.0 else distance


def mmrotate_gwd_loss(torch, pred, target, fun="log1p", tau=1.0, alpha=1.0, normalize=True):
    (xy_p, sigma_p), (xy_t, sigma_t) = mmrotate_gaussian(torch, pred), mmrotate_gaussian(torch, target)
    det_root = (sigma_p.det() * sigma_t.det()).clamp(1e-7).sqrt()
    shape = trace(sigma_p) + trace(sigma_t) - 2 * (trace(sigma_p.bmm(sigma_t)) + 2 * det_root).clamp(1e-7).sqrt()
    distance = ((xy_p - xy_t).square().sum(dim=-1) + alpha * alpha * shape).clamp(1e-7).sqrt()
    if normalize:
        distance = distance / (2 * det_root.clamp(1e-7).sqrt().clamp(1e-7).sqrt()).clamp(1e-7)
    return mmrotate_postprocess(torch, distance, fun, tau)


def mmrotate_kld_loss(torch, pred, target, fun="log1p", tau=1.0, alpha=1.0, sqrt=True):
    (xy_p, sigma_p), (xy_t, sigma_t) = mmrotate_gaussian(torch, pred), mmrotate_gaussian(torch, target)
    entries = sigma_p[:, 1, 1], -sigma_p[:, 0, 1], -sigma_p[:, 1, 0], sigma_p[:, 0, 0]
    inverse = torch.stack(entries, dim=-1).reshape(-1, 2, 2) / sigma_p.det()[:, None, None]
    dxy = (xy_p - xy_t).unsqueeze(-1)
    distance = 0.5 * dxy.permute(0, 2, 1).bmm(inverse).bmm(dxy).view(-1) / (alpha * alpha)
    distance = distance + 0.5 * trace(inverse.bmm(sigma_t)) + 0.5 * (sigma_p.det().log() - sigma_t.det().log()) - 1
    return mmrotate_postprocess(torch, distance.clamp(1e-7).sqrt() if sqrt else distance, fun, tau)


def mmrotate_jd_loss(torch, pred, target, fun="log1p", tau=1.0, alpha=1.0, sqrt=True):
    mean = 0.5 * sum(mmrotate_kld_loss(torch, a, b, "none", 0, alpha, False) for a, b in ((pred, target), (target, pred)))
    return mmrotate_postprocess(torch, mean.clamp(1e-7).sqrt() if sqrt else mean, fun, tau)


def mmrotate_kld_symmax_loss(torch, pred, target, fun="log1p", tau=1.0, alpha=1.0, sqrt=True, choose="max"):
    both = [mmrotate_kld_loss(torch, a, b, "none", 0, alpha, sqrt) for a, b in ((pred, target), (target, pred))]
    return mmrotate_postprocess(torch, getattr(torch, choose)(*both), fun, tau)


def mmrotate_kfiou(torch, pred, target, fun=None, eps=1e-6):
    """kfiou_loss without the smooth L1 loss of the centres."""
    (_, sigma_p), (_, sigma_t) = mmrotate_gaussian(torch, pred), mmrotate_gaussian(torch, target)
    gain = sigma_p.bmm((sigma_p + sigma_t).inverse())
    v, v_p, v_t = (4 * sigma.det().sqrt() for sigma in (sigma_p - gain.bmm(sigma_p), sigma_p, sigma_t))
    kfiou = v / (v_p + v_t - v + eps)
    return -torch.log(kfiou + eps) if fun == "ln" else torch.exp(1 - kfiou) - 1 if fun == "exp" else 1 - kfiou


def ultralytics_probiou_loss(torch, obb1, obb2, eps=1e-7):
    """1 - probiou, which is the root that it takes."""

    def covariance(boxes):
        a, b, c = boxes[:, 2:3].pow(2) / 12, boxes[:, 3:4].pow(2) / 12, boxes[:, 4:5]
        cos, sin = c.cos(), c.sin()
        return a * cos.pow(2) + b * sin.pow(2), a * sin.pow(2) + b * cos.pow(2), (a - b) * cos * sin

    (x1, y1), (x2, y2) = obb1[:, :2].split(1, dim=-1), obb2[:, :2].split(1, dim=-1)
    (a1, b1, c1), (a2, b2, c2) = covariance(obb1), covariance(obb2)
    det = (a1 + a2) * (b1 + b2) - (c1 + c2).pow(2)
    t1 = ((a1 + a2) * (y1 - y2).pow(2) + (b1 + b2) * (x1 - x2).pow(2)) / (det + eps) * 0.25
    t2 = (c1 + c2) * (x2 - x1) * (y1 - y2) / (det + eps) * 0.5
    dets = (a1 * b1 - c1.pow(2)).clamp(0) * (a2 * b2 - c2.pow(2)).clamp(0)
    t3 = (det / (4 * dets.sqrt() + eps) + eps).log() * 0.5
    return (1.0 - (-(t1 + t2 + t3).clamp(eps, 100.0)).exp() + eps).sqrt()[:, 0]


def shapely_iou(a, b, of_first=False, radians=False):
    """Of all pairs of rotated boxes, degrees or radians clockwise: shapely is installed, but has no boxes."""
    import numpy as np
    import shapely
    from shapely import affinity

    def polygons(boxes):
        upright = [shapely.box(x - w / 2, y - h / 2, x + w / 2, y + h / 2) for x, y, w, h, _ in boxes.tolist()]
        return np.array([affinity.rotate(box, angle, use_radians=radians) for box, angle in zip(upright, boxes[:, 4].tolist())])

    first, second = polygons(a)[:, None], polygons(b)
    inter = shapely.area(shapely.intersection(first, second))
    return inter / (shapely.area(first) + (0 if of_first else shapely.area(second) - inter))


def shapely_min_areas(quads):
    import numpy as np
    import shapely

    return shapely.area(shapely.minimum_rotated_rectangle(shapely.multipoints(np.asarray(quads, float).reshape(-1, 4, 2))))


def mmrotate_rotated_iou_loss(pred, target, mode, eps):
    """With shapely in place of diff_iou_rotated_2d."""
    import numpy as np

    ious = shapely_iou(pred, target, radians=True).diagonal().clip(eps)
    return 1 - ious if mode == "linear" else -np.log(ious)


def mmdetection_bbox2distance(torch, points, boxes):
    return torch.stack([points[:, 0] - boxes[:, 0], points[:, 1] - boxes[:, 1], boxes[:, 2] - points[:, 0], boxes[:, 3] - points[:, 1]], -1)


def mmdetection_distance2bbox(torch, points, distances):
    return torch.cat([points - distances[:, :2], points + distances[:, 2:]], 1)


def mmdetection_bboxes2tblr(torch, priors, boxes, normalizer, normalize_by_wh=True):
    left, top, right, bottom = mmdetection_bbox2distance(torch, (priors[:, :2] + priors[:, 2:]) / 2, boxes).unbind(1)
    width, height = sides(priors).unbind(1) if normalize_by_wh else (1, 1)
    return torch.stack([top / height, bottom / height, left / width, right / width], 1) / torch.tensor(normalizer, dtype=priors.dtype)


def mmdetection_tblr2bboxes(torch, priors, distances, normalizer, normalize_by_wh=True):
    top, bottom, left, right = (distances * torch.tensor(normalizer, dtype=priors.dtype)).unbind(1)
    width, height = sides(priors).unbind(1) if normalize_by_wh else (1, 1)
    ltrb = torch.stack([left * width, top * height, right * width, bottom * height], 1)
    return mmdetection_distance2bbox(torch, (priors[:, :2] + priors[:, 2:]) / 2, ltrb)


def ultralytics_dist2bbox(torch, distances, anchor_points, strides):
    """YOLOv8: points and distances in strides."""
    to_start, to_end = distances.chunk(2, 1)
    return torch.cat([anchor_points - to_start, anchor_points + to_end], 1) * torch.cat([strides, strides], 1)


def ultralytics_v5_decode(torch, anchors, grid, predicted, stride):
    """YOLOv5's detection head, with the corners of what it gives as centre and size."""
    y = torch.sigmoid(predicted)
    center, size = (y[:, :2] * 2 - 0.5 + grid) * stride, (y[:, 2:] * 2) ** 2 * anchors
    return torch.cat([center - size / 2, center + size / 2], 1)


def mmyolo_v5_decode(torch, priors, predicted, stride):
    y = torch.sigmoid(predicted)
    center = (priors[:, :2] + priors[:, 2:]) / 2 + (y[:, :2] - 0.5) * 2 * stride
    size = (y[:, 2:] * 2) ** 2 * sides(priors)
    return torch.cat([center - size / 2, center + size / 2], 1)


def mmdetection_overlaps(torch, a, b, mode="iou", eps=1e-6):
    """Of all pairs; the union (for iof the first box's area) and the enclosing area are at least eps."""
    a, b = a[:, None], b[None]
    inter, union = overlaps(torch, a, b)
    if mode == "iof":
        union = area(a).expand_as(inter)
    union = union.clamp(min=eps)
    if mode in ("iou", "iof"):
        return inter / union
    enclosing = (torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2])).clamp(min=0).prod(-1).clamp(min=eps)
    return inter / union - (enclosing - union) / enclosing


def mmdetection_diou_terms(torch, a, b, eps):
    inter, union = overlaps(torch, a, b)
    diagonal = ((torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])).clamp(min=0) ** 2).sum(-1) + eps
    distance = (((b[:, :2] + b[:, 2:]) - (a[:, :2] + a[:, 2:])) ** 2).sum(-1) / 4
    return inter / (union + eps), distance / diagonal


def mmdetection_diou_loss(torch, a, b, eps=1e-7):
    iou, distance = mmdetection_diou_terms(torch, a, b, eps)
    return 1 - (iou - distance)


def mmdetection_ciou_loss(torch, a, b, eps=1e-7):
    """alpha v is v^2 / (1 - IoU + v), without an eps."""
    iou, distance = mmdetection_diou_terms(torch, a, b, eps)
    angles = [torch.atan(sides(boxes)[:, 0] / (sides(boxes)[:, 1] + eps)) for boxes in (a, b)]
    v = 4 / math.pi**2 * (angles[1] - angles[0]) ** 2
    return 1 - (iou - (distance + v**2 / (1 - iou + v)))


def mmdetection_giou_loss(torch, a, b, eps=1e-7):
    return 1 - mmdetection_overlaps(torch, a, b, "giou", eps).diagonal()


def mmdetection_smooth_l1(torch, prediction, target, beta):
    d = (prediction - target).abs()
    return torch.where(d < beta, 0.5 * d * d / beta, d - 0.5 * beta)


def mmdetection_bbox2delta(torch, proposals, targets, means, stds):
    means, stds = (torch.tensor(x, dtype=proposals.dtype) for x in (means, stds))
    return (detectron2_get_deltas(torch, proposals, targets, (1, 1, 1, 1)) - means) / stds


def mmdetection_delta2bbox(torch, proposals, deltas, means, stds, max_shape, wh_ratio_clip=16 / 1000):
    means, stds = (torch.tensor(x, dtype=proposals.dtype) for x in (means, stds))
    d, bound = deltas * stds + means, abs(math.log(wh_ratio_clip))
    center = proposals[:, :2] + sides(proposals) / 2 + d[:, :2] * sides(proposals)
    half = torch.exp(d[:, 2:].clamp(-bound, bound)) * sides(proposals) / 2
    limits = torch.tensor([max_shape[1], max_shape[0]], dtype=proposals.dtype)
    return torch.cat([torch.minimum(corner.clamp(min=0), limits) for corner in (center - half, center + half)], 1)


def keras_cv_ciou_loss(torch, a, b, eps=1e-7):
    """v has the factor (4 / pi^2)^2, and heights an eps."""
    iou, distance = mmdetection_diou_terms(torch, a, b, eps)
    angles = [torch.atan(sides(boxes)[:, 0] / (sides(boxes)[:, 1] + eps)) for boxes in (a, b)]
    v = (4 / math.pi**2 * (angles[1] - angles[0])) ** 2
    return 1 - (iou - (distance + v * v / (1 - iou + v + eps)))


def nms(torch, boxes, scores, threshold):
    """torchvision's algorithm."""
    order, kept = scores.argsort(descending=True, stable=True), []
    inter, union = overlaps(torch, boxes[:, None], boxes[None])
    over = inter / union > threshold
    for i in order.tolist():
        if not over[kept, i].any():
            kept.append(i)
    return torch.tensor(kept, dtype=torch.int64)


def batched_nms(torch, boxes, scores, classes, threshold):
    """One class after the other, as torchvision's _batched_nms_vanilla."""
    keep = torch.zeros_like(scores, dtype=torch.bool)
    for one in classes.unique():
        of_class = torch.where(classes == one)[0]
        keep[of_class[nms(torch, boxes[of_class], scores[of_class], threshold)]] = True
    keep = torch.where(keep)[0]
    return keep[scores[keep].sort(descending=True, stable=True)[1]]


def detectron2_nms_rotated(boxes, scores, threshold):
    """Degrees counter-clockwise. Its overlaps are of polygons that are clipped; here of shapely's."""
    clockwise = boxes.clone()
    clockwise[:, 4] *= -1
    iou, keep = shapely_iou(clockwise, clockwise) if len(boxes) else None, []
    for i in scores.argsort(descending=True, stable=True).tolist():
        if not any(iou[k, i] > threshold for k in keep):
            keep.append(i)
    return scores.new_tensor(keep).long()


def detectron2_batched_nms_rotated(boxes, scores, idxs, threshold):
    """It moves the classes apart."""
    if not len(boxes):
        return idxs
    reach = boxes[:, 2:4].amax(1) / 2
    offsets = idxs * ((boxes[:, :2].amax(1) + reach).max() - (boxes[:, :2].amin(1) - reach).min() + 1)
    moved = boxes.clone()
    moved[:, :2] += offsets[:, None]
    return detectron2_nms_rotated(moved, scores, threshold)


def mmcv_soft_nms(torch, boxes, scores, threshold, sigma, min_score, method, iou=None):
    """The lowered score of each box, 0 of one that goes. An IoU of the threshold counts, and a score of min_score stays."""
    scores, left, kept = scores.clone(), list(range(len(scores))), torch.zeros_like(scores)
    if iou is None:
        inter, union = overlaps(torch, boxes[:, None], boxes[None])
        iou = inter / union
    while left:
        best = max(left, key=lambda i: (scores[i].item(), -i))
        left.remove(best)
        kept[best] = scores[best]
        for i in list(left):
            linear = 1 - iou[best, i] if iou[best, i] >= threshold else 1
            scores[i] *= linear if method == "linear" else torch.exp(-iou[best, i] ** 2 / sigma)
            if scores[i] < min_score:
                left.remove(i)
    return kept


def around(torch, a, b):
    """The sides of the smallest boxes around both."""
    return (torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])).clamp(min=0)


def shift(a, b):
    return ((b[:, :2] + b[:, 2:]) - (a[:, :2] + a[:, 2:])) / 2


def plain_iou(torch, a, b, eps=0.0):
    inter, union = overlaps(torch, a, b)
    return inter / (union + eps)


def yolo_eiou_loss(torch, a, b, gamma=0.0):
    """As in the YOLOs' bbox_iou with EIoU, and Focal as a factor that has no gradient."""
    iou, c = plain_iou(torch, a, b), around(torch, a, b)
    terms = (shift(a, b) ** 2).sum(-1) / (c**2).sum(-1) + ((sides(b) - sides(a)) ** 2 / c**2).sum(-1)
    return (1 - iou + terms) * iou.detach() ** gamma


def mmdetection_eiou_loss(torch, a, b, smooth_point=0.1):
    """Extended IoU: the intersection is negative for boxes apart, and the loss is a parabola near 0."""
    outer = torch.minimum(a[:, :2], b[:, :2])
    low, high = torch.maximum(a[:, :2], b[:, :2]) - outer, torch.minimum(a[:, 2:], b[:, 2:]) - outer
    first, last = torch.minimum(low, high), torch.maximum(low, high)
    inter = high.prod(-1) + first.prod(-1) - low[:, 0] * last[:, 1] - last[:, 0] * low[:, 1]
    x = 1 - inter / (area(a) + area(b) - inter)
    return torch.where(x < smooth_point, 0.5 * x**2 / smooth_point, x - 0.5 * smooth_point)


def mmdetection_siou_loss(torch, a, b, eps=0.0, neg_gamma=False):
    """The angle is by arcsine and cosine; without neg_gamma the exponents are positive. The loss is at most 2."""
    c, s, w = around(torch, a, b), shift(a, b).abs() + eps, torch.stack([sides(a), sides(b)])
    sines = s / (s**2).sum(-1, keepdim=True).sqrt()
    sine = torch.where(sines[:, 0] > 0.5**0.5, sines[:, 1], sines[:, 0])
    gamma = torch.cos(2 * torch.asin(sine) - math.pi / 2) - 2
    cost = 2 - torch.exp((gamma if neg_gamma else -gamma)[:, None] * (s / c) ** 2).sum(-1)
    shape = ((1 - torch.exp(-(w[0] - w[1]).abs() / torch.maximum(w[0], w[1]))) ** 4).sum(-1)
    return 1 - (plain_iou(torch, a, b, eps) - (cost + shape) / 2).clamp(-1, 1)


def alpha_iou_loss(torch, a, b, alpha=3.0, metric="iou"):
    """He's code: each term of the penalty is raised, and each part of it."""
    iou = plain_iou(torch, a, b) ** alpha
    if metric == "iou":
        return 1 - iou
    squares = (shift(a, b) ** 2).sum(-1) ** alpha, (around(torch, a, b) ** 2).sum(-1) ** alpha
    return 1 - iou + squares[0] / squares[1]


def wise_iou_loss(torch, a, b):
    return torch.exp((shift(a, b) ** 2).sum(-1) / (around(torch, a, b) ** 2).sum(-1).detach()) * (1 - plain_iou(torch, a, b))


def inner_iou_loss(torch, a, b, ratio=0.7):
    """With DIoU: its IoU is that of the scaled boxes."""
    a2, b2 = (torch.cat([(x[:, :2] + x[:, 2:]) / 2 + sign * sides(x) * ratio / 2 for sign in (-1, 1)], 1) for x in (a, b))
    return 1 - plain_iou(torch, a2, b2) + (shift(a, b) ** 2).sum(-1) / (around(torch, a, b) ** 2).sum(-1)


def mpdiou_loss(torch, a, b, size):
    square = size[0] ** 2 + size[1] ** 2
    d1, d2 = (((a[:, k : k + 2] - b[:, k : k + 2]) ** 2).sum(-1) for k in (0, 2))
    return 1 - (plain_iou(torch, a, b) - d1 / square - d2 / square)


def mmdetection_iou_loss(torch, a, b, mode="linear", eps=1e-6):
    """The union is at least eps, and so is the IoU."""
    inter, union = overlaps(torch, a, b)
    iou = (inter / union.clamp(min=eps)).clamp(min=eps)
    return {"log": -iou.log(), "linear": 1 - iou, "square": 1 - iou**2}[mode]


def mmdetection_bounded_iou_loss(torch, a, b, beta=0.2, eps=1e-3):
    """Four numbers a box. Its target is detached, which is left out here."""
    size_a, size_b, d = sides(a), sides(b), shift(a, b).abs()
    of_shift = 1 - ((size_b - 2 * d) / (size_b + 2 * d + eps)).clamp(min=0)
    x = torch.cat([of_shift, 1 - torch.minimum(size_b / (size_a + eps), size_a / (size_b + eps))], 1)
    return torch.where(x < beta, 0.5 * x * x / beta, x - 0.5 * beta)


def aitod_nwd_loss(torch, a, b, constant=12.8, eps=0.0):
    square = (shift(a, b) ** 2).sum(-1) + eps + ((sides(a) - sides(b)) ** 2).sum(-1) / 4
    return 1 - torch.exp(-square.sqrt() / constant)


def faster_rcnn_smooth_l1(torch, prediction, target, inside, outside, sigma):
    d = inside * (prediction - target)
    return outside * torch.where(d.abs() < 1 / sigma**2, sigma**2 * d**2 / 2, d.abs() - 0.5 / sigma**2)


def darknet_diou(torch, a, b):
    """The penalty to the power of 0.6."""
    inter, union = overlaps(torch, a, b)
    _, penalty = mmdetection_diou_terms(torch, a, b, 0)
    return inter / union - penalty**0.6


def darknet_diou_gradient_x(torch, a, b):
    """By the centre's x: the diagonal's derivative is subtracted where it should be added; IoU's part is as it should be."""
    a = a.clone().requires_grad_()
    inter, union = overlaps(torch, a, b)
    (inter / union).sum().backward()
    of_iou = a.grad[:, [0, 2]].sum(1)
    a = a.detach()
    low, high = torch.minimum(a[:, :2], b[:, :2]), torch.maximum(a[:, 2:], b[:, 2:])
    diagonal = ((high - low) ** 2).sum(-1)
    shift = ((b[:, :2] + b[:, 2:]) - (a[:, :2] + a[:, 2:])) / 2
    by_x = 2 * (high - low)[:, 0] * ((a[:, 2] > b[:, 2]).to(a.dtype) - (a[:, 0] < b[:, 0]).to(a.dtype))
    return of_iou + (2 * shift[:, 0] * diagonal - by_x * (shift**2).sum(-1)) / diagonal**2


def one_sided_iou(torch, a, b):
    """IoU whose max and min give a tie's whole derivative to the first operand, as TensorFlow's do."""

    def larger(x, y):
        return torch.where(x >= y, x, y)

    inter = (-larger(-a[:, 2:], -b[:, 2:]) - larger(a[:, :2], b[:, :2])).clamp(min=0).prod(-1)
    return inter / (area(a) + area(b) - inter)


def mmdetection_assign(torch, overlaps, pos_iou_thr, neg_iou_thr, min_pos_iou=0.0, match_low_quality=True, gt_max_assign_all=True, ignored=None):
    """MaxIoUAssigner's rule for overlaps (truths, boxes): truth + 1, 0 for a negative, -1 for what is left out. `ignored` boxes overlap
    by -1, before anything else."""
    if ignored is not None:
        overlaps = overlaps.masked_fill(ignored, -1)
    assigned = torch.full(overlaps.shape[1:], 0 if not len(overlaps) else -1)
    if not overlaps.numel():
        return assigned
    greatest, nearest = overlaps.max(0)
    assigned[(greatest >= 0) & (greatest < neg_iou_thr)] = 0
    assigned = torch.where(greatest >= pos_iou_thr, nearest + 1, assigned)
    for truth, row in enumerate(overlaps if match_low_quality else ()):
        if row.max() >= min_pos_iou:
            assigned[(row == row.max()) if gt_max_assign_all else row.argmax()] = truth + 1
    return assigned


def tensorflow_match(torch, overlaps, matched_threshold, unmatched_threshold):
    """ArgMaxMatcher's rule with force_match_for_each_row (and Keras' BoxMatcher's, for each column): truth, -1 below, -2 between."""
    greatest, nearest = overlaps.max(0)
    matches = nearest.masked_fill(greatest < unmatched_threshold, -1)
    matches[(greatest >= unmatched_threshold) & (greatest < matched_threshold)] = -2
    forced = torch.nn.functional.one_hot(overlaps.argmax(1), overlaps.shape[1])
    return torch.where(forced.amax(0) > 0, forced.argmax(0), matches)


def adaptive_clip(torch, grad, param, factor, eps, dim):
    """timm's adaptive_clip_grad of a matrix for dim 1, optax's adaptive_grad_clip for dim 0."""
    norm, most = torch.linalg.vector_norm(grad, dim=dim, keepdim=True), factor * torch.linalg.vector_norm(param, dim=dim, keepdim=True).clamp(min=eps)
    return torch.where(norm < most, grad, grad * (most / norm.clamp(min=1e-6)))


def optax_block_rms(torch, grad, threshold):
    return grad / (grad.square().mean().sqrt() / threshold).clamp(min=1)
