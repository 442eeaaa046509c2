// Bytes in `data:` URLs. Nothing but this page's own server may be fetched from, so they are decoded by hand.

export function decoded(url) {
  const [head, data] = url.split(",");
  return { type: head.match(/data:([^;]*)/)[1], bytes: Uint8Array.from(atob(data), (c) => c.charCodeAt(0)) };
}
