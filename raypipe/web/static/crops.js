// Parts of a page's picture: what a rotated box shows, turned upright.

export function crop(image, page, { x, y, width, height, angle }, canvas = document.createElement("canvas")) {
  const scale = (image.naturalWidth ?? image.width) / page.width; // The picture may be smaller than the page.
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  const pen = canvas.getContext("2d");
  pen.translate(canvas.width / 2, canvas.height / 2);
  pen.rotate(-angle * Math.PI / 180);
  pen.drawImage(image, -x * scale, -y * scale);
  return canvas;
}

export function around(item, margin) { // The box with a margin, in its heights.
  const more = 2 * margin * item.height;
  return { ...item, width: item.width + more, height: item.height + more / 2 };
}
