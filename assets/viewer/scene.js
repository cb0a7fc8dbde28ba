// A view: where every sample lies at every moment.

const codePlace = (code) => (code / CODES - 0.5) / (1 + 2 * MARGIN)

function createScene(message) {
  const { header } = message
  const { axes, moments, samples: count } = header
  const size = axes.length
  const codes = part(message, "codes", Uint16Array)
  const predictions = classesOf(message, "prediction", header.class_bytes)
  const bits = part(message, "stray", Uint8Array)
  const strayBytes = Math.ceil(count / 8)
  const places = new Map() // moment: (n, 3) places, z = 0 on two axes
  const strays = new Map()
  const scene = {
    stamp: header.stamp, view: header.view, axes, moments, equal: header.equal, count, size, flat: size === 2,
    map: size === 2 && header.equal, // a plane in which lengths can be compared in every direction
    rounds: [...moments.keys()].filter((k) => moments[k].kind === "round"),
    references: [...moments.keys()].filter((k) => moments[k].kind === "reference"),
    others: [...moments.keys()].filter((k) => moments[k].kind === "other"),
    unknown: unknownClass(header.class_bytes),
    codesAt: (moment) => codes.subarray(moment * count * size, (moment + 1) * count * size),
    predictionAt: (moment) => predictions.subarray(moment * count, (moment + 1) * count),
    placesAt(moment) {
      if (!places.has(moment)) places.set(moment, decodePlaces(scene.codesAt(moment), count, size))
      return places.get(moment)
    },
    // Samples for which the map has no reference at this moment.
    straysAt(moment) {
      if (!strays.has(moment)) {
        const flags = bits.subarray(moment * strayBytes, (moment + 1) * strayBytes)
        strays.set(moment, Uint32Array.from([...Array(count).keys()].filter((i) => flags[i >> 3] & (1 << (i & 7)))))
      }
      return strays.get(moment)
    },
    // The place of a sample at a share of the way between two moments; null where it is not drawn.
    place(i, { from, to, share }) {
      const a = scene.placesAt(from)
      if (a[3 * i] === AWAY) return null
      if (!share) return [a[3 * i], a[3 * i + 1], a[3 * i + 2]]
      const b = scene.placesAt(to)
      if (b[3 * i] === AWAY) return null
      return [0, 1, 2].map((k) => a[3 * i + k] + share * (b[3 * i + k] - a[3 * i + k]))
    },
    // What a place on an axis stands for.
    value: (axis, place) => axes[axis].low + (place * (1 + 2 * MARGIN) + 0.5) * (axes[axis].high - axes[axis].low),
    // A round of a second run that belongs to a round of this one: the same, or the last one before it.
    otherAt(number) {
      const earlier = scene.others.filter((k) => moments[k].number === null || moments[k].number <= number)
      return earlier.at(-1) ?? scene.others[0]
    },
  }
  return scene
}

function decodePlaces(codes, count, size) {
  const places = new Float32Array(3 * count)
  for (let i = 0; i < count; i++) {
    let known = true
    for (let k = 0; k < size; k++) {
      const code = codes[size * i + k]
      known &&= code !== EMPTY
      places[3 * i + k] = codePlace(code)
    }
    if (!known) places.fill(AWAY, 3 * i, 3 * i + 3)
  }
  return places
}
