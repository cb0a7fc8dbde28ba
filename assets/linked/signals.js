// Numbers of every recorded sample over the rounds, and the quartiles of some of them.

const HALVES = 65536
const NONE = HALVES - 1
const PARTS = [0.25, 0.5, 0.75]
// A 16-bit number's bits in the order of the values, and back.
const orderOf = (bits) => (bits & 0x8000 ? 0xffff - bits : bits + 0x8000)
const bitsOf = (order) => (order & 0x8000 ? order - 0x8000 : 0xffff - order)
const valueOfOrder = (order) => half(bitsOf(order))

function createSignals(message) {
  const { header } = message
  const { samples: count, moments, signals } = header
  const ordered = part(message, "values", Uint16Array).map((bits) => ((bits & 0x7fff) > 0x7c00 ? NONE : orderOf(bits)))
  const tally = new Uint32Array(HALVES)
  const start = (signal, moment) => (signal * moments.length + moment) * count
  return {
    stamp: header.stamp, count, moments, signals, groups: header.groups,
    group: part(message, "group", Uint8Array),
    sample: part(message, "sample", Int32Array),
    test: part(message, "test", Uint8Array),
    // One number; NaN where it was not recorded.
    value(signal, moment, i) {
      const order = ordered[start(signal, moment) + i]
      return order === NONE ? NaN : valueOfOrder(order)
    },
    // Lower quartile, median, upper quartile of some samples; null where none of them is known. Counted, not sorted:
    // the values are of 65,536 kinds, however many samples there are.
    quartiles(signal, moment, indices) {
      const from = start(signal, moment)
      let [known, low, high] = [0, NONE, 0]
      for (const i of indices) {
        const order = ordered[from + i]
        if (order === NONE) continue
        tally[order]++
        known++
        if (order < low) low = order
        if (order > high) high = order
      }
      if (!known) return null
      const ranks = PARTS.flatMap((share) => [Math.floor(share * (known - 1)), Math.ceil(share * (known - 1))])
      const at = []
      let seen = 0
      for (let order = low; order <= high && at.length < ranks.length; order++) {
        seen += tally[order]
        while (at.length < ranks.length && seen > ranks[at.length]) at.push(valueOfOrder(order))
      }
      tally.fill(0, low, high + 1)
      return PARTS.map((share, k) => {
        const [below, above] = [at[2 * k], at[2 * k + 1]]
        const rest = share * (known - 1) - ranks[2 * k]
        return rest ? below + rest * (above - below) : below
      })
    },
  }
}
