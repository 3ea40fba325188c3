"""What each function takes. Written by tools/interface.py from include/boxgrad.h.

One letter a parameter: * memory, ? memory or None, n size_t, s ptrdiff_t, d double, i int32_t, l int64_t, u uint64_t.
"""

FOR_EACH_DTYPE = {
    "box_area": "*ns*",
    "box_area_grad": "*ns**",
    "box_convert": "ii*ns*s",
    "box_convert_grad": "iin**",
    "box_clip": "*nsdd*s",
    "box_clip_grad": "*nsdd**",
    "box_inspect": "*nsddd??n",
    "box_rotate": "*nsddd??",
    "clip": "*ndd*",
    "clip_grad": "*ndd*i*?",
    "iou_pairwise": "i*ns*nsd*s?",
    "iou_pairwise_grad": "i*ns*nsd*s??",
    "iou_aligned": "i*s*snd???",
    "iou_loss": "i*s*sn?dd????",
    "smooth_l1": "**??ndd????",
    "delta_encode": "?*s*sn*??",
    "delta_encode_grad": "?*s*sn*??",
    "delta_decode": "?*s*snn*",
    "delta_decode_grad": "?*s*snn*??",
    "ltrb_encode": "*s*sn*",
    "ltrb_encode_grad": "n*??",
    "nms": "*ns*?ddn**",
    "soft_nms": "i*ns*?dddn***",
    "match": "i*ns*nsdddi??",
    "match_ignore": "i*ns*nsdi**",
}
FOR_ALL_DTYPES = {
    "set_max_threads": "i",
    "set_keep_threads": "i",
    "sample": "*nlndu***",
    "grad_norm": "*nd???",
    "grad_norm_combine": "*nd*",
    "grad_scale": "*nd",
    "clip_grad_norm": "*ndddi?",
    "clip_grad_value": "*nd",
}
