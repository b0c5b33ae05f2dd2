"""Pages and charts as HTML and SVG: the frame of every page, blocks, charts; what they show comes from elsewhere."""
