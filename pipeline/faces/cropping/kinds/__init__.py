"""Ways to cut the tracked face out of a frame, one file each. A plugin has

    Params      its settings; `shape` is (height, width) of the crops, px
    ARRAY       the array of `faces.h5` that says where the face is: "boxes" (T, 4) or "landmarks" (T, 2, 2)
    COLUMNS     four names with units: that array's row, flattened, as the crops' file keeps it in `values`
    cut         `cut(rgb, place, params)`: (H, W, 3) uint8 and a row of ARRAY -> (height, width, 3) uint8
    reach       `reach(place, params)`: (left, top, right, bottom) px, what of the picture the crop shows, if the
                picture had no borders; only that, and what is reflected, is converted to RGB

Nothing is stretched; what lies outside the frame is its reflection. Plugins are leaves: none imports another.
"""
