// Who the samples are, and what the model says of them at every moment.

function createSamples(message) {
  const { header } = message
  const count = header.samples
  const places = new Map(header.moments.map(({ key }, k) => [key, k]))
  const classes = classesOf(message, "classes", header.class_bytes)
  const top3Class = classesOf(message, "top3_class", header.top3_bytes)
  const halves = Object.fromEntries(
    ["top3", "loss", "cosine", "boundary"].map((name) => [name, part(message, name, Uint16Array)]),
  )
  const rows = part(message, "row", Int32Array)
  const name = (label) => header.classes[label] ?? String(label)
  const ramps = new Map()
  const samples = {
    stamp: header.stamp, count, rows, groups: header.groups, referenceColour: header.reference_colour, name,
    sample: part(message, "sample", Int32Array),
    test: part(message, "test", Uint8Array),
    group: part(message, "group", Uint8Array),
    label: classes.subarray(0, count),
    truth: classes.subarray(count),
    indexOf: new Map([...rows].map((row, i) => [row, i])),
    // One recorded number; NaN where there is none.
    value(measure, key, i) {
      const place = places.get(key)
      return place === undefined ? NaN : half(halves[measure][place * count + i])
    },
    top3(key, i) {
      const place = places.get(key)
      if (place === undefined) return []
      const first = 3 * (place * count + i)
      return [0, 1, 2]
        .map((k) => [top3Class[first + k], half(halves.top3[first + k])])
        .filter(([label, probability]) => label !== unknownClass(header.top3_bytes) && Number.isFinite(probability))
        .map(([label, probability]) => [name(label), probability])
    },
    // Ends of a measure over all moments, without the outermost hundredth, so that one value does not take all colour.
    range(measure) {
      if (!ramps.has(measure)) {
        const every = Math.max(1, Math.floor(halves[measure].length / 50_000))
        const known = []
        for (let k = 0; k < halves[measure].length; k += every) {
          const value = half(halves[measure][k])
          if (Number.isFinite(value)) known.push(value)
        }
        known.sort((a, b) => a - b)
        const at = (share) => known[Math.round(share * (known.length - 1))]
        ramps.set(measure, known.length ? [at(0.01), at(0.99)] : null)
      }
      return ramps.get(measure)
    },
  }
  return samples
}
