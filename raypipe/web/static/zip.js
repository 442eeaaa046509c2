// ZIP archives, stored without compression (APPNOTE.TXT 6.3.10): pictures are compressed already.

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit += 1) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n;
});
const UTF8 = 0x800, VERSION = 20;

function crc32(bytes) {
  let sum = ~0;
  for (const byte of bytes) sum = TABLE[(sum ^ byte) & 255] ^ (sum >>> 8);
  return ~sum >>> 0;
}

function record(...fields) { // Little-endian: [bytes, value] each.
  const made = new DataView(new ArrayBuffer(fields.reduce((sum, [size]) => sum + size, 0)));
  let place = 0;
  for (const [size, value] of fields) {
    if (size === 4) made.setUint32(place, value, true);
    else made.setUint16(place, value, true);
    place += size;
  }
  return new Uint8Array(made.buffer);
}

export function zip(files) { // [name, bytes] each.
  const local = [], central = [];
  let place = 0;
  for (const [name, bytes] of files) {
    const path = new TextEncoder().encode(name);
    const facts = [[2, VERSION], [2, UTF8], [2, 0], [2, 0], [2, 0x21], [4, crc32(bytes)], [4, bytes.length], [4, bytes.length], [2, path.length], [2, 0]];
    const head = record([4, 0x04034b50], ...facts);
    local.push(head, path, bytes);
    central.push(record([4, 0x02014b50], [2, VERSION], ...facts, [2, 0], [2, 0], [2, 0], [4, 0], [4, place]), path);
    place += head.length + path.length + bytes.length;
  }
  const size = central.reduce((sum, part) => sum + part.length, 0);
  const end = record([4, 0x06054b50], [2, 0], [2, 0], [2, files.length], [2, files.length], [4, size], [4, place], [2, 0]);
  return new Blob([...local, ...central, end], { type: "application/zip" });
}
