// Carries one packed message to the viewers on the page. An instance of its own, so that Streamlit's cache of messages
// spares the network when the page is drawn again.

const BOARD = Symbol.for("unlearnscope messages")

export default function ({ data, parentElement }) {
  const board = (globalThis[BOARD] ??= { messages: new Map(), readers: new Set() })
  const size = new DataView(data.buffer, data.byteOffset).getUint32(0, true)
  const header = JSON.parse(new TextDecoder().decode(data.subarray(4, 4 + size)))
  if (board.messages.get(parentElement)?.header.stamp !== header.stamp) {
    // A copy starts at an address at which numbers of any size can be read in place.
    board.messages.set(parentElement, { header, body: data.slice(4 + size).buffer })
    for (const tell of board.readers) tell()
  }
  return () => board.messages.delete(parentElement)
}
