// Written by tools/interface.py from include/boxgrad.h.

import CBoxgrad

/// The functions of two types.
let typedFunctions = [
    "box_area", "box_area_grad", "box_convert", "box_convert_grad", "box_clip", "box_clip_grad", "box_inspect", "box_rotate", "clip",
    "clip_grad", "iou_pairwise", "iou_pairwise_grad", "iou_aligned", "iou_loss", "box_loss", "rotated_convert", "rotated_convert_grad",
    "rotated_regularize", "rotated_regularize_grad", "rotated_corners", "rotated_corners_grad", "rotated_from_corners",
    "rotated_from_corners_grad", "rotated_min_area", "rotated_inspect", "rotated_iou_pairwise", "rotated_iou_pairwise_grad",
    "rotated_iou_aligned", "rotated_iou_loss", "rotated_gaussian_loss", "smooth_l1", "balanced_l1", "delta_encode", "delta_encode_grad",
    "delta_decode", "delta_decode_grad", "rotated_encode", "rotated_encode_grad", "rotated_decode", "rotated_decode_grad",
    "midpoint_encode", "midpoint_encode_grad", "midpoint_decode", "midpoint_decode_grad", "ltrb_encode", "ltrb_encode_grad", "ltrb_decode",
    "ltrb_decode_grad", "linear_encode", "linear_encode_grad", "linear_decode", "linear_decode_grad", "yolo_decode", "yolo_decode_grad",
    "distribution_focal", "distribution_decode", "distribution_decode_grad", "roi_align", "roi_align_grad", "roi_pool_precise",
    "roi_pool_precise_grad", "nms", "soft_nms", "rotated_nms", "rotated_soft_nms", "match", "rotated_match", "match_ignore",
]

extension Float {
    static func make(_ c: Call<Float>) -> Int32? {
        switch c.function {
        case "box_area":
            api.box_area_f32(c.read("boxes"), c.integer("count"), c.integer("stride"), c.write("out"))
        case "box_area_grad":
            api.box_area_grad_f32(c.read("boxes"), c.integer("count"), c.integer("stride"), c.read("grad_out"), c.write("grad_boxes"))
        case "box_convert":
            api.box_convert_f32(c.code("from"), c.code("to"), c.read("in"), c.integer("count"), c.integer("in_stride"), c.write("out"),
                c.integer("out_stride"))
        case "box_convert_grad":
            api.box_convert_grad_f32(c.code("from"), c.code("to"), c.integer("count"), c.read("grad_out"), c.write("grad_in"))
        case "box_clip":
            api.box_clip_f32(c.read("in"), c.integer("count"), c.integer("in_stride"), c.number("width"), c.number("height"), c.write("out"),
                c.integer("out_stride"))
        case "box_clip_grad":
            api.box_clip_grad_f32(c.read("in"), c.integer("count"), c.integer("in_stride"), c.number("width"), c.number("height"), c.read("grad_out"),
                c.write("grad_in"))
        case "box_inspect":
            api.box_inspect_f32(c.read("boxes"), c.integer("count"), c.integer("stride"), c.number("width"), c.number("height"), c.number("min_size"),
                c.write("flags"), c.write("counts"), c.integer("counts_length"))
        case "box_rotate":
            api.box_rotate_f32(c.read("boxes"), c.integer("count"), c.integer("stride"), c.number("degrees"), c.number("cx"), c.number("cy"),
                c.write("corners"), c.write("bounds"))
        case "clip":
            api.clip_f32(c.read("x"), c.integer("count"), c.number("lo"), c.number("hi"), c.write("out"))
        case "clip_grad":
            api.clip_grad_f32(c.read("x"), c.integer("count"), c.number("lo"), c.number("hi"), c.read("grad_out"), c.code("mode"), c.write("grad_in"),
                c.write("blocked"))
        case "iou_pairwise":
            api.iou_pairwise_f32(c.code("metric"), c.read("a"), c.integer("a_count"), c.integer("a_stride"), c.read("b"), c.integer("b_count"),
                c.integer("b_stride"), c.number("eps"), c.write("out"), c.integer("out_stride"), c.write("out_union"))
        case "iou_pairwise_grad":
            api.iou_pairwise_grad_f32(c.code("metric"), c.read("a"), c.integer("a_count"), c.integer("a_stride"), c.read("b"), c.integer("b_count"),
                c.integer("b_stride"), c.number("eps"), c.read("grad_out"), c.integer("grad_out_stride"), c.write("grad_a"),
                c.write("grad_b"))
        case "iou_aligned":
            api.iou_aligned_f32(c.code("metric"), c.read("a"), c.integer("a_stride"), c.read("b"), c.integer("b_stride"), c.integer("count"),
                c.number("eps"), c.write("out"), c.write("grad_a"), c.write("grad_b"))
        case "iou_loss":
            api.iou_loss_f32(c.code("metric"), c.read("pred"), c.integer("pred_stride"), c.read("target"), c.integer("target_stride"),
                c.integer("count"), c.read("weights"), c.number("eps"), c.number("normalizer"), c.write("loss"), c.write("per_box"),
                c.write("grad_pred"), c.write("grad_target"))
        case "box_loss":
            api.box_loss_f32(c.code("kind"), c.options(), c.read("pred"), c.integer("pred_stride"), c.read("target"), c.integer("target_stride"),
                c.integer("count"), c.read("weights"), c.number("normalizer"), c.write("loss"), c.write("per_box"), c.write("grad_pred"),
                c.write("grad_target"))
        case "rotated_convert":
            api.rotated_convert_f32(c.code("from"), c.code("to"), c.read("in"), c.integer("count"), c.integer("in_stride"), c.write("out"),
                c.integer("out_stride"))
        case "rotated_convert_grad":
            api.rotated_convert_grad_f32(c.code("from"), c.code("to"), c.integer("count"), c.read("grad_out"), c.write("grad_in"))
        case "rotated_regularize":
            api.rotated_regularize_f32(c.code("angle"), c.code("range"), c.read("in"), c.integer("count"), c.integer("in_stride"), c.write("out"),
                c.integer("out_stride"))
        case "rotated_regularize_grad":
            api.rotated_regularize_grad_f32(c.code("angle"), c.code("range"), c.read("boxes"), c.integer("count"), c.integer("stride"), c.read("grad_out"),
                c.write("grad_boxes"))
        case "rotated_corners":
            api.rotated_corners_f32(c.code("angle"), c.read("boxes"), c.integer("count"), c.integer("stride"), c.write("corners"), c.write("bounds"))
        case "rotated_corners_grad":
            api.rotated_corners_grad_f32(c.code("angle"), c.read("boxes"), c.integer("count"), c.integer("stride"), c.read("grad_corners"), c.read("grad_bounds"),
                c.write("grad_boxes"))
        case "rotated_from_corners":
            api.rotated_from_corners_f32(c.code("angle"), c.read("corners"), c.integer("count"), c.integer("stride"), c.write("boxes"))
        case "rotated_from_corners_grad":
            api.rotated_from_corners_grad_f32(c.code("angle"), c.read("corners"), c.integer("count"), c.integer("stride"), c.read("grad_boxes"), c.write("grad_corners"))
        case "rotated_min_area":
            api.rotated_min_area_f32(c.code("angle"), c.read("points"), c.integer("count"), c.integer("points_per_row"), c.integer("stride"), c.write("boxes"))
        case "rotated_inspect":
            api.rotated_inspect_f32(c.code("angle"), c.read("boxes"), c.integer("count"), c.integer("stride"), c.number("width"), c.number("height"),
                c.number("min_size"), c.write("flags"), c.write("counts"), c.integer("counts_length"))
        case "rotated_iou_pairwise":
            api.rotated_iou_pairwise_f32(c.code("metric"), c.code("angle"), c.read("a"), c.integer("a_count"), c.integer("a_stride"), c.read("b"),
                c.integer("b_count"), c.integer("b_stride"), c.write("out"), c.integer("out_stride"))
        case "rotated_iou_pairwise_grad":
            api.rotated_iou_pairwise_grad_f32(c.code("metric"), c.code("angle"), c.read("a"), c.integer("a_count"), c.integer("a_stride"), c.read("b"),
                c.integer("b_count"), c.integer("b_stride"), c.read("grad_out"), c.integer("grad_out_stride"), c.write("grad_a"),
                c.write("grad_b"))
        case "rotated_iou_aligned":
            api.rotated_iou_aligned_f32(c.code("metric"), c.code("angle"), c.read("a"), c.integer("a_stride"), c.read("b"), c.integer("b_stride"),
                c.integer("count"), c.write("out"), c.write("grad_a"), c.write("grad_b"))
        case "rotated_iou_loss":
            api.rotated_iou_loss_f32(c.code("kind"), c.code("angle"), c.read("pred"), c.integer("pred_stride"), c.read("target"), c.integer("target_stride"),
                c.integer("count"), c.read("weights"), c.number("least_iou"), c.number("normalizer"), c.write("loss"), c.write("per_box"),
                c.write("grad_pred"), c.write("grad_target"))
        case "rotated_gaussian_loss":
            api.rotated_gaussian_loss_f32(c.code("kind"), c.code("angle"), c.options(), c.read("pred"), c.integer("pred_stride"), c.read("target"),
                c.integer("target_stride"), c.integer("count"), c.read("weights"), c.number("normalizer"), c.write("loss"),
                c.write("per_box"), c.write("grad_pred"), c.write("grad_target"))
        case "smooth_l1":
            api.smooth_l1_f32(c.read("pred"), c.read("target"), c.read("inside_weights"), c.read("outside_weights"), c.integer("count"),
                c.number("sigma"), c.number("normalizer"), c.write("loss"), c.write("elementwise"), c.write("grad_pred"),
                c.write("grad_target"))
        case "balanced_l1":
            api.balanced_l1_f32(c.read("pred"), c.read("target"), c.read("inside_weights"), c.read("outside_weights"), c.integer("count"),
                c.number("alpha"), c.number("gamma"), c.number("beta"), c.number("normalizer"), c.write("loss"), c.write("elementwise"),
                c.write("grad_pred"), c.write("grad_target"))
        case "delta_encode":
            api.delta_encode_f32(c.options(), c.read("proposals"), c.integer("proposals_stride"), c.read("targets"), c.integer("targets_stride"),
                c.integer("count"), c.write("deltas"), c.write("degenerate"), c.write("degenerate_count"))
        case "delta_encode_grad":
            api.delta_encode_grad_f32(c.options(), c.read("proposals"), c.integer("proposals_stride"), c.read("targets"), c.integer("targets_stride"),
                c.integer("count"), c.read("grad_deltas"), c.write("grad_proposals"), c.write("grad_targets"))
        case "delta_decode":
            api.delta_decode_f32(c.options(), c.read("proposals"), c.integer("proposals_stride"), c.read("deltas"), c.integer("deltas_stride"),
                c.integer("count"), c.integer("groups"), c.write("boxes"))
        case "delta_decode_grad":
            api.delta_decode_grad_f32(c.options(), c.read("proposals"), c.integer("proposals_stride"), c.read("deltas"), c.integer("deltas_stride"),
                c.integer("count"), c.integer("groups"), c.read("grad_boxes"), c.write("grad_proposals"), c.write("grad_deltas"))
        case "rotated_encode":
            api.rotated_encode_f32(c.options(), c.code("angle"), c.read("proposals"), c.integer("proposals_stride"), c.read("targets"),
                c.integer("targets_stride"), c.integer("count"), c.write("deltas"), c.write("degenerate"), c.write("degenerate_count"))
        case "rotated_encode_grad":
            api.rotated_encode_grad_f32(c.options(), c.code("angle"), c.read("proposals"), c.integer("proposals_stride"), c.read("targets"),
                c.integer("targets_stride"), c.integer("count"), c.read("grad_deltas"), c.write("grad_proposals"), c.write("grad_targets"))
        case "rotated_decode":
            api.rotated_decode_f32(c.options(), c.code("angle"), c.read("proposals"), c.integer("proposals_stride"), c.read("deltas"),
                c.integer("deltas_stride"), c.integer("count"), c.write("boxes"))
        case "rotated_decode_grad":
            api.rotated_decode_grad_f32(c.options(), c.code("angle"), c.read("proposals"), c.integer("proposals_stride"), c.read("deltas"),
                c.integer("deltas_stride"), c.integer("count"), c.read("grad_boxes"), c.write("grad_proposals"), c.write("grad_deltas"))
        case "midpoint_encode":
            api.midpoint_encode_f32(c.options(), c.code("angle"), c.read("proposals"), c.integer("proposals_stride"), c.read("targets"),
                c.integer("targets_stride"), c.integer("count"), c.write("deltas"), c.write("degenerate"), c.write("degenerate_count"))
        case "midpoint_encode_grad":
            api.midpoint_encode_grad_f32(c.options(), c.code("angle"), c.read("proposals"), c.integer("proposals_stride"), c.read("targets"),
                c.integer("targets_stride"), c.integer("count"), c.read("grad_deltas"), c.write("grad_proposals"), c.write("grad_targets"))
        case "midpoint_decode":
            api.midpoint_decode_f32(c.options(), c.code("angle"), c.read("proposals"), c.integer("proposals_stride"), c.read("deltas"),
                c.integer("deltas_stride"), c.integer("count"), c.write("boxes"))
        case "midpoint_decode_grad":
            api.midpoint_decode_grad_f32(c.options(), c.code("angle"), c.read("proposals"), c.integer("proposals_stride"), c.read("deltas"),
                c.integer("deltas_stride"), c.integer("count"), c.read("grad_boxes"), c.write("grad_proposals"), c.write("grad_deltas"))
        case "ltrb_encode":
            api.ltrb_encode_f32(c.read("points"), c.integer("points_stride"), c.read("boxes"), c.integer("boxes_stride"), c.integer("count"),
                c.write("distances"))
        case "ltrb_encode_grad":
            api.ltrb_encode_grad_f32(c.integer("count"), c.read("grad_distances"), c.write("grad_points"), c.write("grad_boxes"))
        case "ltrb_decode":
            api.ltrb_decode_f32(c.read("points"), c.integer("points_stride"), c.read("distances"), c.integer("distances_stride"), c.integer("count"),
                c.write("boxes"))
        case "ltrb_decode_grad":
            api.ltrb_decode_grad_f32(c.integer("count"), c.read("grad_boxes"), c.write("grad_points"), c.write("grad_distances"))
        case "linear_encode":
            api.linear_encode_f32(c.read("proposals"), c.integer("proposals_stride"), c.read("targets"), c.integer("targets_stride"), c.integer("count"),
                c.write("distances"))
        case "linear_encode_grad":
            api.linear_encode_grad_f32(c.read("proposals"), c.integer("proposals_stride"), c.read("targets"), c.integer("targets_stride"), c.integer("count"),
                c.read("grad_distances"), c.write("grad_proposals"), c.write("grad_targets"))
        case "linear_decode":
            api.linear_decode_f32(c.read("proposals"), c.integer("proposals_stride"), c.read("distances"), c.integer("distances_stride"), c.integer("count"),
                c.write("boxes"))
        case "linear_decode_grad":
            api.linear_decode_grad_f32(c.read("proposals"), c.integer("proposals_stride"), c.read("distances"), c.integer("distances_stride"), c.integer("count"),
                c.read("grad_boxes"), c.write("grad_proposals"), c.write("grad_distances"))
        case "yolo_decode":
            api.yolo_decode_f32(c.read("proposals"), c.integer("proposals_stride"), c.read("deltas"), c.integer("deltas_stride"), c.read("cell_sizes"),
                c.integer("count"), c.write("boxes"))
        case "yolo_decode_grad":
            api.yolo_decode_grad_f32(c.read("proposals"), c.integer("proposals_stride"), c.read("deltas"), c.integer("deltas_stride"), c.read("cell_sizes"),
                c.integer("count"), c.read("grad_boxes"), c.write("grad_proposals"), c.write("grad_deltas"))
        case "distribution_focal":
            api.distribution_focal_f32(c.read("logits"), c.integer("logits_stride"), c.read("target"), c.integer("count"), c.integer("bins"), c.read("weights"),
                c.number("normalizer"), c.write("loss"), c.write("per_row"), c.write("grad_logits"), c.write("grad_target"))
        case "distribution_decode":
            api.distribution_decode_f32(c.read("logits"), c.integer("logits_stride"), c.integer("count"), c.integer("bins"), c.write("out"))
        case "distribution_decode_grad":
            api.distribution_decode_grad_f32(c.read("logits"), c.integer("logits_stride"), c.integer("count"), c.integer("bins"), c.read("grad_out"),
                c.write("grad_logits"))
        case "roi_align":
            api.roi_align_f32(c.options(), c.read("features"), c.integer("images"), c.integer("channels"), c.integer("height"), c.integer("width"),
                c.read("boxes"), c.integer("boxes_stride"), c.read("indices"), c.integer("count"), c.integer("out_height"),
                c.integer("out_width"), c.write("out"))
        case "roi_align_grad":
            api.roi_align_grad_f32(c.options(), c.read("features"), c.integer("images"), c.integer("channels"), c.integer("height"), c.integer("width"),
                c.read("boxes"), c.integer("boxes_stride"), c.read("indices"), c.integer("count"), c.integer("out_height"),
                c.integer("out_width"), c.read("grad_out"), c.write("grad_features"), c.write("grad_boxes"))
        case "roi_pool_precise":
            api.roi_pool_precise_f32(c.options(), c.read("features"), c.integer("images"), c.integer("channels"), c.integer("height"), c.integer("width"),
                c.read("boxes"), c.integer("boxes_stride"), c.read("indices"), c.integer("count"), c.integer("out_height"),
                c.integer("out_width"), c.write("out"))
        case "roi_pool_precise_grad":
            api.roi_pool_precise_grad_f32(c.options(), c.read("features"), c.integer("images"), c.integer("channels"), c.integer("height"), c.integer("width"),
                c.read("boxes"), c.integer("boxes_stride"), c.read("indices"), c.integer("count"), c.integer("out_height"),
                c.integer("out_width"), c.read("grad_out"), c.write("grad_features"), c.write("grad_boxes"))
        case "nms":
            api.nms_f32(c.read("boxes"), c.integer("count"), c.integer("stride"), c.read("scores"), c.read("classes"), c.number("iou_threshold"),
                c.number("score_threshold"), c.integer("max_keep"), c.write("keep"), c.write("keep_count"))
        case "soft_nms":
            api.soft_nms_f32(c.code("decay"), c.read("boxes"), c.integer("count"), c.integer("stride"), c.read("scores"), c.read("classes"),
                c.number("iou_threshold"), c.number("sigma"), c.number("score_threshold"), c.integer("max_keep"), c.write("keep"),
                c.write("keep_scores"), c.write("keep_count"))
        case "rotated_nms":
            api.rotated_nms_f32(c.code("angle"), c.read("boxes"), c.integer("count"), c.integer("stride"), c.read("scores"), c.read("classes"),
                c.number("iou_threshold"), c.number("score_threshold"), c.integer("max_keep"), c.write("keep"), c.write("keep_count"))
        case "rotated_soft_nms":
            api.rotated_soft_nms_f32(c.code("decay"), c.code("angle"), c.read("boxes"), c.integer("count"), c.integer("stride"), c.read("scores"),
                c.read("classes"), c.number("iou_threshold"), c.number("sigma"), c.number("score_threshold"), c.integer("max_keep"),
                c.write("keep"), c.write("keep_scores"), c.write("keep_count"))
        case "match":
            api.match_f32(c.code("metric"), c.read("proposals"), c.integer("proposals_count"), c.integer("proposals_stride"), c.read("truths"),
                c.integer("truths_count"), c.integer("truths_stride"), c.number("eps"), c.number("low_threshold"),
                c.number("high_threshold"), c.code("low_quality"), c.write("matches"), c.write("overlaps"))
        case "rotated_match":
            api.rotated_match_f32(c.code("metric"), c.code("angle"), c.read("proposals"), c.integer("proposals_count"), c.integer("proposals_stride"),
                c.read("truths"), c.integer("truths_count"), c.integer("truths_stride"), c.number("low_threshold"),
                c.number("high_threshold"), c.code("low_quality"), c.write("matches"), c.write("overlaps"))
        case "match_ignore":
            api.match_ignore_f32(c.code("share"), c.read("proposals"), c.integer("proposals_count"), c.integer("proposals_stride"), c.read("ignored"),
                c.integer("ignored_count"), c.integer("ignored_stride"), c.number("threshold"), c.code("which"), c.read("matches"),
                c.write("out"))
        default: nil
        }
    }
}

extension Double {
    static func make(_ c: Call<Double>) -> Int32? {
        switch c.function {
        case "box_area":
            api.box_area_f64(c.read("boxes"), c.integer("count"), c.integer("stride"), c.write("out"))
        case "box_area_grad":
            api.box_area_grad_f64(c.read("boxes"), c.integer("count"), c.integer("stride"), c.read("grad_out"), c.write("grad_boxes"))
        case "box_convert":
            api.box_convert_f64(c.code("from"), c.code("to"), c.read("in"), c.integer("count"), c.integer("in_stride"), c.write("out"),
                c.integer("out_stride"))
        case "box_convert_grad":
            api.box_convert_grad_f64(c.code("from"), c.code("to"), c.integer("count"), c.read("grad_out"), c.write("grad_in"))
        case "box_clip":
            api.box_clip_f64(c.read("in"), c.integer("count"), c.integer("in_stride"), c.number("width"), c.number("height"), c.write("out"),
                c.integer("out_stride"))
        case "box_clip_grad":
            api.box_clip_grad_f64(c.read("in"), c.integer("count"), c.integer("in_stride"), c.number("width"), c.number("height"), c.read("grad_out"),
                c.write("grad_in"))
        case "box_inspect":
            api.box_inspect_f64(c.read("boxes"), c.integer("count"), c.integer("stride"), c.number("width"), c.number("height"), c.number("min_size"),
                c.write("flags"), c.write("counts"), c.integer("counts_length"))
        case "box_rotate":
            api.box_rotate_f64(c.read("boxes"), c.integer("count"), c.integer("stride"), c.number("degrees"), c.number("cx"), c.number("cy"),
                c.write("corners"), c.write("bounds"))
        case "clip":
            api.clip_f64(c.read("x"), c.integer("count"), c.number("lo"), c.number("hi"), c.write("out"))
        case "clip_grad":
            api.clip_grad_f64(c.read("x"), c.integer("count"), c.number("lo"), c.number("hi"), c.read("grad_out"), c.code("mode"), c.write("grad_in"),
                c.write("blocked"))
        case "iou_pairwise":
            api.iou_pairwise_f64(c.code("metric"), c.read("a"), c.integer("a_count"), c.integer("a_stride"), c.read("b"), c.integer("b_count"),
                c.integer("b_stride"), c.number("eps"), c.write("out"), c.integer("out_stride"), c.write("out_union"))
        case "iou_pairwise_grad":
            api.iou_pairwise_grad_f64(c.code("metric"), c.read("a"), c.integer("a_count"), c.integer("a_stride"), c.read("b"), c.integer("b_count"),
                c.integer("b_stride"), c.number("eps"), c.read("grad_out"), c.integer("grad_out_stride"), c.write("grad_a"),
                c.write("grad_b"))
        case "iou_aligned":
            api.iou_aligned_f64(c.code("metric"), c.read("a"), c.integer("a_stride"), c.read("b"), c.integer("b_stride"), c.integer("count"),
                c.number("eps"), c.write("out"), c.write("grad_a"), c.write("grad_b"))
        case "iou_loss":
            api.iou_loss_f64(c.code("metric"), c.read("pred"), c.integer("pred_stride"), c.read("target"), c.integer("target_stride"),
                c.integer("count"), c.read("weights"), c.number("eps"), c.number("normalizer"), c.write("loss"), c.write("per_box"),
                c.write("grad_pred"), c.write("grad_target"))
        case "box_loss":
            api.box_loss_f64(c.code("kind"), c.options(), c.read("pred"), c.integer("pred_stride"), c.read("target"), c.integer("target_stride"),
                c.integer("count"), c.read("weights"), c.number("normalizer"), c.write("loss"), c.write("per_box"), c.write("grad_pred"),
                c.write("grad_target"))
        case "rotated_convert":
            api.rotated_convert_f64(c.code("from"), c.code("to"), c.read("in"), c.integer("count"), c.integer("in_stride"), c.write("out"),
                c.integer("out_stride"))
        case "rotated_convert_grad":
            api.rotated_convert_grad_f64(c.code("from"), c.code("to"), c.integer("count"), c.read("grad_out"), c.write("grad_in"))
        case "rotated_regularize":
            api.rotated_regularize_f64(c.code("angle"), c.code("range"), c.read("in"), c.integer("count"), c.integer("in_stride"), c.write("out"),
                c.integer("out_stride"))
        case "rotated_regularize_grad":
            api.rotated_regularize_grad_f64(c.code("angle"), c.code("range"), c.read("boxes"), c.integer("count"), c.integer("stride"), c.read("grad_out"),
                c.write("grad_boxes"))
        case "rotated_corners":
            api.rotated_corners_f64(c.code("angle"), c.read("boxes"), c.integer("count"), c.integer("stride"), c.write("corners"), c.write("bounds"))
        case "rotated_corners_grad":
            api.rotated_corners_grad_f64(c.code("angle"), c.read("boxes"), c.integer("count"), c.integer("stride"), c.read("grad_corners"), c.read("grad_bounds"),
                c.write("grad_boxes"))
        case "rotated_from_corners":
            api.rotated_from_corners_f64(c.code("angle"), c.read("corners"), c.integer("count"), c.integer("stride"), c.write("boxes"))
        case "rotated_from_corners_grad":
            api.rotated_from_corners_grad_f64(c.code("angle"), c.read("corners"), c.integer("count"), c.integer("stride"), c.read("grad_boxes"), c.write("grad_corners"))
        case "rotated_min_area":
            api.rotated_min_area_f64(c.code("angle"), c.read("points"), c.integer("count"), c.integer("points_per_row"), c.integer("stride"), c.write("boxes"))
        case "rotated_inspect":
            api.rotated_inspect_f64(c.code("angle"), c.read("boxes"), c.integer("count"), c.integer("stride"), c.number("width"), c.number("height"),
                c.number("min_size"), c.write("flags"), c.write("counts"), c.integer("counts_length"))
        case "rotated_iou_pairwise":
            api.rotated_iou_pairwise_f64(c.code("metric"), c.code("angle"), c.read("a"), c.integer("a_count"), c.integer("a_stride"), c.read("b"),
                c.integer("b_count"), c.integer("b_stride"), c.write("out"), c.integer("out_stride"))
        case "rotated_iou_pairwise_grad":
            api.rotated_iou_pairwise_grad_f64(c.code("metric"), c.code("angle"), c.read("a"), c.integer("a_count"), c.integer("a_stride"), c.read("b"),
                c.integer("b_count"), c.integer("b_stride"), c.read("grad_out"), c.integer("grad_out_stride"), c.write("grad_a"),
                c.write("grad_b"))
        case "rotated_iou_aligned":
            api.rotated_iou_aligned_f64(c.code("metric"), c.code("angle"), c.read("a"), c.integer("a_stride"), c.read("b"), c.integer("b_stride"),
                c.integer("count"), c.write("out"), c.write("grad_a"), c.write("grad_b"))
        case "rotated_iou_loss":
            api.rotated_iou_loss_f64(c.code("kind"), c.code("angle"), c.read("pred"), c.integer("pred_stride"), c.read("target"), c.integer("target_stride"),
                c.integer("count"), c.read("weights"), c.number("least_iou"), c.number("normalizer"), c.write("loss"), c.write("per_box"),
                c.write("grad_pred"), c.write("grad_target"))
        case "rotated_gaussian_loss":
            api.rotated_gaussian_loss_f64(c.code("kind"), c.code("angle"), c.options(), c.read("pred"), c.integer("pred_stride"), c.read("target"),
                c.integer("target_stride"), c.integer("count"), c.read("weights"), c.number("normalizer"), c.write("loss"),
                c.write("per_box"), c.write("grad_pred"), c.write("grad_target"))
        case "smooth_l1":
            api.smooth_l1_f64(c.read("pred"), c.read("target"), c.read("inside_weights"), c.read("outside_weights"), c.integer("count"),
                c.number("sigma"), c.number("normalizer"), c.write("loss"), c.write("elementwise"), c.write("grad_pred"),
                c.write("grad_target"))
        case "balanced_l1":
            api.balanced_l1_f64(c.read("pred"), c.read("target"), c.read("inside_weights"), c.read("outside_weights"), c.integer("count"),
                c.number("alpha"), c.number("gamma"), c.number("beta"), c.number("normalizer"), c.write("loss"), c.write("elementwise"),
                c.write("grad_pred"), c.write("grad_target"))
        case "delta_encode":
            api.delta_encode_f64(c.options(), c.read("proposals"), c.integer("proposals_stride"), c.read("targets"), c.integer("targets_stride"),
                c.integer("count"), c.write("deltas"), c.write("degenerate"), c.write("degenerate_count"))
        case "delta_encode_grad":
            api.delta_encode_grad_f64(c.options(), c.read("proposals"), c.integer("proposals_stride"), c.read("targets"), c.integer("targets_stride"),
                c.integer("count"), c.read("grad_deltas"), c.write("grad_proposals"), c.write("grad_targets"))
        case "delta_decode":
            api.delta_decode_f64(c.options(), c.read("proposals"), c.integer("proposals_stride"), c.read("deltas"), c.integer("deltas_stride"),
                c.integer("count"), c.integer("groups"), c.write("boxes"))
        case "delta_decode_grad":
            api.delta_decode_grad_f64(c.options(), c.read("proposals"), c.integer("proposals_stride"), c.read("deltas"), c.integer("deltas_stride"),
                c.integer("count"), c.integer("groups"), c.read("grad_boxes"), c.write("grad_proposals"), c.write("grad_deltas"))
        case "rotated_encode":
            api.rotated_encode_f64(c.options(), c.code("angle"), c.read("proposals"), c.integer("proposals_stride"), c.read("targets"),
                c.integer("targets_stride"), c.integer("count"), c.write("deltas"), c.write("degenerate"), c.write("degenerate_count"))
        case "rotated_encode_grad":
            api.rotated_encode_grad_f64(c.options(), c.code("angle"), c.read("proposals"), c.integer("proposals_stride"), c.read("targets"),
                c.integer("targets_stride"), c.integer("count"), c.read("grad_deltas"), c.write("grad_proposals"), c.write("grad_targets"))
        case "rotated_decode":
            api.rotated_decode_f64(c.options(), c.code("angle"), c.read("proposals"), c.integer("proposals_stride"), c.read("deltas"),
                c.integer("deltas_stride"), c.integer("count"), c.write("boxes"))
        case "rotated_decode_grad":
            api.rotated_decode_grad_f64(c.options(), c.code("angle"), c.read("proposals"), c.integer("proposals_stride"), c.read("deltas"),
                c.integer("deltas_stride"), c.integer("count"), c.read("grad_boxes"), c.write("grad_proposals"), c.write("grad_deltas"))
        case "midpoint_encode":
            api.midpoint_encode_f64(c.options(), c.code("angle"), c.read("proposals"), c.integer("proposals_stride"), c.read("targets"),
                c.integer("targets_stride"), c.integer("count"), c.write("deltas"), c.write("degenerate"), c.write("degenerate_count"))
        case "midpoint_encode_grad":
            api.midpoint_encode_grad_f64(c.options(), c.code("angle"), c.read("proposals"), c.integer("proposals_stride"), c.read("targets"),
                c.integer("targets_stride"), c.integer("count"), c.read("grad_deltas"), c.write("grad_proposals"), c.write("grad_targets"))
        case "midpoint_decode":
            api.midpoint_decode_f64(c.options(), c.code("angle"), c.read("proposals"), c.integer("proposals_stride"), c.read("deltas"),
                c.integer("deltas_stride"), c.integer("count"), c.write("boxes"))
        case "midpoint_decode_grad":
            api.midpoint_decode_grad_f64(c.options(), c.code("angle"), c.read("proposals"), c.integer("proposals_stride"), c.read("deltas"),
                c.integer("deltas_stride"), c.integer("count"), c.read("grad_boxes"), c.write("grad_proposals"), c.write("grad_deltas"))
        case "ltrb_encode":
            api.ltrb_encode_f64(c.read("points"), c.integer("points_stride"), c.read("boxes"), c.integer("boxes_stride"), c.integer("count"),
                c.write("distances"))
        case "ltrb_encode_grad":
            api.ltrb_encode_grad_f64(c.integer("count"), c.read("grad_distances"), c.write("grad_points"), c.write("grad_boxes"))
        case "ltrb_decode":
            api.ltrb_decode_f64(c.read("points"), c.integer("points_stride"), c.read("distances"), c.integer("distances_stride"), c.integer("count"),
                c.write("boxes"))
        case "ltrb_decode_grad":
            api.ltrb_decode_grad_f64(c.integer("count"), c.read("grad_boxes"), c.write("grad_points"), c.write("grad_distances"))
        case "linear_encode":
            api.linear_encode_f64(c.read("proposals"), c.integer("proposals_stride"), c.read("targets"), c.integer("targets_stride"), c.integer("count"),
                c.write("distances"))
        case "linear_encode_grad":
            api.linear_encode_grad_f64(c.read("proposals"), c.integer("proposals_stride"), c.read("targets"), c.integer("targets_stride"), c.integer("count"),
                c.read("grad_distances"), c.write("grad_proposals"), c.write("grad_targets"))
        case "linear_decode":
            api.linear_decode_f64(c.read("proposals"), c.integer("proposals_stride"), c.read("distances"), c.integer("distances_stride"), c.integer("count"),
                c.write("boxes"))
        case "linear_decode_grad":
            api.linear_decode_grad_f64(c.read("proposals"), c.integer("proposals_stride"), c.read("distances"), c.integer("distances_stride"), c.integer("count"),
                c.read("grad_boxes"), c.write("grad_proposals"), c.write("grad_distances"))
        case "yolo_decode":
            api.yolo_decode_f64(c.read("proposals"), c.integer("proposals_stride"), c.read("deltas"), c.integer("deltas_stride"), c.read("cell_sizes"),
                c.integer("count"), c.write("boxes"))
        case "yolo_decode_grad":
            api.yolo_decode_grad_f64(c.read("proposals"), c.integer("proposals_stride"), c.read("deltas"), c.integer("deltas_stride"), c.read("cell_sizes"),
                c.integer("count"), c.read("grad_boxes"), c.write("grad_proposals"), c.write("grad_deltas"))
        case "distribution_focal":
            api.distribution_focal_f64(c.read("logits"), c.integer("logits_stride"), c.read("target"), c.integer("count"), c.integer("bins"), c.read("weights"),
                c.number("normalizer"), c.write("loss"), c.write("per_row"), c.write("grad_logits"), c.write("grad_target"))
        case "distribution_decode":
            api.distribution_decode_f64(c.read("logits"), c.integer("logits_stride"), c.integer("count"), c.integer("bins"), c.write("out"))
        case "distribution_decode_grad":
            api.distribution_decode_grad_f64(c.read("logits"), c.integer("logits_stride"), c.integer("count"), c.integer("bins"), c.read("grad_out"),
                c.write("grad_logits"))
        case "roi_align":
            api.roi_align_f64(c.options(), c.read("features"), c.integer("images"), c.integer("channels"), c.integer("height"), c.integer("width"),
                c.read("boxes"), c.integer("boxes_stride"), c.read("indices"), c.integer("count"), c.integer("out_height"),
                c.integer("out_width"), c.write("out"))
        case "roi_align_grad":
            api.roi_align_grad_f64(c.options(), c.read("features"), c.integer("images"), c.integer("channels"), c.integer("height"), c.integer("width"),
                c.read("boxes"), c.integer("boxes_stride"), c.read("indices"), c.integer("count"), c.integer("out_height"),
                c.integer("out_width"), c.read("grad_out"), c.write("grad_features"), c.write("grad_boxes"))
        case "roi_pool_precise":
            api.roi_pool_precise_f64(c.options(), c.read("features"), c.integer("images"), c.integer("channels"), c.integer("height"), c.integer("width"),
                c.read("boxes"), c.integer("boxes_stride"), c.read("indices"), c.integer("count"), c.integer("out_height"),
                c.integer("out_width"), c.write("out"))
        case "roi_pool_precise_grad":
            api.roi_pool_precise_grad_f64(c.options(), c.read("features"), c.integer("images"), c.integer("channels"), c.integer("height"), c.integer("width"),
                c.read("boxes"), c.integer("boxes_stride"), c.read("indices"), c.integer("count"), c.integer("out_height"),
                c.integer("out_width"), c.read("grad_out"), c.write("grad_features"), c.write("grad_boxes"))
        case "nms":
            api.nms_f64(c.read("boxes"), c.integer("count"), c.integer("stride"), c.read("scores"), c.read("classes"), c.number("iou_threshold"),
                c.number("score_threshold"), c.integer("max_keep"), c.write("keep"), c.write("keep_count"))
        case "soft_nms":
            api.soft_nms_f64(c.code("decay"), c.read("boxes"), c.integer("count"), c.integer("stride"), c.read("scores"), c.read("classes"),
                c.number("iou_threshold"), c.number("sigma"), c.number("score_threshold"), c.integer("max_keep"), c.write("keep"),
                c.write("keep_scores"), c.write("keep_count"))
        case "rotated_nms":
            api.rotated_nms_f64(c.code("angle"), c.read("boxes"), c.integer("count"), c.integer("stride"), c.read("scores"), c.read("classes"),
                c.number("iou_threshold"), c.number("score_threshold"), c.integer("max_keep"), c.write("keep"), c.write("keep_count"))
        case "rotated_soft_nms":
            api.rotated_soft_nms_f64(c.code("decay"), c.code("angle"), c.read("boxes"), c.integer("count"), c.integer("stride"), c.read("scores"),
                c.read("classes"), c.number("iou_threshold"), c.number("sigma"), c.number("score_threshold"), c.integer("max_keep"),
                c.write("keep"), c.write("keep_scores"), c.write("keep_count"))
        case "match":
            api.match_f64(c.code("metric"), c.read("proposals"), c.integer("proposals_count"), c.integer("proposals_stride"), c.read("truths"),
                c.integer("truths_count"), c.integer("truths_stride"), c.number("eps"), c.number("low_threshold"),
                c.number("high_threshold"), c.code("low_quality"), c.write("matches"), c.write("overlaps"))
        case "rotated_match":
            api.rotated_match_f64(c.code("metric"), c.code("angle"), c.read("proposals"), c.integer("proposals_count"), c.integer("proposals_stride"),
                c.read("truths"), c.integer("truths_count"), c.integer("truths_stride"), c.number("low_threshold"),
                c.number("high_threshold"), c.code("low_quality"), c.write("matches"), c.write("overlaps"))
        case "match_ignore":
            api.match_ignore_f64(c.code("share"), c.read("proposals"), c.integer("proposals_count"), c.integer("proposals_stride"), c.read("ignored"),
                c.integer("ignored_count"), c.integer("ignored_stride"), c.number("threshold"), c.code("which"), c.read("matches"),
                c.write("out"))
        default: nil
        }
    }
}
