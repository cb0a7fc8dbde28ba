// Axes, grids and titles, drawn on a canvas above the points.

const SMALL = 12
const SUPER = "⁰¹²³⁴⁵⁶⁷⁸⁹"
const power = (exponent) =>
  `10${exponent < 0 ? "⁻" : ""}${[...String(Math.abs(exponent))].map((digit) => SUPER[digit]).join("")}`

// Ticks of an axis between two places, as [place, label].
function ticksOf(shown, from, to, most) {
  const valueAt = (place) => shown.low + (place * (1 + 2 * MARGIN) + 0.5) * (shown.high - shown.low)
  const [low, high] = [valueAt(from), valueAt(to)]
  if (shown.scale === "log") return logTicks(low, high, most).map(([value, label]) => [placeOn(shown, value), label])
  const step = niceStep((high - low) / most)
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9))
  return multiples(low, high, step).map((value) => [placeOn(shown, value), value.toFixed(digits).replace("-", "−")])
}

// The multiples of a step between two values.
function multiples(low, high, step) {
  const first = Math.ceil(low / step - 1e-9)
  const last = Math.floor(high / step + 1e-9)
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, k) => (first + k) * step)
}

// Of a logarithmic axis from 10^low to 10^high: powers of ten, or 1, 2 and 5 of them, or equal steps, whichever are two
// or more, as [power, label].
function logTicks(low, high, most) {
  const inside = ([value]) => value >= low - 1e-9 && value <= high + 1e-9
  const step = Math.max(1, Math.round(niceStep((high - low) / most)))
  const decades = []
  const fine = []
  for (let exponent = Math.floor(low / step) * step; exponent <= Math.ceil(high); exponent += step) {
    decades.push([exponent, power(exponent)])
    for (const digit of [1, 2, 5]) fine.push([Math.log10(digit) + exponent, String(+(digit * 10 ** exponent).toPrecision(1))])
  }
  const found = [decades, fine].map((ticks) => ticks.filter(inside)).find((ticks) => ticks.length > 1)
  if (found) return found
  return multiples(10 ** low, 10 ** high, niceStep((10 ** high - 10 ** low) / most))
    .map((value) => [Math.log10(value), String(+value.toPrecision(6))])
}

function niceStep(rough) {
  const unit = 10 ** Math.floor(Math.log10(rough))
  return unit * ([1, 2, 5, 10].find((factor) => factor * unit >= rough * 0.999) ?? 10)
}

function words(pen, text, x, y, { align = "center", baseline = "middle", angle = 0, weight = "", size = SMALL, colour } = {}) {
  pen.save()
  pen.translate(x, y)
  pen.rotate(angle)
  pen.font = `${weight} ${size}px ${pen.family}`
  pen.textAlign = align
  pen.textBaseline = baseline
  pen.fillStyle = colour ?? pen.ink
  pen.fillText(text, 0, 0)
  pen.restore()
}

const line = (pen, from, to, colour) => {
  pen.strokeStyle = colour
  pen.lineWidth = 1
  pen.beginPath()
  pen.moveTo(...from)
  pen.lineTo(...to)
  pen.stroke()
}

function paneTitle(pen, pane) {
  const { x, width, y } = pane.frame
  const mark = pane.kind === "reference" ? "■ " : ""
  pen.font = `600 13px ${pen.family}`
  const left = x + width / 2 - pen.measureText(mark + pane.title).width / 2
  const end = left + pen.measureText(mark).width
  if (mark) words(pen, mark, left, y + 10, { align: "left", weight: 600, size: 13, colour: pen.referenceInk })
  words(pen, pane.title, end, y + 10, { align: "left", weight: 600, size: 13 })
}

// The three faces of the cube behind the points, with grid, ticks and titles on the outer edges.
function cubeAxes(pen, pane, axes, camera) {
  const eye = eyeOf(camera)
  const back = eye.map((side) => (side > 0 ? -0.5 : 0.5))
  const spot = (place) => project(pane.matrix, pane.box, ...place)
  const middle = spot([0, 0, 0])
  const at = (axis, value, other, otherValue, third, thirdValue) => {
    const place = []
    place[axis] = value
    place[other] = otherValue
    place[third] = thirdValue
    return spot(place)
  }
  const ticks = axes.map((axis) => ticksOf(axis, -0.5, 0.5, 4))
  for (let face = 0; face < 3; face++) {
    const [a, b] = [(face + 1) % 3, (face + 2) % 3]
    for (const [along, across] of [[a, b], [b, a]]) {
      for (const value of [-0.5, 0.5, ...ticks[along].map(([place]) => place)]) {
        const ends = [-0.5, 0.5].map((end) => at(along, value, across, end, face, back[face]))
        line(pen, ...ends, pen.grid)
      }
    }
  }
  for (let axis = 0; axis < 3; axis++) {
    // Of the four edges along an axis two lie on the outline: for x and y the lower one, for z the left one is named.
    const [a, b] = axis === 2 ? [0, 1] : [1 - axis, 2]
    const edges = [[back[a], -back[b]], [-back[a], back[b]]].map(([u, v]) =>
      [-0.5, 0.5].map((end) => at(axis, end, a, u, b, v)),
    )
    const rank = ([p, q]) => (axis === 2 ? p[0] + q[0] : -(p[1] + q[1]))
    const which = rank(edges[0]) <= rank(edges[1]) ? 0 : 1
    const [u, v] = [[back[a], -back[b]], [-back[a], back[b]]][which]
    const [from, to] = edges[which]
    line(pen, from, to, pen.faint)
    const centre = [(from[0] + to[0]) / 2, (from[1] + to[1]) / 2]
    // Labels go square to the edge, away from the cube.
    const length = Math.hypot(to[0] - from[0], to[1] - from[1]) || 1
    let away = [-(to[1] - from[1]) / length, (to[0] - from[0]) / length]
    if (away[0] * (centre[0] - middle[0]) + away[1] * (centre[1] - middle[1]) < 0) away = scaled(away, -1)
    if (length < 40) continue
    let widest = 0
    pen.font = `${SMALL}px ${pen.family}`
    for (const [place, label] of ticks[axis]) {
      const [x, y] = at(axis, place, a, u, b, v)
      const half = pen.measureText(label).width / 2
      widest = Math.max(widest, half)
      words(pen, label, x + (5 + half) * away[0], y + 11 * away[1], { colour: pen.faint })
    }
    let angle = Math.atan2(to[1] - from[1], to[0] - from[0])
    // Upright edges read from below, the others from the left.
    if (angle > 1.2) angle -= Math.PI
    else if (angle < -Math.PI + 1.2) angle += Math.PI
    const far = 14 + Math.abs(away[0]) * 2 * widest + Math.abs(away[1]) * 12
    const { x, width } = pane.frame
    const across = Math.max(x + 7, Math.min(x + width - 7, centre[0] + far * away[0]))
    words(pen, axes[axis].short, across, centre[1] + far * away[1], { angle })
  }
}

// The title of an axis, or its short form where the other does not fit.
function fitting(pen, axis, room) {
  pen.font = `${SMALL}px ${pen.family}`
  return pen.measureText(axis.title).width <= room ? axis.title : axis.short
}

// A frame with ticks; titles stand below each pane and left of the first of a row, unless they are said elsewhere.
function flatAxes(pen, pane, axes) {
  const { x, y, width, height } = pane.box
  const [across, upward] = pane.pair.map((place) => axes[place])
  pen.strokeStyle = pen.grid
  pen.strokeRect(x + 0.5, y + 0.5, width, height)
  const ticks = [across, upward].map((axis, row) => ticksOf(axis, ...pane.zoom[row], row ? 4 : 5))
  const share = (row, place) => (place - pane.zoom[row][0]) / (pane.zoom[row][1] - pane.zoom[row][0])
  for (const [place, label] of ticks[0]) {
    const left = x + share(0, place) * width
    line(pen, [left, y], [left, y + height], pen.grid)
    words(pen, label, left, y + height + 10, { colour: pen.faint })
  }
  for (const [place, label] of ticks[1]) {
    const top = y + (1 - share(1, place)) * height
    line(pen, [x, top], [x + width, top], pen.grid)
    if (pane.first) words(pen, label, x - 6, top, { align: "right", colour: pen.faint })
  }
  if (pane.untitled) return
  words(pen, fitting(pen, across, width), x + width / 2, y + height + 25)
  if (pane.first) words(pen, fitting(pen, upward, height), x - 44, y + height / 2, { angle: -Math.PI / 2 })
}
