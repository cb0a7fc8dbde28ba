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

// What lives in an element of a component: made when the element is new, and from then on told what changes.
function keepInstance(instances, { data, parentElement, setStateValue }, create) {
  const instance = instances.get(parentElement) ?? create(parentElement)
  instances.set(parentElement, instance)
  instance.update(data, setStateValue)
  return instance.destroy
}

// The place in the page that was kept free until the script came takes the height of what is in it from now on.
function settleHeight(root) {
  const place = root.host?.closest("[data-testid=stElementContainer]")
  if (place) Object.assign(place.style, { height: "auto", flex: "none" })
}

// One selection for everything on the page that draws the samples of a run: who changes it tells the others at once, and
// the server when it likes. Whoever listens leaves when it is taken down.
const SELECTED = "unlearnscope:selection"
const CHOICES = Symbol.for("unlearnscope selection")
const lastChoices = () => (globalThis[CHOICES] ??= new Map())

function selectionBus(hear) {
  const self = {}
  const listen = ({ detail }) => { if (detail.from !== self) hear(detail) }
  window.addEventListener(SELECTED, listen)
  return {
    tell(run, rows, revision) {
      lastChoices().set(run, { rows, revision })
      window.dispatchEvent(new CustomEvent(SELECTED, { detail: { run, rows, revision, from: self } }))
    },
    // What was told last, for whoever joins later; null where the server has changed the selection since.
    last(run, revision) {
      const told = lastChoices().get(run)
      return told?.revision === revision ? told.rows : null
    },
    leave: () => window.removeEventListener(SELECTED, listen),
  }
}

// A 16-bit floating-point number from its bits.
function half(bits) {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 31
  const fraction = bits & 1023
  if (exponent === 31) return fraction ? NaN : sign * Infinity
  return sign * (exponent ? 2 ** (exponent - 25) * (1024 + fraction) : 2 ** -24 * fraction)
}
