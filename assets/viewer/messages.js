// Reading of what the instances of `message.js` carry.

const BOARD = Symbol.for("unlearnscope messages")
const messageBoard = () => (globalThis[BOARD] ??= { messages: new Map(), readers: new Set() })

function element(tag, name = "", text = "") {
  const made = document.createElement(tag)
  made.className = name
  made.textContent = text
  return made
}

// The message with a stamp; undefined while it is on its way.
const messageOf = (stamp) => [...messageBoard().messages.values()].find(({ header }) => header.stamp === stamp)

function part({ header, body }, name, Type) {
  const [start, size] = header.parts[name]
  return new Type(body, start, size / Type.BYTES_PER_ELEMENT)
}

// Class numbers take one byte or two; the highest number stands for "unknown".
const classesOf = (message, name, width) => part(message, name, width === 1 ? Uint8Array : Uint16Array)
const unknownClass = (width) => (width === 1 ? 255 : 65535)

// A 16-bit floating-point number from its bits.
function half(bits) {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 31
  const fraction = bits & 1023
  if (exponent === 31) return fraction ? NaN : sign * Infinity
  return sign * (exponent ? 2 ** (exponent - 25) * (1024 + fraction) : 2 ** -24 * fraction)
}
